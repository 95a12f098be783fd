"""Topologies in code: two engines' worth of detail in a few words, for tests that need no engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from netdoctor.model import (
    Answers,
    Case,
    Container,
    Edge,
    Endpoint,
    Fact,
    Finding,
    Network,
    Observation,
    Outcome,
    PortBinding,
    Question,
    Rule,
    State,
    Topology,
)
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.greeting import Greeting, GreetingEvidence, spoken
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.probes.ping import Ping, PingEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.vantage.interface import ListeningSocket

BRIDGE = Network("bridge-id", "bridge", default_bridge=True)
RUNNING = State("running", running=True, pid=1)


def ident(name: str) -> str:
    """A full id that belongs to that name."""
    return hashlib.sha256(name.encode()).hexdigest()


def network(name: str, **fields: Any) -> Network:
    """``project=``, ``key=``: as compose labels what it makes."""
    project, key = fields.pop("project", None), fields.pop("key", None)
    labels = {"com.docker.compose.project": project} if project else {}
    if key:
        labels["com.docker.compose.network"] = key
    return Network(ident(f"network {name}"), name, labels=labels, **fields)


def container(
    name: str,
    *networks: Network,
    service: str | None = None,
    project: str | None = None,
    aliases: Mapping[str, Iterable[str]] | Iterable[str] = (),
    state: State | None = RUNNING,
    publish: Iterable[tuple[int, int]] = (),
    labels: Mapping[str, str] | None = None,
    address: str | None = None,
    **fields: Any,
) -> Container:
    """On those networks; ``service`` gives the alias that compose would, unless ``aliases`` says otherwise.

    ``publish``: (host port, container port).
    """
    full = ident(name)
    given = aliases if isinstance(aliases, Mapping) else {each.name: tuple(aliases) for each in networks}
    endpoints = []
    for position, each in enumerate(networks):
        also = tuple(given.get(each.name, ())) or ((service,) if service and not aliases else ())
        names = () if each.default_bridge else tuple(n.lower() for n in (name, *also, full[:12]))
        seed = ident(f"{name} {each.name}")
        ip = address if address and position == 0 else f"10.{int(seed[:2], 16)}.{int(seed[2:4], 16)}.{position + 2}"
        endpoints.append(Endpoint(each.id, each.name, ipv4=ip, aliases=also, names=names))
    marks = dict(labels or {})
    if service:
        marks["com.docker.compose.service"] = service
    if project:
        marks["com.docker.compose.project"] = project
    return Container(
        full,
        name,
        state=state,
        endpoints=tuple(endpoints),
        labels=marks,
        published=tuple(PortBinding(inside, outside) for outside, inside in publish),
        **fields,
    )


def topology(*things: Container | Network, **fields: Any) -> Topology:
    fields.setdefault("knows", frozenset({Fact.RUNTIME}))
    containers = tuple(thing for thing in things if isinstance(thing, Container))
    networks = tuple(thing for thing in things if isinstance(thing, Network))
    return Topology(containers=containers, networks=networks, **fields)


class Story:
    """One edge and what was seen on it; each ``saw`` method adds an answer and returns the story."""

    def __init__(
        self,
        seen: Topology,
        source: Container,
        target: Container,
        name: str | None,
        port: int | None,
        **edge: Any,
    ):
        self.topology, self.source, self.target = seen, source, target
        self.edge = Edge(source.ref, target.ref, name=name, port=port, **edge)
        self._seen: dict[Question[Any], Observation[Any]] = {}

    @property
    def address(self) -> str:
        """The one a dial would take: on a shared network where there is one."""
        shared = self.topology.shared_networks(self.source, self.target)
        endpoint = self.target.endpoint_on(shared[0].id) if shared else next(iter(self.target.endpoints), None)
        return (endpoint.ipv4 if endpoint else None) or "10.255.255.1"

    def dns(self, outcome: Outcome, *answers: str, name: str | None = None) -> Story:
        asked = name or self.edge.name or ""
        given = answers or ((self.address,) if outcome is Outcome.CONNECTED else ())
        self._seen[Dns(self.source.ref, asked)] = Observation(outcome, DnsEvidence(asked, given))
        return self

    def own_name(self, outcome: Outcome = Outcome.CONNECTED) -> Story:
        return self.dns(outcome, name=self.source.short_id)

    def ping(self, outcome: Outcome, address: str | None = None) -> Story:
        where = address or self.address
        received = int(outcome is Outcome.CONNECTED)
        self._seen[Ping(self.source.ref, where)] = Observation(outcome, PingEvidence(where, 1, received))
        return self

    def tcp(self, outcome: Outcome, address: str | None = None) -> Story:
        where, port = address or self.address, self.edge.port or 0
        self._seen[Tcp(self.source.ref, where, port)] = Observation(outcome, TcpEvidence(where, port))
        return self

    def http(self, outcome: Outcome, **asked: Any) -> Story:
        """``asked``: what differs from the edge's own question, and ``status=``, ``start=``, ``detail=``."""
        port, evidence = self.edge.port or 0, {k: asked.pop(k) for k in ("status", "start", "detail") if k in asked}
        asked.setdefault("host", self.edge.name or self.address)
        asked.setdefault("path", self.edge.path or "/")
        asked.setdefault("tls", self.edge.protocol == "https")
        asked.setdefault("strict", self.edge.path is not None)
        question = Http(self.source.ref, asked.pop("address", self.address), asked.pop("port", port), **asked)
        found = HttpEvidence(question.address, question.port, question.path, **evidence)
        return self.saw(question, Observation(outcome, found))

    def greeting(self, outcome: Outcome, **evidence: Any) -> Story:
        """In the edge's protocol; ``tls=`` asks the other way round."""
        protocol, tls = spoken(self.edge.protocol)
        tls = evidence.pop("tls", tls)
        question = Greeting(self.source.ref, self.address, self.edge.port or 0, protocol, tls, self.edge.name or "")
        found = GreetingEvidence(self.address, self.edge.port or 0, protocol, **evidence)
        return self.saw(question, Observation(outcome, found))

    def saw(self, question: Question[Any], observation: Observation[Any]) -> Story:
        self._seen[question] = observation
        return self

    def listens(self, *sockets: str, waiting: int = 0) -> Story:
        """``0.0.0.0:80``, ``:::80``, ``127.0.0.1:6333``"""
        found = []
        for text in sockets:
            address, _, port = text.rpartition(":")
            found.append(ListeningSocket(address, int(port), 6 if ":" in address else 4, waiting))
        self._seen[Listeners(self.target.ref)] = Observation(Outcome.CONNECTED, ListenersEvidence(tuple(found)))
        return self

    def unanswered(self) -> Story:
        """The target's listeners could not be read."""
        self._seen[Listeners(self.target.ref)] = Observation(Outcome.COULD_NOT_ASK, None, "no vantage")
        return self

    def works(self) -> Story:
        self.ping(Outcome.CONNECTED).tcp(Outcome.CONNECTED)
        if self.edge.protocol in ("tcp", "http", "https"):
            self.http(Outcome.CONNECTED)
        else:
            self.greeting(Outcome.CONNECTED)
        return self.dns(Outcome.CONNECTED) if self.edge.name else self

    @property
    def case(self) -> Case:
        return Case(self.topology, self.edge, Answers(self._seen))

    def judged(self, rule: Rule) -> tuple[Finding, ...]:
        return tuple(rule.judge(self.case))

    def wanted(self, rule: Rule) -> set[Question[Any]]:
        return set(rule.wants(self.case))


def story(
    seen: Topology,
    source: Container,
    target: Container,
    *,
    name: str | None = None,
    port: int | None = None,
    **edge: Any,
) -> Story:
    """``edge``: further fields of the edge, like ``protocol="https"``, ``path="/healthz"``."""
    return Story(seen, source, target, name, port, **edge)
