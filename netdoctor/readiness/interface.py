"""What a check of this machine is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from netdoctor.engine.client import Engine
from netdoctor.errors import NetdoctorError
from netdoctor.model import Topology
from netdoctor.registry import Registry


class State(Enum):
    """``ok``; ``note``: works, and could work better; ``bad``: netdoctor cannot do its work like this."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Line:
    """One answer. ``remedy`` is what to do, a command where there is one; empty only where all is well."""

    subject: str
    state: State
    said: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the checks may look at. Without an engine ``failure`` says why."""

    engine: Engine | None
    topology: Topology | None
    failure: NetdoctorError | None
    environment: Mapping[str, str]
    root: bool


class Check(Protocol):
    rank: int
    """The lowest is asked and shown first."""

    def look(self, situation: Situation) -> Iterable[Line]:
        """Changes nothing, anywhere. Raises NetdoctorError where it cannot look; that is shown as bad."""


CHECKS: Registry[Check] = Registry("netdoctor.readiness")


def examine(situation: Situation) -> tuple[Line, ...]:
    """Every check's lines, in order."""
    lines: list[Line] = []
    for check in sorted(CHECKS, key=lambda each: each.rank):
        try:
            lines += check.look(situation)
        except NetdoctorError as error:
            lines.append(
                Line(type(check).__name__.lower(), State.BAD, error.message, error.hint or "netdoctor -v check")
            )
    return tuple(lines)
