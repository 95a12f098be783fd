"""What changed between two looks at an engine: containers and networks by name, and what was seen between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from netdoctor.model import Answers, Container, Endpoint, Network, Topology
from netdoctor.redact import MASK


@dataclass(frozen=True, slots=True)
class Change:
    """``before`` None: it was not there; ``after`` None: it is gone."""

    subject: str
    """``container app``, ``network shared``, ``app``'s question in words."""
    what: str
    before: str | None
    after: str | None


def difference(
    before: Topology, after: Topology, seen_before: Answers | None = None, seen_after: Answers | None = None
) -> tuple[Change, ...]:
    """Containers, then networks, then answers. A secret that both hold is not compared: each file hides it anew."""
    found = [
        *_by_name("container", _looked_at(before, after), _looked_at(after, before), _container),
        *_unseen(before, after),
        *_by_name("network", _networks(before, after), _networks(after, before), _network),
        *_answers(before, after, seen_before or Answers({}), seen_after or Answers({})),
    ]
    if before.engine_version != after.engine_version:
        found.insert(0, Change("engine", "version", before.engine_version, after.engine_version))
    return tuple(found)


def _looked_at(topology: Topology, other: Topology) -> list[Container]:
    """Whom neither look could not look at: of the others nobody can say whether they changed."""
    names = {(each.kind, each.name) for each in (*topology.unseen, *other.unseen)}
    return [each for each in topology.containers if ("container", each.name) not in names]


def _networks(topology: Topology, other: Topology) -> list[Network]:
    names = {(each.kind, each.name) for each in (*topology.unseen, *other.unseen)}
    return [each for each in topology.networks if ("network", each.name) not in names]


def _unseen(before: Topology, after: Topology) -> Iterator[Change]:
    """Whom one of the two could look at, and the other not; or whom only one of them has."""
    then, now = ({(each.kind, each.name) for each in topology.unseen} for topology in (before, after))
    for kind, name in sorted(then | now):
        one, other = (
            "no" if (kind, name) in hidden else "yes" if name in _names(topology, kind) else None
            for hidden, topology in ((then, before), (now, after))
        )
        if one is None or other is None:
            yield Change(f"{kind} {name}", "there", "yes" if one else None, "yes" if other else None)
        elif one != other:
            yield Change(f"{kind} {name}", "could be looked at", one, other)


def _names(topology: Topology, kind: str) -> set[str]:
    return {each.name for each in (topology.networks if kind == "network" else topology.containers)}


def _by_name(kind: str, before: Iterable[Any], after: Iterable[Any], parts: Any) -> Iterator[Change]:
    # Two networks may bear one name; the id tells those apart.
    old, new = _named(before), _named(after)
    for name in sorted({*old, *new}):
        subject = f"{kind} {name}"
        was, now = old.get(name), new.get(name)
        if was is None or now is None:
            yield Change(subject, "there", "yes" if was else None, "yes" if now else None)
            continue
        first, second = dict(parts(was)), dict(parts(now))
        for what in dict.fromkeys([*first, *second]):
            one, other = first.get(what), second.get(what)
            if one != other and not (one and other and MASK in one and MASK in other):
                yield Change(subject, what, one, other)


def _named(things: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for thing in sorted(things, key=lambda each: (each.name, each.id)):
        name = thing.name
        while name in found:
            name += "'"
        found[name] = thing
    return found


def _container(container: Container) -> Iterator[tuple[str, str]]:
    state = container.state
    yield "id", container.id[:12]
    yield "image", container.image
    if state is not None:
        yield "state", state.status + (f" ({state.exit_code})" if state.exit_code and not state.running else "")
        yield "restarts", str(state.restart_count)
    if container.health is not None:
        yield "health", container.health.status
    yield "network mode", container.network_mode or ""
    for endpoint in sorted(container.endpoints, key=lambda each: each.network_name):
        yield f"on network {endpoint.network_name}", _endpoint(endpoint)
    for name, value in sorted(container.environment or ()):
        yield f"variable {name}", value
    for name, value in sorted(container.labels.items()):
        yield f"label {name}", value
    for each in container.published or ():
        yield f"published {each.container_port}/{each.protocol}", f"{each.host_ip}:{each.host_port}"
    yield "command", " ".join(container.command or ())
    yield "extra hosts", ", ".join(container.extra_hosts or ())
    yield "nameservers", ", ".join(container.dns or ())


def _endpoint(endpoint: Endpoint) -> str:
    names = f" as {', '.join(endpoint.aliases)}" if endpoint.aliases else ""
    return f"{', '.join(endpoint.addresses) or 'no address'}{names}"


def _network(network: Network) -> Iterator[tuple[str, str]]:
    yield "id", network.id[:12]
    for name in ("driver", "scope", "internal", "attachable", "icc", "ipv6"):
        yield name, str(getattr(network, name))
    yield "subnets", ", ".join(network.subnets)
    yield "gateways", ", ".join(network.gateways)
    for key, value in sorted(network.options.items()):
        yield f"option {key}", value


def _answers(before: Topology, after: Topology, one: Answers, other: Answers) -> Iterator[Change]:
    first = {_words(before, question): seen for question, seen in one}
    second = {_words(after, question): seen for question, seen in other}
    for words in dict.fromkeys([*first, *second]):
        was, now = first.get(words), second.get(words)
        # What was not asked in one of them says nothing about a change.
        if was is not None and now is not None and was.outcome is not now.outcome:
            yield Change(words, "outcome", was.outcome.value, now.outcome.value)


def _words(topology: Topology, question: Any) -> str:
    """The question with names for ids, so that a container made anew is the same one."""
    names = {each.id: each.name for each in topology.containers} | {each.id: each.name for each in topology.networks}
    parts = [_value(getattr(question, field.name), names) for field in fields(question)]
    return f"{type(question).__name__} {' '.join(part for part in parts if part)}"


def _value(value: Any, names: Mapping[str, str]) -> str:
    if is_dataclass(value) and hasattr(value, "id"):
        return names.get(value.id, str(value.id))
    if isinstance(value, tuple | frozenset):
        return " ".join(_value(each, names) for each in value)
    return "" if value is None or value is False else str(value)
