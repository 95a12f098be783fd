"""Where a probe is asked in tests: two containers on one network, and a fake vantage at the first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rules.build import container, network, topology

from netdoctor.model import Observation, Question, Topology
from netdoctor.probes.interface import World
from netdoctor.vantage.fake import FakeVantage, FakeVantages

NET = network("net")
A, B = container("app1", NET), container("qdrant1", NET)
AT = A.ref


class Clock:
    """Time that passes only when a test says so, or a little with every look."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self.tick = 100.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def ask(
    probe: Any,
    question: Question[Any],
    vantage: FakeVantage | Exception,
    *,
    seen: Topology | None = None,
    timeout: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> Observation[Any]:
    """Put one question, as the diagnosis would."""
    world = World(seen or topology(NET, A, B), FakeVantages({AT: vantage}).at, timeout, clock)
    observation: Observation[Any] = probe.ask(question, world)
    assert isinstance(probe.label(question, world.topology), str)
    assert isinstance(probe.describe(question, observation), str)
    return observation
