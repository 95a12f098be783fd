"""The loop: what is looked at when, what is asked again, what is said. Its eyes are given, its clock is ours."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fixes.build import APP, COOLIFY, EDGE, OWN, QDRANT, asked, container, network, topology

from netdoctor.engine.events import EngineEvent
from netdoctor.errors import EngineUnreachable
from netdoctor.live.hysteresis import Limits
from netdoctor.live.mailbox import Mailbox, News
from netdoctor.live.wanted import Roster, Wanted
from netdoctor.live.watch import Eyes, Watch, latency_of
from netdoctor.model import Layer, Observation, Outcome, Question, Severity, State, Step, Topology, Unseen, Verdict

TOGETHER = topology(COOLIFY, OWN, APP, replace(QDRANT, endpoints=(*QDRANT.endpoints, APP.endpoints[0])))
APART = topology(COOLIFY, OWN, APP, QDRANT)
CRON = container("cron", COOLIFY)


class One:
    """A source that wants one edge, or these."""

    def __init__(self, *edges) -> None:
        self.edges = edges or (EDGE,)

    def wanted(self, _now: Topology):
        return [Wanted(str(n), str(n), f"app -> qdrant {n}", edge) for n, edge in enumerate(self.edges)]


class Mild:
    def wanted(self, _now: Topology):
        return [Wanted("0", "0", "app -> qdrant", EDGE, severity=Severity.WARNING)]


class Scene:
    def __init__(self, *edges, limits: Limits | None = None, **more) -> None:
        self.now: Topology | Exception = TOGETHER
        self.works: bool | None = None
        self.latency = 0.01
        self.looks = 0
        self.asked: list[int] = []
        self.time = 1000.0
        self.said = []
        self.watch = Watch(
            Eyes(self.look, self.diagnose),
            Roster(One(*edges), lambda: self.time),
            Mailbox(),
            limits or Limits(failures=3, successes=2, retry=2.0, every=60.0),
            alert=self.said.append,
            clock=lambda: self.time,
            wall=lambda: datetime.fromtimestamp(self.time, UTC),
            about={"host": "here"},
            **more,
        )

    def look(self) -> Topology:
        self.looks += 1
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def diagnose(self, edges, now):
        self.asked.append(len(edges))
        report = asked(now, edges, works=self.works)
        step = Step(Layer.HTTP, "http", Question(APP.ref), Observation(Outcome.CONNECTED, seconds=self.latency))
        holding = [replace(e, steps=(*e.steps, step)) if e.verdict is Verdict.HOLDS else e for e in report.edges]
        return replace(report, edges=tuple(holding))

    def step(self, seconds: float = 2.0, times: int = 1, **news) -> None:
        for _ in range(times):
            self.watch.step(News(**news))
            self.time += seconds

    @property
    def events(self) -> list[str]:
        return [each.event for each in self.said]

    @property
    def state(self) -> tuple[Verdict, str]:
        ((_, verdict, reason),) = self.watch.states
        return verdict, reason


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_did_not_change_is_not_asked_again_until_its_time(scene):
    scene.step(times=5, events=1)
    assert (scene.looks, scene.asked) == (5, [1])
    scene.time += 60
    scene.step()
    assert scene.asked == [1, 1]


def test_only_the_edges_of_what_changed_are_asked_again():
    other = replace(EDGE, source=CRON.ref)
    scene = Scene(EDGE, other)
    scene.now = topology(*TOGETHER.networks, *TOGETHER.containers, CRON)
    scene.step()
    restarted = replace(CRON, state=State("running", running=True, pid=99))
    scene.now = topology(*TOGETHER.networks, *TOGETHER.containers, restarted)
    scene.step(events=1)
    assert scene.asked == [2, 1]


def test_a_failure_is_told_after_three_answers_and_its_end_after_two(scene):
    scene.step()
    scene.now = APART
    scene.step(times=3, events=1)
    assert scene.events == ["failure"]
    (alert,) = scene.said
    assert alert.details["findings"][0]["code"] == "ND101"
    assert alert.details["host"] == "here"
    assert "ND101" in alert.text
    scene.now = TOGETHER
    scene.step(times=3, events=1)
    assert scene.events == ["failure", "recovery"]
    assert scene.said[1].details["lasted"] >= 6


def test_a_short_outage_is_no_alert(scene):
    for _ in range(5):
        scene.now = APART
        scene.step(times=2, events=1)
        scene.now = TOGETHER
        scene.step(times=2, events=1)
    assert scene.events == []


def test_a_break_of_the_stream_has_everything_asked_again(scene):
    scene.step(times=2)
    scene.step(breaks=1)
    assert scene.asked == [1, 1]


def test_an_engine_that_is_away_is_one_alert_and_the_connections_keep_quiet():
    scene = Scene(EDGE, replace(EDGE, port=6334))
    scene.step()
    scene.now = EngineUnreachable("The Docker Engine does not answer.")
    scene.step(times=20, breaks=1)
    assert scene.events == ["engine_lost"]
    assert {verdict for _, verdict, _ in scene.watch.states} == {Verdict.UNKNOWN}
    assert not scene.watch.numbers().engine_up
    scene.now = TOGETHER
    scene.step(connected=True)
    assert scene.events == ["engine_lost", "engine_back"]
    assert scene.asked == [2, 2], "everything is asked, once"
    assert scene.watch.numbers().engine_up


def test_a_short_restart_of_the_engine_is_no_alert(scene):
    scene.step()
    scene.now = EngineUnreachable("away")
    scene.step(seconds=0.5, times=2)
    scene.now = TOGETHER
    scene.step(times=3)
    assert scene.events == []


def test_what_cannot_be_asked_is_unknown_and_alerted(scene):
    def fail(edges, now):
        raise EngineUnreachable("no vantage")

    scene.watch._eyes = replace(scene.watch._eyes, diagnose=fail)
    scene.step(times=3)
    assert scene.state == (Verdict.UNKNOWN, "no vantage")
    assert scene.events == ["failure"]
    assert "cannot be judged" in scene.said[0].text


def test_slow_answers_are_told_in_a_row_and_fast_ones_end_it():
    scene = Scene(limits=Limits(failures=2, successes=2, max_latency=0.1, retry=2.0, every=6.0))
    scene.step(seconds=6)
    scene.latency = 0.5
    scene.step(seconds=6, times=4)
    scene.latency = 0.02
    scene.step(seconds=6, times=4)
    assert scene.events == ["slow", "fast"]
    assert "500 ms, the limit is 100 ms" in scene.said[0].text
    assert scene.said[0].details["latency"] == 0.5


def test_less_severe_than_asked_for_is_watched_and_not_alerted():
    quiet, loud = Scene(), Scene(least=Severity.WARNING)
    for scene in (quiet, loud):
        scene.watch._roster.source = Mild()
        scene.now = APART
        scene.step(times=4)
        assert scene.state[0] is Verdict.BROKEN
    assert (quiet.events, loud.events) == ([], ["failure"])


def test_a_target_that_is_gone_is_a_failure(scene):
    scene.watch._roster.source = type(
        "Gone", (), {"wanted": lambda *_: [Wanted("0", "0", "a -> b", None, Verdict.BROKEN, "no b")]}
    )()
    scene.step(times=3)
    assert scene.events == ["failure"]
    assert scene.asked == []


def test_a_job_that_has_ended_is_no_alert_and_one_that_failed_before_is_over(scene):
    kinds = {"gone": Wanted("0", "0", "a -> b", None, Verdict.UNKNOWN, "the caller is gone", counts=False)}
    source = type("Some", (), {"wanted": lambda *_: [*kinds.values()]})()
    scene.step()
    scene.watch._roster.source = source
    scene.step(times=10)
    assert scene.events == []
    assert scene.state[0] is Verdict.UNKNOWN
    scene.watch._roster.source = One()
    scene.now = APART
    scene.step(times=3)
    scene.watch._roster.source = source
    scene.step(times=3)
    kinds.clear()
    scene.watch._roster._known.clear()
    scene.step()
    assert scene.events == ["failure", "recovery"]
    assert "not watched any more" in scene.said[-1].text


@pytest.mark.parametrize("counts", [True, False])
def test_what_cannot_be_asked_does_not_keep_it_running_in_circles(scene, counts):
    source = type("Some", (), {"wanted": lambda *_: [Wanted("0", "0", "a -> b", None, reason="gone", counts=counts)]})()
    scene.watch._roster.source = source
    scene.step(seconds=0)
    for _ in range(200):
        scene.time += scene.watch._idle()
        scene.step(seconds=0)
    assert scene.time - 1000 > 200


def test_a_journal_that_breaks_is_told_once_and_keeps_nobody_busy(scene):
    told = []

    class Broken:
        healed = failed = 0

        def due(self):
            return 0.0

        def heal(self, _now):
            raise EngineUnreachable("the journal is gone")

    scene = Scene(healer=Broken(), tell=told.append)
    for _ in range(50):
        scene.step(seconds=0)
        assert scene.watch._idle() > 0
        scene.time += scene.watch._idle()
    assert told == ["warning: nothing can be repaired: the journal is gone"]
    assert scene.state[0] is Verdict.HOLDS


def test_nothing_is_repaired_while_a_container_could_not_be_looked_at():
    told, healed = [], []

    class Healer:
        healed = failed = 0

        def due(self):
            return None

        def heal(self, now):
            healed.append(now)
            return ()

    scene = Scene(healer=Healer(), tell=told.append)
    whole = scene.now
    scene.now = replace(whole, unseen=(Unseen("d" * 64, "db", "Could not inspect it."),))
    scene.step()
    assert healed == []
    assert told == ["warning: nothing can be repaired: db could not be looked at. Could not inspect it."]
    scene.now = whole
    scene.step()
    assert len(healed) == 1


def test_an_engine_whose_events_nobody_may_hear_is_watched_all_the_same_and_it_is_said_once():
    told = []
    scene = Scene(tell=told.append)
    scene.step(times=10, breaks=1, lost="403 Forbidden")
    assert len(told) == 1
    assert "403 Forbidden" in told[0]
    assert scene.asked == [1] * 10
    scene.step(connected=True)
    scene.step(times=10, breaks=1, lost="403 Forbidden")
    assert len(told) == 2


def test_the_numbers_say_what_is_known(scene):
    scene.step(events=3, ignored=5, breaks=1)
    numbers = scene.watch.numbers()
    (gauge,) = numbers.edges
    assert (gauge.labels["source"], gauge.labels["target"], gauge.labels["port"]) == ("app", "qdrant", "6333")
    assert (gauge.verdict, gauge.latency) == (Verdict.HOLDS, 0.01)
    counted = {"events": 3, "events_ignored": 5, "stream_breaks": 1, "looks": 1, "checks": 1}
    assert counted.items() <= dict(numbers.counters).items()


def test_the_latency_is_that_of_the_highest_layer_that_answered():
    report = asked(TOGETHER).edges[0]

    def step(layer, seconds, outcome=Outcome.CONNECTED):
        return Step(layer, "x", Question(APP.ref), Observation(outcome, seconds=seconds))

    assert latency_of(replace(report, steps=(step(Layer.TCP, 0.1), step(Layer.HTTP, 0.2)))) == 0.2
    assert latency_of(replace(report, steps=(step(Layer.TCP, 0.1), step(Layer.HTTP, 0.2, Outcome.HTTP_ERROR)))) == 0.1
    assert latency_of(replace(report, steps=(step(Layer.TCP, 0.1), step(Layer.TCP, 0.3)))) == 0.3
    assert latency_of(replace(report, steps=())) is None


def test_events_without_end_do_not_have_the_engine_read_without_end():
    """A look takes 20 ms here; looks get at most a quarter of the time."""
    nets = [network("n")]
    looks = [0]

    def look() -> Topology:
        looks[0] += 1
        time.sleep(0.02)
        return topology(*nets)

    mailbox = Mailbox()
    watch = Watch(
        Eyes(look, lambda edges, now: asked(now, edges)),
        Roster(type("None", (), {"wanted": lambda *_: ()})(), time.monotonic),
        mailbox, Limits(), alert=lambda _: None,
    )  # fmt: skip
    ended = threading.Event()

    def storm() -> None:
        while not ended.is_set():
            mailbox.event(EngineEvent("container", "start", "x"))
            time.sleep(0.001)

    thread = threading.Thread(target=storm)
    thread.start()
    end = time.monotonic() + 1.0
    watch.run(lambda: time.monotonic() > end)
    ended.set()
    thread.join()
    assert 1 <= looks[0] <= 10
