"""Reads points out of a REST scroll reply without making an object per number.

What is in the reply beside the vectors is small, and read as JSON; the vectors are read by a parser of numbers.
Whatever does not look as usual (named vectors, no vectors, another order of things) is left to the plain way.
"""

from __future__ import annotations

from typing import Any

from netdoctor.migration.fast import STAND_IN, fast_many
from netdoctor.migration.framing import Frame, usual_frames
from netdoctor.migration.targets.interface import Page, Stored
from netdoctor.migration.wire import loads, payload_entries

_POINTS = b'"points":['
_GROUP_BYTES = 64 << 10


def scrolled(body: bytes) -> Page | None:
    """The page in the reply, or None: read it as plain JSON."""
    many = fast_many("vector")
    start = body.find(_POINTS) + len(_POINTS)
    if many is None or start < len(_POINTS) or body[start : start + 1] != b"{":
        return None
    frames, end = usual_frames(body, start)
    try:
        result = loads(b"%b%d%b" % (body[:start], STAND_IN, body[end:]))["result"]
        if result["points"] != [STAND_IN]:
            return None
        following = result["next_page_offset"]
    except (ValueError, KeyError, TypeError):
        return None
    points: list[Stored] = []
    for group in _groups(frames):
        found = many(group)
        if found is None:
            return None
        for thing, vector in found:
            points.append(Stored(str(thing["id"]), _entries(thing), vector.astype("<f4", copy=False).tobytes()))
    return Page(points, following)


def _entries(thing: dict[str, Any]) -> list[bytes]:
    return payload_entries(thing.get("payload") or {})


def _groups(frames: list[Frame]) -> list[list[Frame]]:
    """As many together as a processor's cache holds."""
    each = max(1, _GROUP_BYTES // max(1, len(frames[0].raw))) if frames else 1
    return [frames[at : at + each] for at in range(0, len(frames), each)]
