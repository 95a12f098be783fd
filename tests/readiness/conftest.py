"""A situation, on the real engine and without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netdoctor.errors import EngineUnreachable
from netdoctor.readiness.interface import CHECKS, Line, Situation, State
from netdoctor.topology.engine import read_topology

FAILURE = EngineUnreachable("No engine answers.", hint="Start it.")


def lines_of(name: str, situation: Situation) -> dict[str, Line]:
    """What that check says, by subject."""
    found = {line.subject: line for line in CHECKS.get(name).look(situation)}
    for line in found.values():
        assert line.said
        assert bool(line.remedy) == (line.state is not State.OK), line
    return found


def without_engine(**environment: str) -> Situation:
    return Situation(None, None, FAILURE, environment, root=True)


@pytest.fixture
def here(lab: Any) -> Callable[..., Situation]:
    """The situation on the lab's engine, with whatever containers the test has made."""

    def look(*, root: bool = True, **environment: str) -> Situation:
        return Situation(lab.engine, read_topology(lab.engine), None, environment, root)

    return look
