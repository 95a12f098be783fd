"""An edge: who wants to reach whom, how, and how we know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from netdoctor.model.expectation import Expect, Expectation
from netdoctor.model.observation import Answers, Observation, Question
from netdoctor.model.refs import Ref
from netdoctor.model.topology import Container, Topology

Q = TypeVar("Q", bound=Question[Any])


@dataclass(frozen=True, slots=True)
class Edge:
    """``app -> qdrant:6333/healthz``.

    ``name`` is the host name the caller uses (None: asked by address only); ``port`` None means that no port
    is known; ``protocol`` is ``http``, ``https``, ``grpc``, ``redis``, ... or ``tcp``.
    """

    source: Ref
    target: Ref
    name: str | None = None
    port: int | None = None
    path: str | None = None
    protocol: str = "tcp"
    origin: str = "argument"
    """Where port and name come from: ``argument``, ``environment QDRANT_URL``, ``catalogue``, ``listeners``."""
    basis: Ref | None = None
    """The place that says so, like the environment variable."""
    reverse: bool = False
    """B to A: evidence, not a verdict."""
    expectation: Expectation | None = None
    """What somebody wrote about it; None: it was asked for, so it must work."""
    said_path: str | None = None
    """The path of the caller's own URL, asked where no other is given: it must answer, but a base URL need not be
    found there."""

    @property
    def isolated(self) -> bool:
        """It must NOT work."""
        return self.expectation is not None and self.expectation.expect is Expect.ISOLATED

    def backwards(self) -> Edge:
        """The same two ends, the other way, with nothing known about a port."""
        return Edge(self.target, self.source, name=None, origin="reverse", reverse=True)

    def on_port(self, port: int) -> Edge:
        return replace(self, port=port)


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule judges: the topology, one edge (or none: the whole topology), and what was seen so far."""

    topology: Topology
    edge: Edge | None
    seen: Answers

    def asked(self, kind: type[Q]) -> Iterator[tuple[Q, Observation[Any]]]:
        """Every answered question of that class that was put from the caller's end of this edge."""
        for question, observation in self.seen.asked_at(self.edge.source) if self.edge is not None else ():
            if isinstance(question, kind):
                yield question, observation

    @property
    def source(self) -> Container | None:
        """The caller, when it is a container."""
        return None if self.edge is None else self.topology.container(self.edge.source)

    @property
    def target(self) -> Container | None:
        """The target, when it is a container."""
        return None if self.edge is None else self.topology.container(self.edge.target)
