"""Qdrant's published API, as the installed client's generated code has it, to hold both sides of a conversation to."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydantic

_SEGMENT = re.compile(r"\{[a-z_]+\}")
_UNASKED = frozenset({"/", "/healthz", "/livez", "/readyz"})
"""Read by people and by machines of other kinds: plain text, or without the usual frame."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of the API. ``body`` and ``answer`` are types, None where there is nothing to hold it to."""

    method: str
    template: str
    query: frozenset[str]
    body: Any
    answer: Any

    def fits(self, method: str, path: str) -> bool:
        pattern = "[^/]+".join(map(re.escape, _SEGMENT.split(self.template)))
        return method == self.method and re.fullmatch(pattern, path) is not None


def operations() -> list[Call]:
    """Every REST call that the client knows, the ones with the fewest names in their path first."""
    import qdrant_client.http.api as api
    from qdrant_client.http.models import models

    found = []
    for name, module in inspect.getmembers(api, inspect.ismodule):
        for owner, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__ and owner.startswith("_"):
                for maker, function in inspect.getmembers(kind, inspect.isfunction):
                    if maker.startswith("_build_for_"):
                        found.append(_operation(function, models))
        assert name
    assert len(found) > 60, "the generated code has another shape now"
    return sorted(found, key=lambda each: each.template.count("{"))


def _operation(function: Any, models: Any) -> Call:
    source = inspect.getsource(function)

    def told(pattern: str) -> str:
        match = re.search(pattern, source)
        assert match is not None, (function, pattern)
        return match[1]

    body = re.search(r"body = jsonable_encoder\((\w+)\)", source)
    kinds = inspect.get_annotations(function, eval_str=True)
    answer = re.search(r"type_=m\.(\w+)", source)
    return Call(
        told(r'method="(\w+)"'),
        told(r'url="([^"]+)"'),
        frozenset(re.findall(r'query_params\["(\w+)"\]', source)),
        kinds[body[1]] if body else None,
        getattr(models, answer[1]) if answer else None,
    )


class Published:
    """Holds requests and answers to the API; each complaint is a sentence."""

    def __init__(self) -> None:
        self._calls = operations()
        self.seen: set[str] = set()

    def complaints(self, method: str, target: str, body: bytes, status: int, answer: bytes) -> Iterator[str]:
        parts = urlsplit(target)
        if parts.path in _UNASKED:
            return
        call = next((each for each in self._calls if each.fits(method, parts.path)), None)
        if call is None:
            yield f"{method} {parts.path}: no such call"
            return
        where = f"{method} {call.template}"
        self.seen.add(where)
        for name in set(parse_qs(parts.query)) - call.query:
            yield f"{where}: no such parameter as {name}"
        if call.body is not None and body:
            yield from _held(f"{where}, what is sent", call.body, json.loads(body))
        if status == 200 and call.answer is not None and answer.lstrip().startswith(b"{"):
            yield from _held(f"{where}, what is answered", call.answer, json.loads(answer))
        elif status >= 400 and answer.lstrip().startswith(b"{"):
            from qdrant_client.http.models import ErrorResponse

            told = json.loads(answer)
            yield from _held(f"{where}, how it is refused", ErrorResponse, told)
            if not isinstance((told.get("status") or {}).get("error"), str):
                yield f"{where}: refused without a sentence: {told}"


def _held(where: str, kind: Any, told: Any) -> Iterator[str]:
    try:
        adapter: Any = pydantic.TypeAdapter(kind)
        read = adapter.validate_python(told)
    except pydantic.ValidationError as wrong:
        yield f"{where}: {str(wrong.errors()[:3])[:600]}"
        return
    kept = adapter.dump_python(read, mode="json", exclude_unset=True, by_alias=True)
    for place in _lost(told, kept):
        yield f"{where}: nobody knows {place}"


def _lost(told: Any, kept: Any, place: str = "") -> Iterator[str]:
    """What the published type has no field for. Payloads are the user's own and kept whole."""
    if isinstance(told, Mapping):
        for key, value in told.items():
            if not isinstance(kept, Mapping) or key not in kept:
                yield f"{place}.{key}"
            else:
                yield from _lost(value, kept[key], f"{place}.{key}")
    elif isinstance(told, list) and isinstance(kept, list):
        for number, (one, other) in enumerate(zip(told, kept, strict=True)):
            yield from _lost(one, other, f"{place}[{number}]")


def odd_fields(message: Any, allowed: frozenset[str] = frozenset()) -> Iterator[str]:
    """Fields of a protobuf message that its type does not know, or that are deprecated."""
    from google.protobuf.message import Message
    from google.protobuf.unknown_fields import UnknownFieldSet

    name = message.DESCRIPTOR.full_name
    for unknown in UnknownFieldSet(message):
        yield f"{name}: field {unknown.field_number}"
    for field, value in message.ListFields():
        if field.GetOptions().deprecated and field.name not in allowed:
            yield f"{name}: {field.name} is deprecated"
        if field.message_type is None:
            continue
        entries = value.values() if isinstance(value, Mapping) else [value] if isinstance(value, Message) else value
        for one in entries:
            if isinstance(one, Message):
                yield from odd_fields(one, allowed)
