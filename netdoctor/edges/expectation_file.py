"""``netdoctor.yaml``: what must work and what must not, as somebody wrote it. No engine is needed to read it.

The file's shape is published beside this module (``netdoctor-1.schema.json``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from netdoctor.edges.expectation_words import LONG, SUPPRESSION, TOP, Line, short_form
from netdoctor.errors import UsageError
from netdoctor.files import read_within
from netdoctor.model import Apart, Expect, Expectation, Place, Severity, Suppression
from netdoctor.terminal import plain
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.tree import LIMIT, Node, documents

NAMES = ("netdoctor.yaml", "netdoctor.yml")
"""Looked for in the current folder, in this order."""
VERSION = "1"
HINT = "See the file's shape with: netdoctor expect --help"

E = TypeVar("E", Apart, Expect, Severity)


class BadExpectations(Unreadable):
    """The file says something that cannot be meant. The message begins with file and line."""

    def __init__(self, what: str, place: Place | None, *, hint: str = HINT) -> None:
        super().__init__(what, place, hint=hint)


@dataclass(frozen=True, slots=True)
class Entry:
    """One expectation. ``source`` and ``target`` are as for ``check``: a name, and a name with port and path."""

    source: str
    target: str
    expectation: Expectation
    port: int | None = None
    path: str | None = None
    protocol: str | None = None

    @property
    def text(self) -> str:
        """``app -> redis:6379``, ``web -x> db:5432 (isolated)``"""
        if self.expectation.expect is Expect.REACHABLE:
            return f"{self.source} -> {self._where}"
        reason = self.expectation.reason.value
        said = f"{reason} {self.expectation.policy}" if self.expectation.policy else reason
        return f"{self.source} -x> {self._where} ({said})"

    @property
    def line(self) -> str:
        """``netdoctor.yaml:12``"""
        place = self.expectation.place
        return f"{plain(place.file)}:{place.line}" if place is not None else ""

    @property
    def _where(self) -> str:
        return f"{self.target}{f':{self.port}' if self.port else ''}{self.path or ''}"


@dataclass(frozen=True, slots=True)
class ExpectationFile:
    path: str
    entries: tuple[Entry, ...]
    suppress: tuple[Suppression, ...] = ()
    """For every edge, and for what concerns no edge."""
    warnings: tuple[str, ...] = ()
    """What the file says in vain; each begins with file and line."""

    def codes(self) -> Mapping[str, Place | None]:
        """Every code that is suppressed somewhere, with a place that says so."""
        every = [*self.suppress, *(each for entry in self.entries for each in entry.expectation.suppress)]
        return {each.code: each.place for each in reversed(every)}


def find_file(folder: Path | None = None) -> Path | None:
    """The expectations of this folder, when there are any."""
    found = ((folder or Path()) / name for name in NAMES)
    return next((path for path in found if path.is_file()), None)


def read_file(path: str | Path) -> ExpectationFile:
    """Raises UsageError when it cannot be read, BadExpectations with the line for what it says."""
    try:
        data = read_within(path, LIMIT + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"The expectations in {plain(str(path))} cannot be read: {why}.",
            hint="Write them from what works now: netdoctor expect --learn",
        ) from error
    return parse(data, str(path))


def parse(data: bytes, file: str) -> ExpectationFile:
    """The same, from bytes. Raises BadExpectations."""
    start = Place(file, 1)
    try:
        found = documents(data, file)
    except Unreadable as error:
        raise BadExpectations(error.message.replace("a compose file", "a file of expectations"), None) from None
    if not found:
        raise BadExpectations("the file is empty", start, hint="Begin it with: version: 1")
    if len(found) > 1:
        raise BadExpectations("a second document begins here; one file holds one", found[1].place)
    top = _fields(found[0], TOP, "the file")
    version = top.get("version")
    if version is None:
        raise BadExpectations("the file does not say its version", start, hint="Begin it with: version: 1")
    if version.text != VERSION:
        raise BadExpectations(f"this netdoctor reads version {VERSION}, not {_shown(version)}", version.place)
    warnings: list[str] = []
    entries = _entries(top.get("expectations"), start, warnings)
    suppress = _suppressions(top.get("suppress"))
    _contradictions(entries, warnings)
    return ExpectationFile(file, entries, suppress, tuple(warnings))


def warning(place: Place | None, text: str) -> str:
    return f"{plain(place.file)}:{place.line}: {text}" if place is not None else text


def _entries(listed: Node | None, start: Place, warnings: list[str]) -> tuple[Entry, ...]:
    if listed is None or listed.value in (None, []):
        warnings.append(warning(listed.place if listed is not None else start, "the file expects nothing"))
        return ()
    if not isinstance(listed.value, list):
        raise BadExpectations("expectations is a list, one line each: - app -> redis:6379", listed.place)
    found = []
    for node in listed.items:
        if node.value is None:
            warnings.append(warning(node.place, "an empty expectation asserts nothing"))
            continue
        entry = _short(node) if node.text is not None else _long(node)
        if entry.source == entry.target:
            warnings.append(warning(node.place, f"{plain(entry.text)} asserts nothing: both ends are the same"))
            continue
        if entry.expectation.expect is Expect.ISOLATED and entry.expectation.suppress:
            warnings.append(warning(node.place, "suppress asserts nothing here: no rule judges an isolated edge"))
        found.append(entry)
    return tuple(found)


def _short(node: Node) -> Entry:
    line = _worded(node.place, short_form, node.text or "")
    return Entry(
        line.source,
        line.target,
        Expectation(line.expect, reason=line.reason, policy=line.policy, place=node.place),
        line.port,
        line.path,
        line.protocol,
    )


def _long(node: Node) -> Entry:
    fields = _fields(node, LONG, "an expectation")
    source, target = _text(fields, "from", node), _text(fields, "to", node)
    expect = _one_of(fields, "expect", Expect, None) or Expect.REACHABLE
    arrow = "->" if expect is Expect.REACHABLE else "-x>"
    line: Line = _worded(fields["to"].place, short_form, f"{source} {arrow} {target}")
    port = _same(line.port, _number(fields, "port", 1, 65535), fields.get("port"), "port")
    path = _same(line.path, _optional(fields, "path"), fields.get("path"), "path")
    if path is not None and not path.startswith("/"):
        raise BadExpectations(f"a path begins with a slash, not {plain(path)!r}", fields["path"].place)
    reason, policy = _reason(fields, expect)
    return Entry(
        line.source,
        line.target,
        Expectation(
            expect,
            why=_optional(fields, "why") or "",
            reason=reason,
            policy=policy,
            severity=_one_of(fields, "severity", Severity, None),
            timeout=_seconds(fields.get("timeout")),
            attempts=_number(fields, "attempts", 1, 100) or 1,
            suppress=_suppressions(fields.get("suppress")),
            place=node.place,
        ),
        port,
        path,
        _same(line.protocol, _protocol(fields.get("protocol")), fields.get("protocol"), "protocol"),
    )


def _reason(fields: Mapping[str, Node], expect: Expect) -> tuple[Apart, str]:
    policy = _optional(fields, "policy") or ""
    reason = _one_of(fields, "reason", Apart, Apart.POLICY if policy else Apart.ISOLATED)
    given = fields.get("reason") or fields.get("policy")
    if expect is Expect.REACHABLE and given is not None:
        raise BadExpectations("reason and policy say why two are apart: add expect: isolated", given.place)
    if given is not None and (reason is Apart.POLICY) != bool(policy):
        raise BadExpectations("reason: policy and policy: NAME belong together", given.place)
    return reason or Apart.ISOLATED, policy


def _suppressions(listed: Node | None) -> tuple[Suppression, ...]:
    if listed is None or listed.value is None:
        return ()
    if not isinstance(listed.value, list):
        raise BadExpectations("suppress is a list of mappings with code and reason", listed.place)
    found = []
    for node in listed.items:
        fields = _fields(node, SUPPRESSION, "a suppression")
        code = _text(fields, "code", node).upper()
        if not (code.startswith("ND") and code[2:].isdigit()):
            raise BadExpectations(f"{plain(code)!r} is no code, like ND801", fields["code"].place)
        reason = _text(fields, "reason", node, hint="Say who accepts it, and why.")
        found.append(Suppression(code, reason, _day(fields.get("until")), node.place))
    return tuple(found)


def _contradictions(entries: tuple[Entry, ...], warnings: list[str]) -> None:
    seen: dict[tuple[str, str, int | None, str | None], Entry] = {}
    for entry in entries:
        first = seen.setdefault((entry.source, entry.target, entry.port, entry.path), entry)
        if first is entry:
            continue
        if first.expectation.expect is not entry.expectation.expect:
            raise BadExpectations(f"{plain(entry.text)} contradicts {first.line}", entry.expectation.place)
        warnings.append(warning(entry.expectation.place, f"{plain(entry.text)} is there already, in {first.line}"))


def _fields(node: Node, known: frozenset[str], what: str) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        raise BadExpectations(f"{what} is a mapping with some of: {', '.join(sorted(known))}", node.place)
    for key, value in node.fields.items():
        if key not in known:
            raise BadExpectations(
                f"{what} has no key {plain(key)!r}", value.place, hint=f"Known are: {', '.join(sorted(known))}."
            )
    return node.fields


def _text(fields: Mapping[str, Node], key: str, node: Node, *, hint: str = HINT) -> str:
    found = fields.get(key)
    if found is None or found.value is None or found.text == "":
        raise BadExpectations(f"{key} is missing", node.place, hint=hint)
    if found.text is None:
        raise BadExpectations(f"{key} is a text", found.place, hint=hint)
    return found.text.strip()


def _optional(fields: Mapping[str, Node], key: str) -> str | None:
    return _text(fields, key, fields[key]) if key in fields else None


def _one_of(fields: Mapping[str, Node], key: str, words: type[E], default: E | None) -> E | None:
    found = fields.get(key)
    if found is None:
        return default
    try:
        return words(found.text)
    except ValueError:
        listed = ", ".join(each.value for each in words)
        raise BadExpectations(f"{key} is one of {listed}, not {_shown(found)}", found.place) from None


def _number(fields: Mapping[str, Node], key: str, least: int, most: int) -> int | None:
    found = fields.get(key)
    if found is None:
        return None
    text = found.text or ""
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    raise BadExpectations(f"{key} is a number from {least} to {most}, not {_shown(found)}", found.place)


def _seconds(found: Node | None) -> float | None:
    if found is None:
        return None
    text = (found.text or "").strip()
    digits, unit = (text[:-2], 0.001) if text.endswith("ms") else (text.removesuffix("s"), 1.0)
    if digits and digits.isascii() and digits.replace(".", "", 1).isdigit() and 0.1 <= float(digits) * unit <= 600:
        return float(digits) * unit
    raise BadExpectations(f"timeout is a number of seconds from 0.1 to 600, not {_shown(found)}", found.place)


def _day(found: Node | None) -> date | None:
    if found is None:
        return None
    try:
        return date.fromisoformat(found.text or "")
    except ValueError:
        raise BadExpectations(f"until is a day like 2026-12-31, not {_shown(found)}", found.place) from None


def _protocol(found: Node | None) -> str | None:
    from netdoctor.edges.expectation_words import PROTOCOLS

    if found is None:
        return None
    if found.text not in PROTOCOLS:
        raise BadExpectations(f"protocol is one of {', '.join(PROTOCOLS)}, not {_shown(found)}", found.place)
    return found.text


T = TypeVar("T")


def _same(written: T | None, keyed: T | None, node: Node | None, what: str) -> T | None:
    if written is not None and keyed is not None and written != keyed and node is not None:
        raise BadExpectations(f"{what} is {plain(str(keyed))} here, and {plain(str(written))} in to", node.place)
    return keyed if keyed is not None else written


def _worded(place: Place, read: Callable[[str], Line], text: str) -> Line:
    try:
        return read(text)
    except UsageError as error:
        raise BadExpectations(error.message, place, hint=error.hint) from None


def _shown(node: Node) -> str:
    return repr(plain(node.text)) if node.text is not None else "a list or mapping" if node.value else "nothing"
