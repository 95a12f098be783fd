"""Which service to patch and whether it may be patched at all."""

from __future__ import annotations

from dataclasses import dataclass

from .effective import Membership, Project, dependents, first_tag, membership, services, unknown_service
from .locate import Kind, Located, Span, child
from .model import Mapping, Tagged
from .refused import BY_HAND, REPAIR, EditRefused, use_override
from .text import SourceText

_MODES = {
    "host": "Remove `network_mode: host` (and publish the ports it needs) if the service shall join a network.",
    "none": "Remove `network_mode: none` if the service shall talk to anyone.",
    "bridge": "Remove `network_mode: bridge`, which keeps the service out of every named network; then try again.",
    "default": "Remove `network_mode: default`; it forbids `networks:`.",
}


@dataclass(frozen=True, slots=True)
class Target:
    """The service whose `networks` are edited, found in the model and in the text."""

    name: str
    body: Mapping
    member: Membership
    key: Span
    span: Span
    """The service's body in the text: a mapping in block or flow style."""
    section: Span
    """The `services` mapping in the text."""
    via: tuple[str, ...]
    """The services that led here through `network_mode: service:...`, as asked first."""


def sharing(project: Project, service: str) -> tuple[str, tuple[str, ...]]:
    """The service in whose network namespace `service` lives, and the way there."""
    via: tuple[str, ...] = ()
    while True:
        mode = membership(project, service).mode
        if mode is None or not mode.startswith("service:"):
            return service, via
        following = mode.removeprefix("service:")
        if "$" in following or following in (*via, service):
            raise EditRefused(f"service {service!r} has network_mode {mode!r}, which leads nowhere", REPAIR)
        via = (*via, service)
        service = following


def find(project: Project, source: SourceText, located: Located, service: str) -> Target:
    """The target for `service`. Raises EditRefused for every case in which the file must not be edited for it."""
    if service not in services(project.model):
        raise unknown_service(project.model, service)
    try:
        name, via = sharing(project, service)
        member = membership(project, name)
    except EditRefused as refused:
        raise refused.at(_line_of(source, located, service, "extends", "networks", "network_mode")) from None
    _refuse_mode(name, member, _line_of(source, located, name, "network_mode"))
    if member.provider:
        raise EditRefused(
            f"service {name!r} is run by a provider, and Compose ignores its networks",
            "Connect what the provider creates by the provider's own means.",
            _line_of(source, located, name, "provider"),
        )
    pair = child(located.root, "services")
    if pair is None or pair[1].kind is not Kind.MAPPING:
        raise use_override("the services section is not written in the file itself", _line_at(source, pair))
    section = pair[1]
    own = child(section, name)
    if own is None:
        raise use_override(f"service {name!r} comes into the file through a merge", source.line(pair[0].start))
    key, span = own
    line = source.line(key.start)
    body = services(project.model)[name]
    for value in (body, project.model.get("networks")):
        tagged = value if isinstance(value, Tagged) else first_tag(value)
        if tagged is not None:
            raise EditRefused(f"the tag {tagged.tag} stands in what would be edited", BY_HAND, tagged.line)
    if span.kind is Kind.ALIAS:
        raise use_override(f"service {name!r} is an alias of another part of the file", line)
    if not isinstance(body, dict) or span.kind is not Kind.MAPPING:
        raise EditRefused(f"service {name!r} has no settings, which Compose rejects", REPAIR, line)
    for part in (located.root, section, span):
        if part.tag is not None:
            raise EditRefused(f"the tag {part.tag} stands in what would be edited", BY_HAND, source.line(part.start))
    return Target(name, body, member, key, span, section, via)


def refuse_dependents(project: Project, target: Target, source: SourceText) -> None:
    """Raise EditRefused when another service extends the target and would join as well."""
    names = dependents(project, target.name)
    if names:
        raise use_override(
            f"service {target.name!r} is the base of {', '.join(map(repr, names))}, where the network would leak",
            source.line(target.key.start),
        )


def explain_leak(refusal: EditRefused, source: SourceText, located: Located, touched: list[Span]) -> EditRefused:
    """Add to a failed check which anchor makes the edit leak, where one does."""
    for span in touched:
        if span.anchor is not None and span.anchor in located.aliases:
            users = ", ".join(map(str, located.aliases[span.anchor]))
            return use_override(
                f"the anchor &{span.anchor} is used again in line {users}, and the edit would leak there",
                source.line(span.start),
            )
    return refusal


def _refuse_mode(name: str, member: Membership, line: int | None) -> None:
    mode = member.mode
    if mode is None:
        return
    if mode.startswith("container:"):
        advice = f"Connect the container {mode.removeprefix('container:')!r}, in whose project it is defined, instead."
    else:
        advice = _MODES.get(mode, "Remove `network_mode` if the service shall join a network.")
    raise EditRefused(f"service {name!r} has network_mode {mode!r}, which excludes networks", advice, line)


def _line_of(source: SourceText, located: Located, service: str, *settings: str) -> int | None:
    """The line of the first of these settings of a service, else of the service, where it is written in the file."""
    section = child(located.root, "services")
    if section is None or section[1].kind is not Kind.MAPPING:
        return None
    body = child(section[1], service)
    if body is None:
        return None
    found = [child(body[1], setting) for setting in settings] if body[1].kind is Kind.MAPPING else []
    return source.line(next((pair for pair in found if pair is not None), body)[0].start)


def _line_at(source: SourceText, pair: tuple[Span, Span] | None) -> int | None:
    return source.line(pair[0].start) if pair is not None else None
