"""The watch itself: look when there is a reason to, repair what was made anew, ask what changed, say what turned.

Level-triggered: an event is only a reason to look. Each look reads the whole engine and is compared with the one
before, so that nothing that happened while nobody listened is missed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from netdoctor.errors import NetdoctorError, NotLookedAt
from netdoctor.fixes.confirm import explains
from netdoctor.formats.prometheus import edge_labels
from netdoctor.live.alerts import Alert
from netdoctor.live.changes import Changes, compare
from netdoctor.live.heal import Healed, Healer
from netdoctor.live.hysteresis import Limits, Row, Turn
from netdoctor.live.mailbox import Mailbox, News
from netdoctor.live.metrics import Gauge, Numbers, counted
from netdoctor.live.wanted import Roster, Wanted
from netdoctor.model import Confidence, Edge, EdgeReport, Finding, Layer, Report, Severity, Topology, Verdict

SETTLE = 0.15
"""Seconds after an event before the look: what happens together is seen together."""
SHARE = 4
"""Looks take at most one part in so many of the time, whatever happens on the engine."""
DEAF = 4
"""Breaks of the stream in a row, while the engine answers, before it is said."""
ENGINE_RETRY = 1.0
"""Seconds before an engine that did not answer is asked again."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """How a watch sees. Both raise NetdoctorError."""

    look: Callable[[], Topology]
    diagnose: Callable[[Sequence[Edge], Topology], Report]
    """Answers in the order of the edges."""


@dataclass(slots=True)
class _Entry:
    """One connection that is watched."""

    wanted: Wanted
    row: Row = field(default_factory=Row)
    due: float = 0.0
    verdict: Verdict = Verdict.UNKNOWN
    reason: str = ""
    latency: float | None = None
    labels: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    asked: bool = False


class Watch:
    """One run. :meth:`run` is for one thread; :meth:`numbers` may be read from any."""

    def __init__(
        self,
        eyes: Eyes,
        roster: Roster,
        mailbox: Mailbox,
        limits: Limits,
        *,
        alert: Callable[[Alert], None],
        healer: Healer | None = None,
        least: Severity = Severity.ERROR,
        about: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        tell: Callable[[str], None] = lambda _: None,
        unbroken: Callable[[], AbstractContextManager[object]] = nullcontext,
        sent: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        """``least``: what is less severe is watched and never alerted. ``about``: in every alert (host, engine).

        ``unbroken`` holds off a signal while the engine is being changed; ``sent`` gives the courier's counters.
        """
        self._eyes, self._roster, self._mailbox, self._limits = eyes, roster, mailbox, limits
        self._alert, self._healer, self._least, self._about = alert, healer, least, dict(about or {})
        self._clock, self._wall, self._tell = clock, wall, tell
        self._unbroken, self._sent = unbroken, sent
        self._entries: dict[str, _Entry] = {}
        self._topology: Topology | None = None
        self._full = 0.0
        self._rested = 0.0
        self._engine = Row()
        self._engine_said = ""
        self._stale = True
        self._deaf = 0
        self._unhealed = ""
        self._counts = dict.fromkeys(("events", "events_ignored", "stream_breaks", "looks", "checks"), 0)
        self._numbers = Numbers()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Until ``stopped``, or whatever a signal raises."""
        while not stopped():
            woken = self._mailbox.wait(self._idle())
            if woken:
                self._pause()
            if stopped():
                return
            self.step(self._mailbox.take())

    def step(self, news: News = News()) -> None:  # noqa: B008 - frozen
        """One look, and what follows from it."""
        self._counts["events"] += news.events
        self._counts["events_ignored"] += news.ignored
        self._counts["stream_breaks"] += news.breaks
        began = self._clock()
        try:
            topology = self._eyes.look()
        except NetdoctorError as error:
            self._without_engine(error.message)
            return
        took = self._clock() - began
        self._counts["looks"] += 1
        self._hear(news)
        whole = self._stale or news.breaks > 0 or began >= self._full
        self._engine_back()
        topology = self._heal(topology)
        changes = compare(self._topology, topology) if self._topology is not None else Changes()
        self._topology = topology
        if whole:
            self._full, self._stale = began + self._limits.every, False
        self._ask(self._roster.update(topology), topology, changes, whole)
        self._rested = self._clock() + max(SETTLE, took * (SHARE - 1))
        self._publish()

    def numbers(self) -> Numbers:
        return replace(self._numbers, counters={**self._numbers.counters, **self._sent()})

    @property
    def states(self) -> Sequence[tuple[str, Verdict, str]]:
        """Label, verdict and reason of each connection."""
        return [(each.wanted.label, each.verdict, each.reason) for each in self._entries.values()]

    # --- when ----------------------------------------------------------------------------------------------------

    def _idle(self) -> float:
        now = self._clock()
        dues = [self._full, *(each.due for each in self._entries.values())]
        if self._healer is not None and (again := self._healer.due()) is not None:
            dues.append(again)
        # Whatever is due, there is a rest between two looks.
        due = self._rested if self._stale else max(self._rested, min(dues))
        return max(0.0, due - now)

    def _pause(self) -> None:
        """Let what belongs together come together, and never look all the time."""
        until = max(self._clock() + SETTLE, self._rested)
        while (left := until - self._clock()) > 0:
            self._rest(left)

    def _rest(self, seconds: float) -> None:
        time.sleep(min(seconds, 1.0))

    # --- the engine ----------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        """An engine whose events nobody may hear (a proxy can forbid them) is looked at all the same."""
        if news.connected or not news.lost:
            self._deaf = 0
        elif news.breaks:
            self._deaf += 1
            if self._deaf == DEAF:
                self._tell(
                    f"warning: the engine's events cannot be heard, it is looked at again and again: {news.lost}"
                )

    def _without_engine(self, why: str) -> None:
        """Nothing is known now. One alert says so; the connections keep quiet."""
        self._stale, self._engine_said = True, why
        self._rested = self._clock() + ENGINE_RETRY
        limits = replace(self._limits, retry=ENGINE_RETRY)
        if Turn.FAILURE in self._engine.answer(Verdict.UNKNOWN, None, self._clock(), limits):
            self._say("engine_lost", "engine", f"The engine does not answer: {why}", {"reason": why})
        for each in self._entries.values():
            each.verdict, each.reason, each.latency = Verdict.UNKNOWN, "the engine does not answer", None
        self._publish(engine=False)

    def _engine_back(self) -> None:
        since = self._engine.since
        if self._engine.failing and since is not None:
            seconds = self._clock() - since
            self._say(
                "engine_back",
                "engine",
                f"The engine answers again, after {seconds:.0f} s.",
                {"lasted": round(seconds, 1)},
            )
        self._engine = Row()

    def _heal(self, topology: Topology) -> Topology:
        if self._healer is None:
            return topology
        try:
            if topology.unseen:
                raise NotLookedAt(f"{topology.unseen[0].label} could not be looked at. {topology.unseen[0].reason}")
            with self._unbroken():
                results = self._healer.heal(topology)
                found = self._eyes.look() if any(each.done for each in results) else topology
        except NetdoctorError as error:
            if error.message != self._unhealed:
                self._tell(f"warning: nothing can be repaired: {error.message}")
            self._unhealed = error.message
            return topology
        self._unhealed = ""
        for each in results:
            self._healed(each)
        return found

    def _healed(self, each: Healed) -> None:
        about = f"heal {each.name} {each.title}"
        details = {"container": each.name, "fix": each.title, "detail": each.detail}
        if each.done:
            more = f" ({each.detail})" if each.detail else ""
            text = (
                f"{each.name} was made anew without its fix; applied again, confirmed from inside: {each.title}{more}"
            )
            self._say("healed", about, text, details)
        elif each.tell:
            text = f"{each.name} was made anew, and its fix is missing ({each.title}): {each.detail}"
            self._say("heal_failed", about, text, details)

    # --- the connections -----------------------------------------------------------------------------------------

    def _ask(self, wanted: Sequence[Wanted], topology: Topology, changes: Changes, whole: bool) -> None:
        now = self._clock()
        for key in self._entries.keys() - {each.key for each in wanted}:
            self._forgotten(self._entries.pop(key))
        asking: list[tuple[_Entry, Edge]] = []
        for each in wanted:
            entry = self._entries.setdefault(each.key, _Entry(each))
            moved = entry.wanted.edge != each.edge
            entry.wanted = each
            if not each.counts:
                entry.verdict, entry.reason, entry.latency = each.verdict, each.reason, None
                entry.due = now + self._limits.every
            elif each.edge is None:
                self._answered(entry, each.verdict, each.reason, None, ())
            elif whole or moved or not entry.asked or now >= entry.due or changes.touch(each.edge, topology):
                asking.append((entry, each.edge))
        if not asking:
            return
        self._counts["checks"] += len(asking)
        try:
            report = self._eyes.diagnose([edge for _, edge in asking], topology)
        except NetdoctorError as error:
            for entry, _ in asking:
                self._answered(entry, Verdict.UNKNOWN, error.message, None, ())
            return
        for (entry, edge), seen in zip(asking, report.edges, strict=True):
            entry.asked = True
            if not entry.labels or seen.edge.port is not None:
                # A port that only the target's listeners say is not known while it is down: the series stays one.
                entry.labels = edge_labels(seen, report.topology or topology)
            findings = tuple(each for each in report.findings if not each.announced and explains(each, edge))
            verdict = Verdict.HOLDS if seen.accepted else seen.verdict
            self._answered(entry, verdict, seen.reason, latency_of(seen), findings)

    def _answered(
        self, entry: _Entry, verdict: Verdict, reason: str, latency: float | None, findings: tuple[Finding, ...]
    ) -> None:
        now = self._clock()
        good = verdict is Verdict.HOLDS
        entry.verdict, entry.reason, entry.findings = verdict, reason, findings
        entry.latency = latency if good else None
        began = entry.row.since
        for turn in entry.row.answer(verdict, entry.latency, now, self._limits):
            self._turned(entry, turn, began if turn is Turn.RECOVERY else entry.row.since)
        entry.due = now + entry.row.next_in(self._limits)

    def _turned(self, entry: _Entry, turn: Turn, since: float | None) -> None:
        if entry.wanted.severity.rank > self._least.rank:
            return
        label, now = entry.wanted.label, self._clock()
        lasted = now - since if since is not None else None
        details: dict[str, Any] = {"connection": label, **entry.labels, "verdict": entry.verdict.value}
        if turn is Turn.FAILURE:
            cause = _cause(entry)
            details |= {"reason": entry.reason, "failures": entry.row.bad, "findings": _told(entry.findings)}
            details["since"] = (self._wall() - timedelta(seconds=lasted or 0.0)).isoformat(timespec="seconds")
            word = "fails" if entry.verdict is Verdict.BROKEN else "cannot be judged"
            self._say(turn.value, f"edge {entry.wanted.key}", f"{label} {word}{f': {cause}' if cause else ''}", details)
        elif turn is Turn.RECOVERY:
            details["lasted"] = round(lasted, 1) if lasted is not None else None
            took = f" after {lasted:.0f} s" if lasted is not None else ""
            self._say(turn.value, f"edge {entry.wanted.key}", f"{label} works again{took}", details)
        else:
            assert self._limits.max_latency is not None
            measured = entry.latency or 0.0
            details |= {"latency": round(measured, 6), "max_latency": self._limits.max_latency}
            word = "is slow" if turn is Turn.SLOW else "is fast again"
            text = f"{label} {word}: {measured * 1000:.0f} ms, the limit is {self._limits.max_latency * 1000:.0f} ms"
            self._say(turn.value, f"latency {entry.wanted.key}", text, details)

    def _forgotten(self, entry: _Entry) -> None:
        """Nobody wants it any more: what was told about it is over."""
        if entry.row.failing or entry.row.crawling:
            text = f"{entry.wanted.label} is not watched any more: {entry.reason or 'nobody wants it'}"
            details = {"connection": entry.wanted.label, **entry.labels, "verdict": entry.verdict.value}
            self._say(Turn.RECOVERY.value, f"edge {entry.wanted.key}", text, details)

    def _say(self, event: str, about: str, text: str, details: Mapping[str, Any]) -> None:
        at = self._wall().isoformat(timespec="seconds")
        self._alert(Alert(event, about, text, at, {**self._about, **details}))

    def _publish(self, engine: bool = True) -> None:
        findings = {(f.code, f.about, f.cause): f for each in self._entries.values() for f in each.findings}
        counters: dict[str, float] = {name: float(count) for name, count in self._counts.items()}
        if self._healer is not None:
            counters |= {"heals": float(self._healer.healed), "heal_failures": float(self._healer.failed)}
        self._numbers = Numbers(
            tuple(
                Gauge(each.labels or {"source": each.wanted.label}, each.verdict, each.latency, each.row.failing)
                for each in self._entries.values()
            ),
            engine,
            counters,
            counted((f.code, f.severity.value, f.confidence.value) for f in findings.values()),
        )


def latency_of(report: EdgeReport) -> float | None:
    """Seconds of the highest layer that answered well: the HTTP answer, else the greeting, else the connection."""
    for layer in (Layer.HTTP, Layer.GREETING, Layer.TCP):
        found = [step.observation.seconds for step in report.steps if step.layer is layer and step.observation.good]
        if found:
            return max(found)
    return None


def _cause(entry: _Entry) -> str:
    known = [each for each in entry.findings if each.confidence is not Confidence.POSSIBLE]
    return f"{known[0].code} {known[0].cause}" if known else entry.reason


def _told(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [
        {
            "code": each.code,
            "title": each.title,
            "severity": each.severity.value,
            "confidence": each.confidence.value,
            "cause": each.cause,
        }
        for each in findings
    ][:5]
