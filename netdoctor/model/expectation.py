"""What a person wrote about an edge: that it works, or that it must not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

from netdoctor.model.refs import Place

if TYPE_CHECKING:
    from netdoctor.model.finding import Severity


class Expect(Enum):
    REACHABLE = "reachable"
    ISOLATED = "isolated"


class Apart(Enum):
    """Why two containers are meant to be apart: what inspect must confirm, or the policy that somebody names."""

    ISOLATED = "isolated"
    """Any of the next three."""
    NO_SHARED_NETWORK = "no-shared-network"
    INTERNAL = "internal"
    ICC_OFF = "icc-off"
    POLICY = "policy"
    """Something that inspect cannot show, like a firewall; a refused connection counts then."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A finding that somebody accepts: why, and until when (the last day on which it counts)."""

    code: str
    reason: str
    until: date | None = None
    place: Place | None = None

    def expired(self, today: date) -> bool:
        return self.until is not None and today > self.until


@dataclass(frozen=True, slots=True)
class Expectation:
    """``timeout`` in seconds, None: the run's own. ``attempts``: asked this often at most until it is met."""

    expect: Expect
    why: str = ""
    reason: Apart = Apart.ISOLATED
    policy: str = ""
    severity: Severity | None = None
    """None: an error, as for any asked edge."""
    timeout: float | None = None
    attempts: int = 1
    suppress: tuple[Suppression, ...] = ()
    place: Place | None = None
    """Where it is written."""
