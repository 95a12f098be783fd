"""``.env`` and ``env_file`` as Compose reads them: quotes, ``export``, comments, variables, values of several lines."""

from __future__ import annotations

import re
from collections.abc import Mapping

from netdoctor.model import Place
from netdoctor.terminal import plain
from netdoctor.topology.compose.errors import Unreadable

_KEY = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z0-9_.\-\[\]]+)[ \t]*(?P<sign>[=:]?)[ \t]*")
_VARIABLE = re.compile(r"\\\$|\$(?:\{(?P<braced>[^{}]*)\}|(?P<bare>[A-Za-z_][A-Za-z0-9_]*))")
_PARTS = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<sign>:?[-?+])(?P<word>.*))?\Z", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}

Entry = tuple[str | None, Place]
"""A value (None: only the name is written, the environment has the value) and where it stands."""


def parse_env(data: bytes, file: str, environment: Mapping[str, str]) -> dict[str, Entry]:
    """Name to value and place, the last one of a name. ``environment`` fills variables in. Raises Unreadable."""
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("the file is not UTF-8 text", Place(file, line), hint="Save it as UTF-8.") from None
    found: dict[str, Entry] = {}
    position, line = 0, 1
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        row = text[position:end]
        if not row.strip() or row.lstrip().startswith("#"):
            position, line = end + 1, line + 1
            continue
        place = Place(file, line, len(row) - len(row.lstrip()) + 1)
        key = _KEY.match(text, position, end)
        if key is None or (not key["sign"] and key.end() < end and not text[key.end() : end].startswith("#")):
            raise Unreadable(
                f"{plain(row.strip().partition('=')[0][:40])!r} is no NAME=VALUE line", place, hint="Repair that line."
            )
        known = {**{name: entry[0] or "" for name, entry in found.items()}, **environment}
        if not key["sign"]:
            found[key["key"]] = (None, place)
            after = end
        else:
            value, after = _value(text, key.end(), end, known, place)
            found[key["key"]] = (value, place)
        line += text.count("\n", position, after) + 1
        position = after + 1
    return found


def _value(text: str, start: int, end: int, known: Mapping[str, str], place: Place) -> tuple[str, int]:
    """The value that begins at ``start``, and the index of the line break after it."""
    quote = text[start : start + 1]
    if quote not in ("'", '"'):
        raw = text[start:end]
        comment = re.search(r"(^|\s)#", raw)
        raw = raw[: comment.start()] if comment else raw
        return _filled(raw.strip(), known), end
    index = start + 1
    parts: list[str] = []
    while index < len(text):
        sign = text[index]
        if sign == "\\" and index + 1 < len(text):
            # What an escape means is decided below; here it only keeps a quote from closing.
            parts.append(text[index : index + 2])
            index += 2
            continue
        if sign == quote:
            newline = text.find("\n", index)
            inner = "".join(parts)
            inner = _filled(_unescaped(inner), known) if quote == '"' else inner.replace("\\'", "'")
            return inner, len(text) if newline < 0 else newline
        parts.append(sign)
        index += 1
    raise Unreadable("a quoted value has no end", place, hint="Close the quote.")


def _unescaped(text: str) -> str:
    # A dollar sign keeps its backslash until the variables are filled in.
    return re.sub(
        r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]) if found[1] != "$" else found[0], text, flags=re.DOTALL
    )


def _filled(text: str, known: Mapping[str, str]) -> str:
    def fill(found: re.Match[str]) -> str:
        if found[0] == "\\$":
            return "$"
        parts = _PARTS.match(found["bare"] or found["braced"] or "")
        if parts is None:
            return found[0]
        value, sign = known.get(parts["name"]), parts["sign"] or ""
        there = value is not None and (value != "" or not sign.startswith(":"))
        if sign.endswith("+"):
            return (parts["word"] or "") if there else ""
        if sign.endswith("-") and not there:
            return parts["word"] or ""
        return value or ""

    return _VARIABLE.sub(fill, text)
