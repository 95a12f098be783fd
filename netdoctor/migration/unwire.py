"""Reads points out of a gRPC scroll reply without making an object per number.

The generated classes would turn a vector into a thousand Python floats, only to be put together again. Here its
bytes stay bytes. Whatever this does not know (several vectors in one, named dense ones) is left to the generated
classes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from netdoctor.migration.records import Sparse, sparse_of
from netdoctor.migration.wire import named_bytes, payload_entries


class Unknown(Exception):
    """A shape that is not read here."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(tag, start, end) of every field; of a varint the end is its value and the start -1."""
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 2:
            length, at = _varint(data, at)
            yield tag, at, at + length
            at += length
        elif kind == 0:
            value, at = _varint(data, at)
            yield tag, -1, value
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            yield tag, at, at + size
            at += size
        else:
            raise Unknown


_ID, _PAYLOAD, _VECTORS = 0x0A, 0x12, 0x22


def retrieved(data: bytes, at: int, end: int) -> tuple[str, list[bytes], bytes, bytes]:
    """Id, payload entries in their canonical order, the dense vector's bytes, the named ones'. Raises Unknown."""
    identity, vector, named = "", b"", b""
    entries = []
    for tag, start, stop in fields(data, at, end):
        if tag == _PAYLOAD:
            entries.append(canonical_entry(data[start:stop]))
        elif tag == _ID:
            identity = _id(data, start, stop)
        elif tag == _VECTORS:
            vector, named = _vectors(data, start, stop)
    entries.sort()
    return identity, entries, vector, named


def scrolled(data: bytes) -> tuple[list[tuple[str, list[bytes], bytes, bytes]], str | int | None]:
    """The points of a ``ScrollResponse``, and where the next page starts. Raises Unknown."""
    points = []
    following: str | int | None = None
    try:
        for tag, start, stop in fields(data, 0, len(data)):
            if tag == 0x12:
                points.append(retrieved(data, start, stop))
            elif tag == 0x0A:
                text = _id(data, start, stop)
                following = int(text) if text.isdigit() else text
    except (IndexError, UnicodeDecodeError) as broken:
        raise Unknown from broken
    return points, following


def _id(data: bytes, at: int, end: int) -> str:
    for tag, start, stop in fields(data, at, end):
        if tag == 0x12:
            return data[start:stop].decode("ascii")
        if tag == 0x08:
            return str(stop)
    return "0"


def _vectors(data: bytes, at: int, end: int) -> tuple[bytes, bytes]:
    """``VectorsOutput``: one dense vector, or named ones, of which the dense one has the empty name."""
    for tag, start, stop in fields(data, at, end):
        if tag == 0x0A:
            return _dense(data, start, stop), b""
        if tag == 0x12:
            return _named(data, start, stop)
        raise Unknown
    return b"", b""


def _dense(data: bytes, at: int, end: int) -> bytes:
    """A dense ``VectorOutput``, in the typed or in the older flat form."""
    for tag, start, stop in fields(data, at, end):
        if tag == 0x0A:
            return data[start:stop]
        if tag == 0x32A:  # 101, a message
            for inner, first, last in fields(data, start, stop):
                if inner == 0x0A:
                    return data[first:last]
        raise Unknown
    return b""


def _named(data: bytes, at: int, end: int) -> tuple[bytes, bytes]:
    dense = b""
    found: dict[str, Sparse | None] = {}
    for _, start, stop in fields(data, at, end):
        name, first, last = "", 0, 0
        for tag, one, two in fields(data, start, stop):
            if tag == 0x0A:
                name = data[one:two].decode("utf-8")
            elif tag == 0x12:
                first, last = one, two
        if name:
            found[name] = _sparse(data, first, last)
        else:
            dense = _dense(data, first, last)
    return dense, named_bytes(found)


def _sparse(data: bytes, at: int, end: int) -> Sparse | None:
    """A sparse ``VectorOutput`` in its typed form. Raises Unknown."""
    import numpy as np

    for tag, start, stop in fields(data, at, end):
        if tag != 0x332:  # 102, a message
            raise Unknown
        indices: list[int] = []
        values = b""
        for inner, first, last in fields(data, start, stop):
            if inner == 0x0A:
                values = data[first:last]
            elif inner == 0x12:
                while first < last:
                    index, first = _varint(data, first)
                    indices.append(index)
        try:
            return sparse_of(indices, np.frombuffer(values, "<f4"))
        except ValueError as odd:
            raise Unknown from odd
    return None


def canonical_entry(entry: bytes) -> bytes:
    """The entry of a payload as ``payload_entries`` would write it: objects inside it with their keys in order."""
    key_end = 2 + entry[1] if len(entry) > 1 and entry[0] == 0x0A and entry[1] < 0x80 else -1
    if key_end > 0 and len(entry) > key_end + 2 and entry[key_end] == 0x12:
        at = key_end + 1
        while entry[at] >= 0x80:
            at += 1
        kind = entry[at + 1] if at + 1 < len(entry) else 0
        if kind not in (0x32, 0x3A):
            return entry
        if kind == 0x3A and _plain_list(entry, at + 1):
            return entry
    return _rewritten(entry)


def _plain_list(data: bytes, at: int) -> bool:
    """Whether the list holds neither lists nor objects."""
    _, start, end = next(fields(data, at, len(data)))
    return all(
        data[first] not in (0x32, 0x3A) if first < last else False
        for tag, first, last in fields(data, start, end)
        if tag == 0x0A
    )


def _rewritten(entry: bytes) -> bytes:
    key, value = "", b""
    for tag, start, stop in fields(entry, 0, len(entry)):
        if tag == 0x0A:
            key = entry[start:stop].decode("utf-8")
        elif tag == 0x12:
            value = entry[start:stop]
    return payload_entries({key: decoded(value)})[0]


def decoded(value: bytes) -> Any:
    """One protobuf ``Value`` as Python data."""
    for tag, start, stop in fields(value, 0, len(value)):
        if tag == 0x22:
            return value[start:stop].decode("utf-8")
        if tag == 0x11:
            return struct.unpack("<d", value[start:stop])[0]
        if tag == 0x18:
            return stop - (1 << 64) if stop >= 1 << 63 else stop
        if tag == 0x28:
            return bool(stop)
        if tag == 0x32:
            return dict(_pairs(value, start, stop))
        if tag == 0x3A:
            return [decoded(value[first:last]) for inner, first, last in fields(value, start, stop) if inner == 0x0A]
        if tag == 0x08:
            return None
    return None


def _pairs(data: bytes, at: int, end: int) -> Iterator[tuple[str, Any]]:
    for tag, start, stop in fields(data, at, end):
        if tag == 0x0A:
            yield from payload_of([data[start:stop]]).items()


def payload_of(entries: list[bytes]) -> dict[str, Any]:
    """The payload that these entries are."""
    found = {}
    for entry in entries:
        key, value = "", b""
        for tag, start, stop in fields(entry, 0, len(entry)):
            if tag == 0x0A:
                key = entry[start:stop].decode("utf-8")
            elif tag == 0x12:
                value = entry[start:stop]
        found[key] = decoded(value)
    return found
