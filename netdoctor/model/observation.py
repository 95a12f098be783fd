"""What was asked, and what came back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from netdoctor.model.refs import Ref

E = TypeVar("E", covariant=True)


class Outcome(Enum):
    """Closed: a probe never invents another word."""

    CONNECTED = "connected"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    NAME_NOT_FOUND = "name_not_found"
    RESOLVER_FAILED = "resolver_failed"
    NO_ROUTE = "no_route"
    RESET = "reset"
    TLS_MISMATCH = "tls_mismatch"
    HTTP_ERROR = "http_error"
    WRONG_SERVICE = "wrong_service"
    COULD_NOT_ASK = "could_not_ask"


class Layer(Enum):
    """Order of the ladder; a finding's layer orders it among its equals."""

    MEMBERSHIP = 0
    DNS = 1
    PING = 2
    TCP = 3
    HTTP = 4
    GREETING = 5
    """The first words of a protocol other than HTTP."""
    TARGET = 6


@dataclass(frozen=True, slots=True)
class Question(Generic[E]):
    """Hashable; one subclass per probe file. ``at`` is where we stand when we ask."""

    at: Ref


@dataclass(frozen=True, slots=True)
class Observation(Generic[E]):
    """``evidence`` is the probe's own frozen dataclass, present unless the question could not be asked."""

    outcome: Outcome
    evidence: E | None = None
    reason: str = ""
    seconds: float = 0.0
    vantage: str = ""

    @property
    def known(self) -> bool:
        return self.outcome is not Outcome.COULD_NOT_ASK

    @property
    def good(self) -> bool:
        return self.outcome is Outcome.CONNECTED


class Answers:
    """What has been seen so far in a run: each question once."""

    def __init__(self, seen: Mapping[Question[Any], Observation[Any]] | None = None) -> None:
        self._seen = dict(seen or {})
        self._by_place: dict[Ref, list[tuple[Question[Any], Observation[Any]]]] | None = None

    def get(self, question: Question[E]) -> Observation[E] | None:
        """The answer, or None when it was not asked (yet)."""
        return self._seen.get(question)

    def asked_at(self, place: Ref) -> Sequence[tuple[Question[Any], Observation[Any]]]:
        """What was asked there, in the order of asking. With many places this is much less than everything."""
        if self._by_place is None:
            found: dict[Ref, list[tuple[Question[Any], Observation[Any]]]] = {}
            for question, observation in self._seen.items():
                found.setdefault(question.at, []).append((question, observation))
            self._by_place = found
        return self._by_place.get(place, ())

    def __contains__(self, question: object) -> bool:
        return question in self._seen

    def __iter__(self) -> Iterator[tuple[Question[Any], Observation[Any]]]:
        return iter(self._seen.items())

    def __len__(self) -> int:
        return len(self._seen)

    def plus(self, more: Mapping[Question[Any], Observation[Any]]) -> Answers:
        return Answers({**self._seen, **more})
