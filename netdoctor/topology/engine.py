"""The live engine's inspect answers, as nouns. Reads Docker Engine 20.10 to 29 and Podman 4.

Pure functions over the engine's JSON, so that a recorded answer of any engine is a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from netdoctor.engine.client import Engine
from netdoctor.engine.lists import Broken
from netdoctor.engine.survey import Hidden
from netdoctor.model import (
    Container,
    Endpoint,
    Fact,
    Health,
    HealthCheck,
    Network,
    PortBinding,
    State,
    Topology,
    Unseen,
)
from netdoctor.redact import secrets_among, without
from netdoctor.topology.links import linked
from netdoctor.topology.names import SHOWN_AS

JSON = Mapping[str, Any]

_ICC = "com.docker.network.bridge.enable_icc"
_DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge"
_PODMAN = "podman"
"""Podman's default network."""
_STOPPED = "stopped"
"""Podman's word for one whose program has ended, until it is cleaned up ("exited") or started again."""
_NUMBER = re.compile(r"[0-9]{1,5}")
_UNLISTED = "unknown"
"""The driver of a network that a container is on and the list does not have."""
_HEALTH_LOG = 5
"""Entries kept; the engine keeps five itself."""


def read_topology(engine: Engine, *, whole: bool = False) -> Topology:
    """One look at the engine. Raises what ``Engine`` raises.

    ``whole``: for whoever changes something by it. Raises for a container that could not be looked at, too.
    """
    networks, survey = engine.networks_told(), engine.survey()
    errors = [*(each.error for each in survey.hidden), *(each.error for each in networks.broken)]
    if whole and errors:
        raise errors[0]
    found = build_topology(
        survey.containers,
        networks.entries,
        engine_version=engine.version,
        engine_apis=engine.apis,
        endpoint=engine.host.url,
    )
    if errors:
        hidden = (*map(read_broken, networks.broken), *map(read_hidden, survey.hidden))
        found = without_unseen(replace(found, unseen=hidden))
        if not found.containers and survey.containers:
            raise errors[0]
    if any(container.swarm_service for container in found.containers):
        return replace(found, service_networks=engine.service_networks(whole=whole))
    return found


def build_topology(
    containers: Iterable[JSON],
    networks: Iterable[JSON],
    *,
    engine_id: str | None = None,
    engine_version: str | None = None,
    engine_apis: tuple[str, str] | None = None,
    endpoint: str | None = None,
) -> Topology:
    """Containers' and networks' inspect JSON to one topology."""
    known = [read_network(entry) for entry in networks]
    by_id = {network.id: network for network in known}
    # Podman names networks where Docker gives an id; two networks of one name stay apart by id.
    by_name = {network.name: network for network in known}
    # Podman lists its default network under another name than the one its containers carry.
    by_name.setdefault(_PODMAN, by_name.get("bridge", Network(_PODMAN, _PODMAN)))
    found = linked((entry, read_container(entry, by_id, by_name)) for entry in containers)
    extra = {
        endpoint.network: Network(endpoint.network, endpoint.network_name, driver=_UNLISTED)
        for container in found
        for endpoint in container.endpoints
        if endpoint.network not in by_id
    }
    return Topology(
        knows=frozenset({Fact.RUNTIME}),
        containers=tuple(sorted(found, key=lambda container: container.name)),
        networks=tuple(sorted([*known, *extra.values()], key=lambda network: (network.name, network.id))),
        source="engine",
        engine_id=engine_id,
        engine_version=engine_version,
        engine_apis=engine_apis,
        endpoint=endpoint,
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def read_hidden(hidden: Hidden) -> Unseen:
    """What the list says of a container that could not be looked at."""
    labels = hidden.labels
    return Unseen(
        hidden.id,
        next((name.lstrip("/") for name in hidden.names if name), hidden.id[:12]),
        hidden.error.message,
        "Look at all of them with: docker ps --all --no-trunc"
        if hidden.id.startswith("#")
        else f"Look at it with: docker inspect {hidden.id[:12]}",
        labels.get("com.docker.compose.project"),
        labels.get("com.docker.compose.service"),
        tuple(name for key in SHOWN_AS if (name := labels.get(key))),
        anybody=hidden.anybody,
    )


def read_broken(network: Broken) -> Unseen:
    """What can be read of a network whose entry in the list is impossible."""
    return Unseen(
        network.id or f"#{network.number}",
        next(iter(network.names or ()), network.id[:12] if network.id else f"entry {network.number}"),
        network.error.message,
        "Look at all of them with: docker network ls --no-trunc",
        kind="network",
        anybody=network.names is None or network.id is None,
    )


def without_unseen(topology: Topology) -> Topology:
    """Who is on the network of one that could not be looked at, or on one that could not be looked at itself, stands
    nobody knows where."""
    unseen = list(topology.unseen)
    containers = list(topology.containers)
    known = {each.id for each in topology.networks if each.driver != _UNLISTED}
    for hidden in unseen:  # grows: one may live in the network of one that lives in that of a third
        how = {each.id: said for each in containers if (said := _concerned(topology, each, hidden, known))}
        guests = [each for each in containers if each.id in how]
        containers = [each for each in containers if each.id not in how]
        unseen += [
            Unseen(
                each.id,
                each.name,
                f"{each.name} {how[each.id]}: {hidden.reason}",
                hidden.hint,
                each.project,
                each.service,
                tuple(name for key in SHOWN_AS if (name := each.labels.get(key))),
            )
            for each in guests
        ]
    return replace(topology, containers=tuple(containers), unseen=tuple(unseen))


def _concerned(topology: Topology, one: Container, hidden: Unseen, known: set[str]) -> str:
    """How that container depends on what is hidden, in words; "" where it does not."""
    if hidden.kind == "network":
        for endpoint in one.endpoints:
            same = hidden.id == endpoint.network or hidden.name == endpoint.network_name
            if endpoint.network not in known and (same or hidden.anybody):
                return f"is on the network {endpoint.network_name}"
        return ""
    mode = one.network_mode or ""
    if mode in (f"container:{hidden.id}", f"container:{hidden.name}"):
        return f"uses the network of {hidden.name}"
    lost = mode.startswith("container:") and topology.network_owner(one) is None
    return f"may use the network of {hidden.name}" if lost and hidden.anybody else ""


def read_network(entry: JSON) -> Network:
    """One entry of the network list."""
    options = entry.get("Options") or {}
    configs = (entry.get("IPAM") or {}).get("Config") or ()
    return Network(
        id=str(entry.get("Id") or entry.get("ID") or entry.get("Name")),
        name=str(entry.get("Name")),
        driver=str(entry.get("Driver") or "bridge"),
        scope=str(entry.get("Scope") or "local"),
        internal=bool(entry.get("Internal")),
        attachable=bool(entry.get("Attachable")) or entry.get("Driver") != "overlay",
        icc=str(options.get(_ICC, "true")).lower() != "false",
        # The engine keeps that name for it; Podman sets no option.
        default_bridge=str(options.get(_DEFAULT_BRIDGE, "")).lower() == "true" or entry.get("Name") == "bridge",
        ipv6=bool(entry.get("EnableIPv6")),
        subnets=tuple(str(config["Subnet"]) for config in configs if config.get("Subnet")),
        gateways=tuple(str(config["Gateway"]).partition("/")[0] for config in configs if config.get("Gateway")),
        labels=dict(entry.get("Labels") or {}),
        options={str(key): str(value) for key, value in options.items()},
        created=entry.get("Created"),
    )


def read_container(entry: JSON, by_id: Mapping[str, Network], by_name: Mapping[str, Network]) -> Container:
    """One container's inspect."""
    config = entry.get("Config") or {}
    host_config = entry.get("HostConfig") or {}
    settings = entry.get("NetworkSettings") or {}
    full_id = str(entry.get("Id"))
    name = str(entry.get("Name") or full_id[:12]).lstrip("/")
    hostname = str(config.get("Hostname") or "") or None
    attached = settings.get("Networks") or {}
    mode = _mode(str(host_config.get("NetworkMode") or "") or None, attached)
    # Podman repeats the owner's networks for a container that borrows a namespace; Docker leaves them out.
    borrowed = mode is not None and mode.startswith("container:")
    endpoints = (
        []
        if borrowed
        else [
            _endpoint(network, details or {}, full_id, name, hostname, by_id, by_name, _served(config))
            for network, details in attached.items()
        ]
    )
    environment = tuple(_environment(config.get("Env") or ()))
    labels = {str(key): str(value) for key, value in (config.get("Labels") or {}).items()}
    # What a program or the engine says about a failure is shown as evidence, and may repeat a credential bare.
    told = secrets_among((*environment, *labels.items()))
    return Container(
        id=full_id,
        name=name,
        image=str(config.get("Image") or entry.get("Image") or ""),
        state=_state(entry, told),
        health=_health(entry, told),
        network_mode=mode,
        endpoints=tuple(endpoints),
        environment=environment,
        labels=labels,
        exposed=tuple(sorted(filter(None, map(_port, config.get("ExposedPorts") or {})))),
        published=tuple(_bindings(settings.get("Ports") or {}, host_config.get("PortBindings") or {})),
        hostname=hostname,
        extra_hosts=tuple(host_config.get("ExtraHosts") or ()),
        dns=tuple(host_config.get("Dns") or ()),
        command=tuple(str(word) for word in [entry.get("Path") or "", *(entry.get("Args") or ())] if word),
        created=entry.get("Created"),
        healthcheck=_healthcheck(config.get("Healthcheck") or {}),
        dns_search=tuple(host_config.get("DnsSearch") or ()),
    )


def _mode(told: str | None, attached: Mapping[str, JSON | None]) -> str | None:
    """Podman says ``bridge`` of every container that is on networks at all; Docker names the first of them."""
    podman = bool(attached) and all((details or {}).get("NetworkID") == name for name, details in attached.items())
    return next(iter(attached)) if told == "bridge" and podman and _PODMAN not in attached else told


def _endpoint(
    key: str,
    details: JSON,
    full_id: str,
    name: str,
    hostname: str | None,
    by_id: Mapping[str, Network],
    by_name: Mapping[str, Network],
    served: tuple[str, ...] = (),
) -> Endpoint:
    said = str(details.get("NetworkID") or "")
    # A stopped container goes on naming the id of a network that is gone, even where another has its name now.
    network = by_id.get(said) or by_name.get(said) or (None if said else by_name.get(key))
    network_id = said if said in by_id else network.id if network else said or key
    ipam = details.get("IPAMConfig") or {}
    aliases = tuple(alias for alias in details.get("Aliases") or () if alias != full_id[:12])
    names: tuple[str, ...] = ()
    # The default bridge, host and none have no names at all.
    if network is None or not (network.default_bridge or network.driver in ("host", "null")):
        told = details.get("DNSNames")
        built = [*(told or [name, *aliases, full_id[:12], *([hostname] if hostname else [])])]
        if network is not None and network.driver == "overlay":
            built += served
        names = tuple(dict.fromkeys(str(each).lower() for each in built))
    return Endpoint(
        network=network_id,
        network_name=network.name if network else key,
        ipv4=details.get("IPAddress") or None,
        ipv6=details.get("GlobalIPv6Address") or None,
        gateway=details.get("Gateway") or None,
        aliases=aliases,
        names=names,
        user_ipv4=ipam.get("IPv4Address") or None,
        user_ipv6=ipam.get("IPv6Address") or None,
        mac=details.get("MacAddress") or None,
        endpoint_id=details.get("EndpointID") or None,
    )


def _served(config: JSON) -> tuple[str, ...]:
    """The names that Swarm answers for a task on its overlay networks: its service's, and ``tasks.`` before it."""
    service = str((config.get("Labels") or {}).get("com.docker.swarm.service.name") or "")
    return (service, f"tasks.{service}") if service else ()


def _state(entry: JSON, told: frozenset[str]) -> State:
    state = entry.get("State") or {}
    status = str(state.get("Status") or "unknown")
    again = bool(state.get("Restarting")) or _between_restarts(entry, status)
    return State(
        status="restarting" if again else "exited" if status == _STOPPED else status,
        running=bool(state.get("Running")) or again,
        paused=bool(state.get("Paused")),
        restarting=again,
        oom_killed=bool(state.get("OOMKilled")),
        pid=int(state.get("Pid") or 0) or None,
        exit_code=state.get("ExitCode"),
        error=without(told, str(state.get("Error") or "")),
        started_at=_moment(state.get("StartedAt")),
        finished_at=_moment(state.get("FinishedAt")),
        restart_count=int(entry.get("RestartCount") or 0),
    )


def _between_restarts(entry: JSON, status: str) -> bool:
    """Podman never says "restarting": one that ended, and that its policy starts again, is "stopped" for a moment."""
    policy = ((entry.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name")
    return status == _STOPPED and policy not in (None, "", "no") and bool(entry.get("RestartCount"))


def _moment(text: Any) -> str | None:
    """The engine says "never" with the year 1."""
    return None if not text or str(text).startswith("0001-") else str(text)


def _health(entry: JSON, told: frozenset[str]) -> Health | None:
    health = (entry.get("State") or {}).get("Health") or (entry.get("State") or {}).get("Healthcheck") or {}
    status = str(health.get("Status") or "")
    if status in ("", "none"):
        return None
    test = ((entry.get("Config") or {}).get("Healthcheck") or {}).get("Test") or ()
    last = tuple(health.get("Log") or ())[-_HEALTH_LOG:]
    log = tuple((int(each.get("ExitCode") or 0), without(told, str(each.get("Output") or ""))) for each in last)
    words = tuple(without(told, str(word)) for word in test)
    return Health(status, int(health.get("FailingStreak") or 0), words, log)


def _healthcheck(declared: JSON) -> HealthCheck | None:
    """What the container was made with; the engine keeps nanoseconds, 0 for "not set"."""
    if not declared:
        return None
    test, retries = declared.get("Test") or (), declared.get("Retries")
    return HealthCheck(
        test=tuple(str(word) for word in test),
        interval=_seconds(declared.get("Interval")),
        timeout=_seconds(declared.get("Timeout")),
        start_period=_seconds(declared.get("StartPeriod")),
        retries=int(retries) if retries else None,
    )


def _seconds(nanoseconds: Any) -> float | None:
    return int(nanoseconds) / 1e9 if nanoseconds else None


def _environment(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        key, _, value = str(line).partition("=")
        yield key, value


def _port(text: str) -> tuple[int, str] | None:
    """None for what an image made by something else calls a port: a range, a name."""
    number, _, protocol = str(text).partition("/")
    return (int(number), protocol or "tcp") if _NUMBER.fullmatch(number) and int(number) < 1 << 16 else None


def _bindings(live: JSON, asked: JSON) -> Iterable[PortBinding]:
    """What is published now; what was asked for when the container does not run."""
    for port, hosts in sorted((live if any(live.values()) else asked).items()):
        known = _port(port)
        for host in (hosts or ()) if known else ():
            host_port = str(host.get("HostPort") or "")
            number = int(host_port) if _NUMBER.fullmatch(host_port) else None
            assert known is not None
            yield PortBinding(known[0], number, host.get("HostIp") or "0.0.0.0", known[1])
