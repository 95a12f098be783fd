"""Kept fixes are applied again to containers that were made anew, and what they were for is asked from inside.

Applied again is exactly what was confirmed and kept before, in its own transaction: one ``undo`` takes it back, and
what somebody has undone is not done again. Where its connections work without it, nothing is done.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from netdoctor.errors import NetdoctorError
from netdoctor.fixes import snapshot
from netdoctor.fixes.confirm import Asked, Baseline, first_failing, judge
from netdoctor.fixes.heal import Lacking, find_lacking, reapply
from netdoctor.fixes.journal import End, Journal, Transaction
from netdoctor.fixes.run import Desk
from netdoctor.fixes.store import JournalBusy
from netdoctor.model import Edge, Ref, Report, Topology, Verdict

SOON, LATE, PATIENT = 2.0, 300.0, 10.0
"""Seconds before a repair is tried again: at first, where doubling ends, and where it ends while nothing was done."""
TELL_AFTER = 3
"""Attempts before somebody is told that it does not work."""
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Healed:
    """What became of one attempt. ``tell``: it is time to say so."""

    name: str
    title: str
    done: bool
    detail: str = ""
    tell: bool = True


@dataclass(slots=True)
class _Attempts:
    count: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class _Proof:
    """A fix that was applied again, and is not confirmed yet."""

    lacking: Lacking
    before: Baseline
    attempts: _Attempts


class _NotYet(Exception):
    """Nothing was done, because it could not be proven now. ``quietly``: an event will say when it can."""

    def __init__(self, why: str, *, quietly: bool = False) -> None:
        super().__init__(why)
        self.quietly = quietly


class Healer:
    """One for each run; only the watching thread uses it."""

    def __init__(
        self,
        journal: Journal,
        desk: Desk,
        *,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._journal, self._desk = journal, desk
        self._clock, self._tell = clock, tell
        self._nothing: object = None
        self._attempts: dict[Key, _Attempts] = {}
        self._settled: dict[Key, object] = {}
        self._proofs: dict[Key, _Proof] = {}
        self._told: set[str] = set()
        self.healed = 0
        self.failed = 0

    def due(self) -> float | None:
        """When the next attempt is to be made that failed before; None when there is none."""
        waiting = [*self._attempts.values(), *(proof.attempts for proof in self._proofs.values())]
        return min((each.not_before for each in waiting), default=None)

    def heal(self, topology: Topology) -> tuple[Healed, ...]:
        """Apply what is missing. Raises JournalError for a journal that cannot be read, EngineUnreachable."""
        results = [done for key in list(self._proofs) if (done := self._prove(key, topology)) is not None]
        state = (_shape(topology), self._stamp())
        if state == self._nothing:
            return tuple(results)
        self._say_interrupted()
        found = find_lacking(self._journal, topology)
        keys = {_key(each) for each in found}
        self._settled = {key: seen for key, seen in self._settled.items() if key in keys}
        self._attempts = {key: each for key, each in self._attempts.items() if key in keys}
        for each in found:
            if self._is_time(each, state[0]):
                result = self._one(each, topology, state[0])
                if result is not None:
                    results.append(result)
        for attempts in self._attempts.values():
            # Its time has come and something else has to come first, like the container's start: that is an event.
            if attempts.not_before <= self._clock():
                attempts.not_before = self._clock() + PATIENT
        # What is lacking is looked for again when a container, a network or the journal changes.
        self._nothing = state if not found else None
        return tuple(results)

    def _is_time(self, lacking: Lacking, shape: object) -> bool:
        attempts = self._attempts.get(_key(lacking))
        if attempts is not None and self._clock() < attempts.not_before:
            return False
        return self._settled.get(_key(lacking)) != shape and lacking.container.running

    def _one(self, lacking: Lacking, topology: Topology, shape: object) -> Healed | None:
        """One attempt; None when nothing had to be done, or it has to wait."""
        key = _key(lacking)
        try:
            before = self._before(lacking, topology)
            if before is None:
                self._settled[key] = shape
                self._attempts.pop(key, None)
                return None
            with self._journal.locked():
                again = reapply(lacking, self._desk)
        except _NotYet as error:
            if error.quietly:
                self._settled[key] = shape
                return None
            return self._failed(lacking, str(error), PATIENT)
        except JournalBusy:
            self._attempts.setdefault(key, _Attempts()).not_before = self._clock() + SOON
            return None
        except NetdoctorError as error:
            return self._failed(lacking, error.message, LATE)
        self._attempts.pop(key, None)
        self._proofs[key] = _Proof(lacking, before, _Attempts())
        return self._prove(key, again.topology)

    def _prove(self, key: Key, topology: Topology) -> Healed | None:
        """Whether it works now, by the judgement of a fix; None when that is not known yet, or nobody is there."""
        proof = self._proofs[key]
        lacking, attempts = proof.lacking, proof.attempts
        name, title = lacking.container.name, lacking.transaction.title
        if self._clock() < attempts.not_before:
            return None
        against, left = self._judged(proof, topology)
        if not against:
            del self._proofs[key]
            self.healed += 1
            lost = [f"without the names {', '.join(lacking.dropped)}, which are taken"] if lacking.dropped else []
            return Healed(name, title, True, "; ".join([*left, *lost]))
        if self._is_gone(lacking):
            del self._proofs[key]
            return None
        attempts.count += 1
        attempts.not_before = self._clock() + SOON
        if attempts.count < TELL_AFTER:
            return None
        del self._proofs[key]
        self.failed += 1
        return Healed(name, title, False, f"applied again, and not confirmed: {'; '.join(against)}")

    def _is_gone(self, lacking: Lacking) -> bool:
        """Made anew once more, so that it need not be proven any longer."""
        try:
            return self._desk.look().container(lacking.container.id) is None
        except NetdoctorError:
            return False

    def _before(self, lacking: Lacking, topology: Topology) -> Baseline | None:
        """What is known now of the connections that the fix is for. None: they work without it. Raises _NotYet."""
        asked = questions(lacking.transaction, topology)
        if not any(was.codes for was, _ in asked):
            raise _NotYet("the other side is not there, so nothing could be proven", quietly=True)
        asleep = [each for was, edge in asked if was.codes for each in (edge.source, edge.target)]
        for ref in asleep:
            container = topology.container(ref) if ref.kind == "container" else None
            if container is not None and not container.running:
                raise _NotYet(f"{container.name} does not run", quietly=True)
        report = self._desk.recheck(topology, [edge for _, edge in asked])
        if len(report.edges) != len(asked):
            raise _NotYet("its connections could not be asked")
        now = list(zip((was for was, _ in asked), report.edges, strict=True))
        wanted = [each for was, each in now if was.codes]
        if all(each.verdict is Verdict.HOLDS for each in wanted):
            return None
        silent = next((each for each in wanted if each.verdict is Verdict.UNKNOWN), None)
        if silent is not None:
            raise _NotYet(f"{silent.label} cannot be asked: {silent.reason or 'no answer'}")
        return Baseline(
            tuple(
                Asked(each.edge, each.label, each.verdict, first_failing(each), was.codes, each.reverse_verdict)
                for was, each in now
                if was.codes or each.verdict is Verdict.HOLDS
            )
        )

    def _judged(self, proof: _Proof, topology: Topology) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Why it is no repair, () when it is one; and what fails all the same, at a later layer than before."""
        try:
            report: Report = self._desk.recheck(topology, proof.before.edges)
        except NetdoctorError as error:
            return (error.message,), ()
        left = tuple(f"{each.label} still fails, later" for each in report.edges if each.verdict is Verdict.BROKEN)
        return judge(proof.before, report, proof.lacking.operations).against, left

    def _failed(self, lacking: Lacking, why: str, longest: float) -> Healed:
        attempts = self._attempts.setdefault(_key(lacking), _Attempts())
        attempts.count += 1
        attempts.not_before = self._clock() + min(longest, SOON * 2 ** min(attempts.count - 1, 10))
        self.failed += 1
        tell = attempts.count == TELL_AFTER
        return Healed(lacking.container.name, lacking.transaction.title, False, why, tell)

    def _say_interrupted(self) -> None:
        """Another run's half-done fix is for a person to finish or to revert; the kept ones are healed all the same."""
        for each in self._journal.transactions():
            if each.end is End.OPEN and each.standing and each.id not in self._told:
                self._told.add(each.id)
                self._tell(
                    f"warning: a fix was interrupted ({each.title}). Revert it: netdoctor undo. "
                    "Or finish it: netdoctor fix --finish"
                )

    def _stamp(self) -> tuple[int, int]:
        try:
            status = self._journal.store.path.stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_size)


def questions(transaction: Transaction, topology: Topology) -> tuple[tuple[Asked, Edge], ...]:
    """What the fix was proven by, between the containers that are there now; without what lost an end."""
    baseline = Baseline.from_json(transaction.baseline or {"asked": []})
    places = snapshot.places(topology, (*transaction.before, *transaction.after))
    found = []
    for was in baseline.asked:
        source, target = _ends(was.label)
        ends = (_now(was.edge.source, source, places, topology), _now(was.edge.target, target, places, topology))
        if ends[0] is not None and ends[1] is not None:
            found.append((was, replace(was.edge, source=ends[0], target=ends[1], basis=None)))
    return tuple(found)


def _now(ref: Ref, name: str, places: dict[str, str], topology: Topology) -> Ref | None:
    if ref.kind != "container":
        return ref
    here = topology.container(places.get(ref.id, ref.id))
    if here is not None:
        return here.ref
    # The other end was made anew as well. The fix did not change it, but its question says what it is called.
    return next((each.ref for each in topology.containers if each.name == name), None)


def _ends(label: str) -> tuple[str, str]:
    """The names in ``app -> qdrant:6333/healthz``."""
    source, _, rest = label.partition(" -> ")
    return source, re.split(r"[:/]", rest, maxsplit=1)[0]


def _key(lacking: Lacking) -> Key:
    return (lacking.transaction.id, lacking.container.id)


def _shape(topology: Topology) -> object:
    """What the question whether something is lacking depends on."""
    containers = frozenset(
        (each.id, each.running, frozenset((e.network, e.aliases) for e in each.endpoints))
        for each in topology.containers
    )
    return containers, frozenset(each.id for each in topology.networks)


__all__ = ["Healed", "Healer", "questions"]
