"""Points as bytes: the protobuf and the JSON that Qdrant reads, written without an object per number.

A batch is a joining of already encoded points, so a point is encoded once however often its batch is sent.
Field numbers are those of Qdrant's published ``points.proto`` and ``json_with_int.proto``.
"""

from __future__ import annotations

import functools
import importlib
import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netdoctor.migration.digits import unit_arrays
from netdoctor.migration.points import Point
from netdoctor.migration.records import Sparse, sparse_of

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_double = struct.Struct("<Bd").pack


def varint(value: int) -> bytes:
    """A non-negative integer in protobuf's base-128 form."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(field: int, kind: int) -> bytes:
    return varint(field << 3 | kind)


_LENGTHS = tuple(varint(length) for length in range(1024))


def _sized(tag: bytes, body: bytes) -> bytes:
    length = len(body)
    return tag + (_LENGTHS[length] if length < 1024 else varint(length)) + body


_F1, _F2, _F3, _F4 = (_tag(field, _BYTES) for field in (1, 2, 3, 4))
_F5, _F6, _F7 = (_tag(field, _BYTES) for field in (5, 6, 7))
_NULL = _tag(1, _VARINT) + b"\x00"
_INTEGER = _tag(3, _VARINT)
_BOOL = _tag(5, _VARINT)
_DOUBLE_TAG = 2 << 3 | _FIXED64
_SHORT_TEXT = tuple(_F2 + varint(length + 2) + _F4 + varint(length) for length in range(100))
"""What stands between the key and the text of an entry, by the text's bytes; both lengths have one byte."""
_ID_HEAD = _F1 + varint(38) + _F2 + varint(36)
"""What stands before an id of 36 characters."""
_DENSE, _SPARSE = _tag(101, _BYTES), _tag(102, _BYTES)


def value_bytes(value: Any) -> bytes:
    """One ``Value``. Integers outside int64 become doubles, as Qdrant itself reads them from JSON."""
    if isinstance(value, str):
        return _sized(_F4, value.encode("utf-8"))
    if isinstance(value, bool):
        return _BOOL + (b"\x01" if value else b"\x00")
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return _INTEGER + varint(value & 0xFFFFFFFFFFFFFFFF)
        return _double(_DOUBLE_TAG, float(value))
    if isinstance(value, float):
        return _double(_DOUBLE_TAG, value)
    if value is None:
        return _NULL
    if isinstance(value, Mapping):
        return _sized(_F6, b"".join([_sized(_F1, entry) for entry in payload_entries(value)]))
    return _sized(_F7, b"".join(_sized(_F1, value_bytes(item)) for item in value))


def payload_entries(items: Mapping[str, Any]) -> list[bytes]:
    """The entries of a ``map<string, Value>``, without tag and length, in their bytes' order.

    Equal payloads give equal entries, whatever the order of their keys: digests rely on it.
    """
    return sorted([_entry(key, item) for key, item in items.items()])


def _entry(key: str, item: Any) -> bytes:
    """Most of what payloads hold are short texts: they are put together in one step."""
    if type(item) is str:
        text = item.encode("utf-8")
        if len(text) < len(_SHORT_TEXT):
            return _key(key) + _SHORT_TEXT[len(text)] + text
    return _key(key) + _sized(_F2, value_bytes(item))


def entry_start(key: str) -> bytes:
    """How the entry of that key begins."""
    return _key(key) + _F2


@functools.lru_cache(4096)
def _key(key: str) -> bytes:
    """Every record has the same few keys."""
    return _sized(_F1, key.encode("utf-8"))


def point_protobuf(point: Point, entries: Sequence[bytes] | None = None) -> bytes:
    """The point as one element of ``UpsertPoints.points``, its tag and length included.

    ``entries``: its payload's, where somebody has made them already.
    """
    if point.sparse is None:
        tail = _sent(point).astype("<f4", copy=False).tobytes()
        head = _dense_head(len(tail))  # of what is written, whatever the array's own type
    else:
        dense = _sized(_DENSE, _sized(_F1, _sent(point).astype("<f4", copy=False).tobytes()))
        head, tail = b"", _sized(_F4, _sized(_F2, _named(point, dense)))
    payload = payload_entries(point.payload) if entries is None else entries
    parts = [_ID_HEAD if len(point.id) == 36 else _sized_id(point.id), point.id.encode("ascii")]
    for entry in payload:
        length = len(entry)
        parts += (_F3, _LENGTHS[length] if length < 1024 else varint(length), entry)
    parts += (head, tail)
    body = b"".join(parts)
    return b"%b%b%b" % (_F3, varint(len(body)), body)


def _sized_id(identity: str) -> bytes:
    return _F1 + varint(len(identity) + 1 + len(varint(len(identity)))) + _F2 + varint(len(identity))


@functools.lru_cache(64)
def _dense_head(size: int) -> bytes:
    """What stands before the bytes of a dense vector, all of one size in a collection."""
    head = b""
    for tag in (_F1, _DENSE, _F1, _F4):  # from the inside out
        head = tag + varint(len(head) + size) + head
    return head


def _named(point: Point, dense: bytes) -> bytes:
    """A ``NamedVectors``: the dense vector, where there is one, has the empty name."""
    assert point.sparse is not None
    values = point.sparse.values.astype("<f4", copy=False).tobytes()
    indices = b"".join(map(varint, point.sparse.indices.tolist()))
    sparse = _sized(_SPARSE, _sized(_F1, values) + _sized(_F2, indices))
    entry = _sized(_F1, _sized(_F1, point.sparse_name.encode("utf-8")) + _sized(_F2, sparse))
    return (_sized(_F1, _sized(_F2, dense)) if len(point.vector) else b"") + entry


def named_bytes(found: Mapping[str, Sparse | None]) -> bytes:
    """Named vectors as bytes to digest and compare; None for one that is not sparse, and so none of ours."""
    return b"".join(
        b"%b\0%d:%b" % (name.encode("utf-8"), 0 if one is None else len(one.indices), one.to_bytes() if one else b"")
        for name, one in sorted(found.items())
    )


def sparse_bytes(point: Point) -> bytes:
    """The same of a point."""
    return b"" if point.sparse is None else named_bytes({point.sparse_name: point.sparse})


def upsert_protobuf(collection: str, points: Sequence[bytes]) -> bytes:
    """An ``UpsertPoints`` request that waits until the points are applied."""
    head = _sized(_F1, collection.encode("utf-8")) + _tag(2, _VARINT) + b"\x01"
    return head + b"".join(points)


def point_json(point: Point) -> bytes:
    """The point as one element of the REST body's ``points``.

    Numbers are written as the exact double of each float32, so that a server that reads doubles and one that
    reads floats store the same bits.
    """
    quick = _orjson()
    if quick is not None:
        # The values as doubles: written as float32, their digits would be too few for a reader of doubles.
        body = {"id": point.id, "vector": _vector(point, lambda each: each.astype("float64")), "payload": point.payload}
        try:
            encoded: bytes = quick.dumps(body, option=quick.OPT_SERIALIZE_NUMPY)
            return encoded
        except TypeError:  # an integer of more than 64 bits
            pass
    body = {"id": point.id, "vector": _vector(point, lambda each: each.tolist()), "payload": point.payload}
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def points_json(points: Sequence[Point]) -> list[bytes]:
    """Each of them as :func:`point_json` would have it, in fewer steps."""
    quick = _orjson()
    if quick is None:
        return [point_json(point) for point in points]
    found = []
    for point, array in zip(points, unit_arrays([_sent(point) for point in points]), strict=True):
        if array is None or point.sparse is not None:
            found.append(point_json(point))
            continue
        try:
            payload = quick.dumps(point.payload)
        except TypeError:  # an integer of more than 64 bits
            found.append(point_json(point))
            continue
        parts = (b'{"id":"', point.id.encode("ascii"), b'","vector":', array, b'],"payload":', payload, b"}")
        found.append(b"".join(parts))
    return found


def _sent(point: Point) -> Vector:
    return point.vector if point.sent is None else point.sent


def _vector(point: Point, numbers: Callable[[Any], Any]) -> Any:
    if point.sparse is None:
        return numbers(_sent(point))
    sparse = {"indices": point.sparse.indices.tolist(), "values": numbers(point.sparse.values)}
    dense = {"": numbers(_sent(point))} if len(point.vector) else {}
    return {**dense, point.sparse_name: sparse}


def read_vector(found: Any) -> tuple[Vector, dict[str, Sparse | None]]:
    """A point's ``vector`` as REST shows it: the dense one (shape ``(0,)`` without), and the named ones."""
    import numpy as np

    named = found if isinstance(found, Mapping) else {"": found if isinstance(found, list) else []}
    dense = np.asarray(named.get("", []), dtype=np.float32)
    return dense, {name: _sparse(one) for name, one in named.items() if name}


def read_point(identity: str, vector: Vector, named: Mapping[str, Sparse | None], payload: Mapping[str, Any]) -> Point:
    """A point as a target holds it: one sparse vector of its own, and the names of what else it has."""
    mine = next((name for name, one in sorted(named.items()) if one is not None), None)
    others = tuple(sorted(name for name in named if name != mine))
    if mine is None:
        return Point(identity, vector, payload, others=others)
    return Point(identity, vector, payload, named[mine], mine, others)


def _sparse(found: Any) -> Sparse | None:
    try:
        return sparse_of(found["indices"], found["values"])
    except (KeyError, TypeError, ValueError):
        return None


@functools.cache
def _orjson() -> Any:
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return None


def loads(body: bytes) -> Any:
    """JSON as Python data. Raises ValueError."""
    quick = _orjson()
    return json.loads(body) if quick is None else quick.loads(body)


_OPEN, _CLOSE = b'{"points":[', b"]}"
_PIECE = 512 << 10


def upsert_json(points: Sequence[bytes]) -> tuple[int, Iterator[bytes]]:
    """The body of ``PUT /collections/{name}/points``: its length, and itself in pieces.

    In pieces, because a body of megabytes is new memory for every request, which costs more than what is written in it.
    """
    return len(_OPEN) + sum(map(len, points)) + max(0, len(points) - 1) + len(_CLOSE), _pieces(points)


def _pieces(points: Sequence[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    before, size = _OPEN, 0
    for point in points:
        waiting.append(point if waiting else before + point)
        size += len(point)
        if size >= _PIECE:
            yield b",".join(waiting)
            before, size = b",", 0
            waiting.clear()
    yield b",".join([*waiting[:-1], waiting[-1] + _CLOSE]) if waiting else (_OPEN if before is _OPEN else b"") + _CLOSE
