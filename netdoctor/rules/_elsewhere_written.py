"""What a broker's own variables say that it will tell its clients: known before it runs, and without a sign-in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netdoctor.model import Case, Container, Topology
from netdoctor.probes.followed import is_loopback

ADVERTISED = ("KAFKA_ADVERTISED_LISTENERS", "KAFKA_CFG_ADVERTISED_LISTENERS")
_LISTENERS = ("KAFKA_LISTENERS", "KAFKA_CFG_LISTENERS")
_LONGEST = 4096
_LISTENER = re.compile(
    r"(?P<name>[A-Za-z0-9_.-]{1,64})://(?P<host>[A-Za-z0-9_.-]{0,253}|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})\Z"
)


@dataclass(frozen=True, slots=True)
class Listener:
    """``INTERNAL://kafka:29092``"""

    name: str
    host: str
    port: int

    def at(self, host: str, port: int | None) -> str:
        return f"{self.name}://{host}:{port}"

    def __str__(self) -> str:
        return self.at(f"[{self.host}]" if ":" in self.host else self.host, self.port)


def listeners_in(value: str) -> tuple[Listener, ...]:
    """All of them; none where one cannot be read (a reference that nobody filled, a shell in it)."""
    found = [_LISTENER.match(each.strip()) for each in value[:_LONGEST].split(",")]
    read = tuple(
        Listener(each["name"], each["host"].strip("[]"), int(each["port"])) for each in found if each is not None
    )
    return read if len(read) == len(found) and len(value) <= _LONGEST else ()


def advertised_variable(container: Container | None) -> str | None:
    """The one in which the container's advertised listeners are written."""
    return next((each for each in ADVERTISED if container is not None and container.env(each)), None)


def written(case: Case) -> Listener | None:
    """What clients on the edge's port will be told, when it is an address of the client itself."""
    edge, caller, target = case.edge, case.source, case.target
    if edge is None or edge.reverse or edge.protocol != "kafka" or edge.port is None:
        return None
    variable = advertised_variable(target)
    # Who only waits for it to start says nothing of talking to it.
    if caller is None or target is None or variable is None or edge.origin in ("depends_on", "pair"):
        return None
    if caller.network_mode == "host" or _together(case.topology, caller, target):
        return None
    told = _on_port(target, variable, edge.port)
    return told if told is not None and is_loopback(told.host) else None


def _on_port(target: Container, variable: str, port: int) -> Listener | None:
    """The listener's name stands for its port on one side and for what is told of it on the other."""
    advertised = listeners_in(target.env(variable) or "")
    own = next((value for each in _LISTENERS if (value := target.env(each))), "")
    names = {each.name for each in listeners_in(own) if each.port == port}
    if own:
        return next((each for each in advertised if each.name in names), None)
    return next((each for each in advertised if each.port == port), None)


def _together(topology: Topology, one: Container, other: Container) -> bool:
    """One namespace: localhost means both."""
    first, second = topology.network_owner(one), topology.network_owner(other)
    return first is not None and second is not None and first.id == second.id
