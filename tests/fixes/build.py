"""A small engine in memory for fault injection, and reports about it: real containers are in the docker tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from netdoctor.errors import EngineRefused, Gone
from netdoctor.fixes.journal import Journal
from netdoctor.fixes.run import Desk
from netdoctor.fixes.store import Store
from netdoctor.model import (
    Confidence,
    Connect,
    Container,
    Edge,
    EdgeReport,
    Endpoint,
    Fact,
    Finding,
    Layer,
    Network,
    Observation,
    Outcome,
    Question,
    Remedy,
    Report,
    Severity,
    State,
    Step,
    Topology,
    Verdict,
)
from netdoctor.model.joining import preferred_join

RUNNING = State("running", running=True, pid=1)


def ident(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def network(name: str, **more: Any) -> Network:
    return Network(ident(f"network {name}"), name, **more)


def endpoint(net: Network, name: str, *aliases: str, **more: Any) -> Endpoint:
    names = () if net.default_bridge else tuple(each.lower() for each in (name, *aliases, ident(name)[:12]))
    return Endpoint(net.id, net.name, ipv4=more.pop("ipv4", "10.0.0.2"), aliases=aliases, names=names, **more)


def container(
    name: str, *nets: Network, service: str | None = None, project: str | None = None, **more: Any
) -> Container:
    labels = dict(more.pop("labels", {}))
    if service and project:
        labels |= {"com.docker.compose.service": service, "com.docker.compose.project": project}
    aliases = (service,) if service else ()
    more.setdefault("state", RUNNING)
    return Container(
        ident(name), name, labels=labels, endpoints=tuple(endpoint(net, name, *aliases) for net in nets), **more
    )


def topology(*things: Container | Network) -> Topology:
    return Topology(
        frozenset({Fact.RUNTIME}),
        tuple(each for each in things if isinstance(each, Container)),
        tuple(each for each in things if isinstance(each, Network)),
    )


class FakeEngine:
    """Holds a topology and changes it as an engine would. ``before``/``after`` see each call and may raise."""

    def __init__(self, start: Topology) -> None:
        self.now = start
        self.calls: list[tuple[str, ...]] = []
        self.made_anew = 0
        self.before: Callable[[tuple[str, ...]], None] = lambda call: None
        self.after: Callable[[tuple[str, ...]], None] = lambda call: None

    def look(self) -> Topology:
        return self.now

    def connect(
        self,
        network: str,
        container: str,
        *,
        aliases: Sequence[str] = (),
        ipv4: str | None = None,
        ipv6: str | None = None,
    ) -> None:
        call = ("connect", network, container)
        self._begin(call)
        found, net = self._both(network, container)
        if found.endpoint_on(net.id) is not None:
            raise EngineRefused(f"endpoint with name {found.name} already exists in network {net.name}")
        made = endpoint(net, found.name, *aliases, user_ipv4=ipv4, user_ipv6=ipv6)
        self._put(replace(found, endpoints=(*found.endpoints, made)))
        self.after(call)

    def disconnect(self, network: str, container: str) -> None:
        call = ("disconnect", network, container)
        self._begin(call)
        found, net = self._both(network, container)
        if found.endpoint_on(net.id) is None:
            raise EngineRefused(f"container {found.name} is not connected to network {net.name}")
        self._put(replace(found, endpoints=tuple(each for each in found.endpoints if each.network != net.id)))
        self.after(call)

    def set_service_network(self, service: str, network: str, *, joined: bool) -> None:
        """As Swarm does it: each task is made anew, with the service's networks of now."""
        call = ("set_service_network", service, network)
        self._begin(call)
        net = self.now.network(network)
        if net is None or service not in self.now.service_networks:
            raise Gone("no such service or network")
        networks = tuple(n for n in self.now.service_networks[service] if n != network)
        networks = (*networks, network) if joined else networks
        self.made_anew += 1
        anew = []
        for each in self.now.containers:
            if each.swarm_service == service:
                name = f"{each.name.rpartition('.')[0]}.{self.made_anew}"
                nets = [found for n in networks if (found := self.now.network(n)) is not None]
                each = replace(each, id=ident(name), name=name, endpoints=tuple(endpoint(n, name, "api") for n in nets))
            anew.append(each)
        self.now = replace(
            self.now,
            containers=tuple(anew),
            service_networks={**self.now.service_networks, service: networks},
        )
        self.after(call)

    def create_network(self, name: str, *, labels: Any = None, internal: bool = False, driver: str = "bridge") -> str:
        call = ("create_network", name)
        self._begin(call)
        made = network(name, labels=dict(labels or {}), internal=internal, driver=driver)
        self.now = replace(self.now, networks=(*self.now.networks, made))
        self.after(call)
        return made.id

    def remove_network(self, network: str) -> None:
        call = ("remove_network", network)
        self._begin(call)
        left = tuple(each for each in self.now.networks if network not in (each.id, each.name))
        if len(left) == len(self.now.networks):
            raise Gone(f"network {network} not found")
        self.now = replace(self.now, networks=left)
        self.after(call)

    def remove(self, name: str) -> None:
        self.now = replace(self.now, containers=tuple(each for each in self.now.containers if each.name != name))

    def put(self, made: Container) -> None:
        self.now = replace(self.now, containers=(*self.now.containers, made))

    def names(self, container: str) -> set[str]:
        found = next(each for each in self.now.containers if each.name == container)
        return {each.network_name for each in found.endpoints}

    def _begin(self, call: tuple[str, ...]) -> None:
        self.calls.append(call)
        self.before(call)

    def _both(self, network: str, container: str) -> tuple[Container, Network]:
        found, net = self.now.container(container), self.now.network(network)
        if found is None or net is None:
            raise Gone("no such container or network")
        return found, net

    def _put(self, changed: Container) -> None:
        self.now = replace(
            self.now, containers=tuple(changed if each.id == changed.id else each for each in self.now.containers)
        )


COOLIFY = network("coolify")
OWN = network("qdrant_default")
APP = container("app", COOLIFY)
QDRANT = container("qdrant", OWN, service="qdrant", project="qdrant")
EDGE = Edge(APP.ref, QDRANT.ref, name="qdrant", port=6333)


def incident() -> FakeEngine:
    return FakeEngine(topology(COOLIFY, OWN, APP, QDRANT))


def edge_report(
    edge: Edge, verdict: Verdict, failing: Layer | None = None, *, label: str = "app -> qdrant:6333", **more: Any
) -> EdgeReport:
    """Good up to the layer before ``failing``, which failed."""
    steps = []
    for layer in (Layer.MEMBERSHIP, Layer.DNS, Layer.TCP):
        good = failing is None or layer.value < failing.value
        outcome = Outcome.CONNECTED if good else Outcome.TIMED_OUT
        steps.append(Step(layer, layer.name, Question(edge.source), Observation(outcome)))
        if not good:
            break
    return EdgeReport(edge, label, verdict, tuple(steps), **more)


def finding(edge: Edge, where: Topology, code: str = "ND101", **more: Any) -> Finding:
    """As the rule would say it, remedies included."""
    source, target = where.container(edge.source), where.container(edge.target)
    joins = preferred_join(where, source, target, edge.name) if source and target else ()
    more.setdefault(
        "remedies", tuple(Remedy(f"Connect {j.container_name} to {j.network_name}", (j,), True) for j in joins)
    )
    more.setdefault("confidence", Confidence.CERTAIN)
    return Finding(
        code,
        "no shared network",
        Severity.ERROR,
        layer=Layer.MEMBERSHIP,
        about=(edge.target, edge.source),
        cause="app (on coolify) and qdrant (on qdrant_default) share no network.",
        edge=edge,
        **more,
    )


def asked(where: Topology, edges: Sequence[Edge] = (EDGE,), *, works: bool | None = None) -> Report:
    """What asking from inside says: it works where the two share a network (or as ``works`` says)."""
    reports, findings = [], []
    for edge in edges:
        source, target = where.container(edge.source), where.container(edge.target)
        shared = bool(source and target and where.shared_networks(source, target))
        good = shared if works is None else works
        label = f"{source.name if source else '?'} -> {target.name if target else '?'}"
        if good:
            reports.append(edge_report(edge, Verdict.HOLDS, label=label))
        else:
            reports.append(edge_report(edge, Verdict.BROKEN, Layer.TCP if shared else Layer.MEMBERSHIP, label=label))
            if not shared:
                findings.append(finding(edge, where))
    verdict = Verdict.HOLDS if all(each.verdict is Verdict.HOLDS for each in reports) else Verdict.BROKEN
    return Report(verdict, tuple(reports), tuple(findings), topology=where)


def desk(engine: FakeEngine, folder: Path, recheck: Callable[..., Report] = asked, **more: Any) -> Desk:
    return Desk(engine, engine.look, recheck, Journal(Store(folder, "engine-1")), sleep=lambda _: None, **more)


def join(joiner: Container = QDRANT, net: Network = COOLIFY, *aliases: str) -> Connect:
    return Connect(joiner.id, joiner.name, net.id, net.name, aliases or (joiner.name,))
