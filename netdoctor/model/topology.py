"""Containers, networks and endpoints as data: the same nouns for the engine, compose files and bundles.

In every field ``None`` means "this source cannot know", an empty tuple means "known to be none".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from netdoctor.model.declared import Blank, Build, Dependency, HealthCheck, Link
from netdoctor.model.refs import Place, Ref


class Fact(Enum):
    """What kind of truth a source can tell."""

    RUNTIME = "runtime"
    DECLARED = "declared"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A container's attachment to one network."""

    network: str
    """The network's id."""
    network_name: str
    ipv4: str | None = None
    ipv6: str | None = None
    gateway: str | None = None
    aliases: tuple[str, ...] = ()
    """As asked for at connect time (the container's short id is left out)."""
    names: tuple[str, ...] = ()
    """Every name Docker's DNS answers on this network for this container, lower case."""
    user_ipv4: str | None = None
    """The address the user fixed, not the one the engine chose."""
    user_ipv6: str | None = None
    mac: str | None = None
    endpoint_id: str | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(address for address in (self.ipv4, self.ipv6) if address)


@dataclass(frozen=True, slots=True)
class Network:
    id: str
    name: str
    driver: str = "bridge"
    scope: str = "local"
    internal: bool = False
    attachable: bool = True
    icc: bool = True
    """Inter-container communication; False when com.docker.network.bridge.enable_icc is "false"."""
    default_bridge: bool = False
    ipv6: bool = False
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    created: str | None = None
    external: bool = False
    """Compose files only: declared as made elsewhere, so nothing but its name is known."""

    @property
    def ref(self) -> Ref:
        return Ref("network", self.id)


@dataclass(frozen=True, slots=True)
class State:
    """What the engine says the container is doing.

    ``status``: created, running, paused, restarting, exited, dead, removing.
    """

    status: str
    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = False
    pid: int | None = None
    exit_code: int | None = None
    error: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    restart_count: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """``status``: starting, healthy, unhealthy. ``log``: (exit code, output), oldest first."""

    status: str
    failing_streak: int = 0
    test: tuple[str, ...] = ()
    log: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PortBinding:
    """One published port."""

    container_port: int
    host_port: int | None
    host_ip: str = "0.0.0.0"
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Container:
    id: str
    name: str
    image: str = ""
    state: State | None = None
    health: Health | None = None
    """None: no health check."""
    network_mode: str | None = None
    """default, bridge, host, none, container:<id>, or a network's name."""
    endpoints: tuple[Endpoint, ...] = ()
    environment: tuple[tuple[str, str], ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed: tuple[tuple[int, str], ...] | None = None
    """(port, protocol)"""
    published: tuple[PortBinding, ...] | None = None
    hostname: str | None = None
    extra_hosts: tuple[str, ...] | None = None
    dns: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    created: str | None = None
    healthcheck: HealthCheck | None = None
    """What is declared (or, by an engine, set); ``health`` is how it went. None: nothing is declared."""
    depends_on: tuple[Dependency, ...] | None = None
    links: tuple[Link, ...] = ()
    build: Build | None = None
    """None: the image is not built from what was read."""
    profiles: tuple[str, ...] = ()
    """Compose starts it only when one of these is asked for; (): always."""
    replicas: int | None = None
    """How many containers the service asks for, where it says so; a declared service is one Container."""
    dns_search: tuple[str, ...] | None = None
    blanks: tuple[Blank, ...] = ()

    @property
    def ref(self) -> Ref:
        return Ref("container", self.id)

    @property
    def short_id(self) -> str:
        return self.id[:12]

    @property
    def service(self) -> str | None:
        return self.labels.get("com.docker.compose.service")

    @property
    def project(self) -> str | None:
        return self.labels.get("com.docker.compose.project")

    @property
    def running(self) -> bool:
        """Running, and not paused or between restarts."""
        return self.state is not None and self.state.running and not self.state.paused and not self.state.restarting

    @property
    def swarm_service(self) -> str | None:
        """The id of the Swarm service whose task it is."""
        return self.labels.get("com.docker.swarm.service.id")

    def endpoint_on(self, network: str) -> Endpoint | None:
        """The endpoint on the network with that id."""
        return next((endpoint for endpoint in self.endpoints if endpoint.network == network), None)

    def env(self, name: str) -> str | None:
        return next((value for key, value in self.environment or () if key == name), None)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A container (or a network) that is there and could not be looked at: this is all that is known of it.

    Neither its networks nor its state: whoever concludes something from nobody's having a name, an address or a place
    has to think of it.
    """

    id: str
    name: str
    reason: str
    """In one sentence, redacted."""
    hint: str = ""
    project: str | None = None
    service: str | None = None
    also: tuple[str, ...] = ()
    """Names that its platform shows."""
    kind: str = "container"
    """``container`` or ``network``."""
    anybody: bool = False
    """Not even all its names are known: what nobody is called may be it."""

    @property
    def label(self) -> str:
        """``db``, ``network back``"""
        return self.name if self.kind == "container" else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class _Lookup:
    containers: Mapping[str, Container]
    networks: Mapping[str, Network]
    members: Mapping[str, tuple[Container, ...]]


class _Indexed:
    """Holds what a topology looks things up in: made at the first question, no part of its value."""

    __slots__ = ("_lookup",)
    _lookup: _Lookup


@dataclass(frozen=True, slots=True)
class Topology(_Indexed):
    """One moment of one engine (or of a set of compose files)."""

    knows: frozenset[Fact]
    containers: tuple[Container, ...]
    networks: tuple[Network, ...]
    places: Mapping[Ref, Place] = field(default_factory=dict)
    source: str = "engine"
    """``engine``, ``compose`` or ``bundle``."""
    engine_id: str | None = None
    """None where nobody needed it: the engine is slow to say it."""
    engine_version: str | None = None
    engine_apis: tuple[str, str] | None = None
    """The oldest and the newest API version that the engine speaks: ``("1.24", "1.47")``."""
    endpoint: str | None = None
    """Where the engine was reached, for error messages."""
    taken_at: str | None = None
    service_networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of the networks that a Swarm service's tasks are to join, by the service's id; where there are tasks, and
    this node may ask for their services."""
    unseen: tuple[Unseen, ...] = ()
    """Containers and networks that are there and could not be looked at; no part of ``containers`` and ``networks``.

    Whoever is on such a network is among them."""

    @property
    def unseen_containers(self) -> tuple[Unseen, ...]:
        """Those of ``unseen`` that are no networks."""
        return tuple(each for each in self.unseen if each.kind == "container")

    def container(self, ref: Ref | str) -> Container | None:
        """By ref or full id."""
        return self._index().containers.get(ref if isinstance(ref, str) else ref.id)

    def network(self, ref: Ref | str) -> Network | None:
        """By ref or id."""
        return self._index().networks.get(ref if isinstance(ref, str) else ref.id)

    def place(self, *refs: Ref) -> Place | None:
        """Where the first of these that has a place stands: its own place, else that of the nearest thing around it."""
        for ref in refs:
            for length in range(len(ref.path), -1, -1):
                found = self.places.get(ref.at(*ref.path[:length]))
                if found is not None:
                    return found
        return None

    def network_owner(self, container: Container) -> Container | None:
        """Whose network namespace this one uses: its own, or the one it borrows; None when that is gone."""
        seen = {container.id}
        current = container
        while current.network_mode and current.network_mode.startswith("container:"):
            wanted = current.network_mode.partition(":")[2]
            owner = next((c for c in self.containers if c.id == wanted or c.name == wanted), None)
            if owner is None or owner.id in seen:
                return None
            seen.add(owner.id)
            current = owner
        return current

    def endpoints_of(self, container: Container) -> tuple[Endpoint, ...]:
        """Its endpoints, or those of the container whose namespace it borrows."""
        owner = self.network_owner(container)
        return () if owner is None else owner.endpoints

    def shared_networks(self, one: Container, other: Container) -> tuple[Network, ...]:
        """Networks both are attached to (host and none do not count), in the caller's order."""
        theirs = {endpoint.network for endpoint in self.endpoints_of(other)}
        found = (self.network(e.network) for e in self.endpoints_of(one) if e.network in theirs)
        return tuple(n for n in found if n is not None and n.driver not in ("host", "null"))

    def members(self, network: str) -> tuple[Container, ...]:
        """Containers with an endpoint on that network id."""
        return self._index().members.get(network, ())

    def _index(self) -> _Lookup:
        """A hundred files have a thousand services, and every rule asks for them by id."""
        try:
            return self._lookup
        except AttributeError:
            pass
        members: dict[str, dict[str, Container]] = {}
        for container in self.containers:
            for endpoint in container.endpoints:
                members.setdefault(endpoint.network, {}).setdefault(container.id, container)
        found = _Lookup(
            # Of two with one id the first is meant.
            {container.id: container for container in reversed(self.containers)},
            {network.id: network for network in reversed(self.networks)},
            {network: tuple(each.values()) for network, each in members.items()},
        )
        object.__setattr__(self, "_lookup", found)
        return found
