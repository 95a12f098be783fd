"""What a rule concludes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from netdoctor.model.edge import Case, Edge
from netdoctor.model.observation import Layer, Question
from netdoctor.model.operations import Operation
from netdoctor.model.refs import Ref
from netdoctor.model.topology import Fact


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return ("error", "warning", "info").index(self.value)


class Confidence(Enum):
    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"

    @property
    def rank(self) -> int:
        return ("certain", "likely", "possible").index(self.value)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do. ``operations`` where netdoctor can do it, else ``advice``: the exact text to apply or paste."""

    title: str
    operations: tuple[Operation, ...] = ()
    safe: bool = False
    """Claimed only when it interrupts nothing that works."""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One root cause.

    ``about`` names the subjects, the primary one first; ``cause`` is one sentence; ``evidence`` are short
    lines a person can check by hand.
    """

    code: str
    title: str
    severity: Severity
    confidence: Confidence
    layer: Layer
    about: tuple[Ref, ...]
    cause: str
    evidence: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    edge: Edge | None = None
    """The edge it explains; filled in by the judge."""
    announced: bool = False
    """True: a second cause that will show once the first is fixed (a fact read at the target)."""
    caller_fails: bool = False
    """True: the caller's own traffic is seen to fail where our questions pass (another way, other words, other
    credentials). The edge is broken then, although every rung of the ladder is good."""
    suppressed: tuple[Finding, ...] = field(default=())
    """What follows from this one; filled in by the judge."""


class Rule(Protocol):
    """One root cause, one code, one file; the module's docstring is the page that ``explain`` prints.

    A rule may also have ``follows: frozenset[str]``: codes under which its finding is listed when they are found too.
    It says of itself what ``suppresses`` says of others, so that a note on many causes edits none of them. And
    ``by_absence = True`` where it rests on nobody's having an address or a name: that is possible only, as long as a
    container could not be looked at.
    """

    code: str
    title: str
    needs: frozenset[Fact]
    suppresses: frozenset[str]

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        """Pure: what must be known, given the answers so far."""

    def judge(self, case: Case) -> Iterable[Finding]:
        """Pure: what follows from what was seen."""
