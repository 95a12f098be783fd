"""Each question is asked once, and each gets an answer or a reason."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import pytest
from rules.build import container, network, topology

from netdoctor.diagnosis import ask as asking
from netdoctor.diagnosis.ask import WORKERS, Asker, probe_for
from netdoctor.errors import EngineUnreachable, NoVantage
from netdoctor.model import Answers, Layer, Observation, Outcome, Question, Ref
from netdoctor.probes.dns import Dns
from netdoctor.probes.interface import PROBES, CannotAsk, World
from netdoctor.probes.tcp import Tcp
from netdoctor.vantage.fake import FakeVantage, FakeVantages, Peer

NET = network("net")
A = container("app1", NET)


def world(vantage, timeout=0.2):
    return World(topology(NET, A), FakeVantages({A.ref: vantage}).at, timeout, time.monotonic)


def test_every_probes_question_finds_its_probe():
    assert {type(probe_for(probe.question.__new__(probe.question))) for probe in PROBES} == {type(p) for p in PROBES}


def test_a_question_is_asked_once_however_often_it_is_wanted():
    vantage = FakeVantage(dials={("10.0.0.2", 80): Peer()})
    question = Tcp(A.ref, "10.0.0.2", 80)
    with Asker(world(vantage)) as asker:
        assert asker.ask([question, Tcp(A.ref, "10.0.0.2", 80), Tcp(A.ref, "10.0.0.2", 80, brief=True)]) == 1
        assert asker.ask([question]) == 0
        assert asker.answers.get(question).good
    assert vantage.asked == [("dial", "10.0.0.2", 80)]


def test_recorded_answers_are_not_asked_again():
    question = Tcp(A.ref, "10.0.0.2", 80)
    vantage = FakeVantage()
    with Asker(world(vantage), Answers({question: Observation(Outcome.REFUSED)})) as asker:
        assert asker.ask([question]) == 0
        assert asker.answers.get(question).outcome is Outcome.REFUSED
    assert vantage.asked == []


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (CannotAsk("nobody is there"), "nobody is there"),
        (NoVantage("Nothing is possible."), "ND901: Nothing is possible."),
        (EngineUnreachable("No engine."), "ND902: No engine."),
        (RuntimeError("boom"), "netdoctor failed while asking (RuntimeError: boom)"),
        (OSError(24, "Too many open files"), "netdoctor failed while asking"),
    ],
)
def test_whatever_fails_becomes_a_reason(failure, reason):
    class Failing(FakeVantage):
        def dial(self, address, port, timeout):
            raise failure

    question = Tcp(A.ref, "10.0.0.2", 80)
    with Asker(world(Failing())) as asker:
        asker.ask([question])
        observation = asker.answers.get(question)
    assert observation.outcome is Outcome.COULD_NOT_ASK
    assert observation.reason.startswith(reason)


def test_one_probe_that_fails_leaves_the_others_their_answers():
    class Half(FakeVantage):
        def ping(self, address, timeout):
            raise ZeroDivisionError

    questions = [PROBES.get("ping").question(A.ref, "10.0.0.2"), Tcp(A.ref, "10.0.0.2", 80)]
    with Asker(world(Half(dials={("10.0.0.2", 80): Peer()}))) as asker:
        asker.ask(questions)
        assert [asker.answers.get(each).known for each in questions] == [False, True]


def test_a_question_that_no_probe_answers_is_a_reason_too():
    @dataclass(frozen=True, slots=True)
    class Odd(Question[None]):
        pass

    with Asker(world(FakeVantage())) as asker:
        asker.ask([Odd(A.ref)])
        assert not asker.answers.get(Odd(A.ref)).known


def test_questions_go_out_side_by_side_and_never_more_than_the_pool_holds():
    running, most, lock = 0, 0, threading.Lock()

    class Slow(FakeVantage):
        def dial(self, address, port, timeout):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.05)
            with lock:
                running -= 1
            return super().dial(address, port, timeout)

    with Asker(world(Slow())) as asker:
        assert asker.ask(Tcp(A.ref, "10.0.0.2", port) for port in range(1, 41)) == 40
    assert 1 < most <= WORKERS


def test_the_layers_of_the_probes_are_the_ladders():
    assert [PROBES.get(name).layer for name in ("membership", "dns", "ping", "tcp", "http", "listeners")] == [
        Layer.MEMBERSHIP, Layer.DNS, Layer.PING, Layer.TCP, Layer.HTTP, Layer.TARGET,
    ]  # fmt: skip
    assert probe_for(Dns(Ref("container", "x"), "y")).layer is Layer.DNS
    assert asking.WORKERS <= 64
