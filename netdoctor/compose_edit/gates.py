"""The checks every edit has to pass before anyone sees it. They trust nothing that planned the edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import splice
from .effective import Project, membership, services
from .model import Mapping, Tagged, Value, read
from .refused import EditRefused, use_override
from .splice import Insertion
from .text import SourceText


@dataclass(frozen=True, slots=True)
class Intent:
    """What the edit is to change, in words of the model."""

    service: str
    key: str
    network: str
    aliases: tuple[str, ...]
    declares: bool
    """True when the top-level entry for `key` is new."""


def check(project: Project, source: bytes, changes: Sequence[Insertion], intent: Intent) -> bytes:
    """The edited bytes, if they pass the gates.

    Gate 1: the model read from the result is the one computed from the model before. Gate 2: the result is the source
    plus the insertions, and without them it is the source again. Raises EditRefused.
    """
    result = splice.apply(source, changes)
    if splice.undo(result, changes) != source or not is_insert_only(source, result):
        raise _mismatch("the edit would change text that was there before")
    before = project
    after = replace(project, model=read(SourceText.decode(result)))
    if services(before.model).keys() != services(after.model).keys():
        raise _mismatch("the edit would change the set of services")
    for name in services(before.model):
        _check_service(before, after, name, intent)
    expected_top = _with_declaration(before.model.get("networks"), intent)
    if after.model.get("networks") != expected_top or not _is_wanted(after, intent):
        raise _mismatch("the top-level networks would not read as intended")
    rest = ("services", "networks")
    if _without(before.model, *rest) != _without(after.model, *rest):
        raise use_override("the service is used in another section through an anchor, which the edit would change")
    return result


def _check_service(before: Project, after: Project, name: str, intent: Intent) -> None:
    old_body, new_body = services(before.model)[name], services(after.model)[name]
    if name != intent.service:
        old, new = membership(before, name, lenient=True), membership(after, name, lenient=True)
        if old_body != new_body or old != new:
            raise use_override(f"the edit would leak into service {name!r}")
        return
    if not isinstance(old_body, dict) or not isinstance(new_body, dict):
        raise _mismatch("the service would not read as a mapping")
    if _without(old_body, "networks") != _without(new_body, "networks"):
        raise _mismatch("the edit would change another setting of the service")
    wanted = {key: _options(value) for key, value in membership(before, name).effective.items()}
    options = dict(wanted.get(intent.key, {}))
    present = options.get("aliases")
    known: list[Value] = list(present) if isinstance(present, list) else []
    missing: list[Value] = [alias for alias in intent.aliases if alias not in known]
    if missing:
        options["aliases"] = known + missing
    wanted[intent.key] = options
    got = {key: _options(value) for key, value in membership(after, name).effective.items()}
    if got != wanted:
        raise _mismatch("the service's networks would not be the old ones plus the new one")


def _with_declaration(section: Value, intent: Intent) -> Value:
    if not intent.declares:
        return section
    entry: Mapping = {"external": "true"}
    if intent.key != intent.network:
        entry["name"] = intent.network.replace("$", "$$")
    old: Mapping = section if isinstance(section, dict) else {}
    return {**old, intent.key: entry}


def _is_wanted(after: Project, intent: Intent) -> bool:
    return after.real(intent.key).name == intent.network


def _options(value: Value) -> Mapping:
    if isinstance(value, Tagged):
        raise use_override(f"a network entry carries the tag {value.tag}", value.line)
    return value if isinstance(value, dict) else {}


def _without(mapping: Mapping, *keys: str) -> Mapping:
    return {key: value for key, value in mapping.items() if key not in keys}


def is_insert_only(source: bytes, result: bytes) -> bool:
    """True when every byte of the source is in the result, in order."""
    rest = iter(result)
    return all(byte in rest for byte in source)


def _mismatch(problem: str) -> EditRefused:
    return use_override(f"the check after the edit failed, so it is not made: {problem}")
