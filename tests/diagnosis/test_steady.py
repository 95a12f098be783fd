"""What changed while it was asked is asked once more from a fresh look, unless an end is gone."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.diagnosis.run import CHANGED
from netdoctor.diagnosis.steady import diagnose_steadily
from netdoctor.model import Container, Edge, EdgeReport, Expect, Expectation, Report, Topology, Verdict

A, B = Container("a" * 64, "a"), Container("b" * 64, "b")
EDGE = Edge(A.ref, B.ref)
BOTH = Topology(frozenset(), (A, B), ())


def reported(reason: str) -> Report:
    return Report(Verdict.UNKNOWN, (EdgeReport(EDGE, "a -> b", Verdict.UNKNOWN, (), reason=reason),), ())


def asked(reasons: list[str], again: Topology) -> tuple[Report, int]:
    looks: list[Topology] = []

    def diagnose(topology: Topology, edges: object) -> Report:
        looks.append(topology)
        return reported(reasons[len(looks) - 1])

    return diagnose_steadily(BOTH, [EDGE], diagnose, lambda: again), len(looks)


def test_what_stood_still_is_asked_once() -> None:
    assert asked(["broken"], BOTH)[1] == 1


def test_what_moved_is_asked_twice_and_the_second_answer_counts() -> None:
    report, times = asked([f"{CHANGED}: restarted", "held"], BOTH)
    assert (times, report.edges[0].reason) == (2, "held")
    report, times = asked([f"{CHANGED}: restarted", f"{CHANGED}: again"], BOTH)
    assert (times, report.edges[0].reason) == (2, f"{CHANGED}: again")


def test_an_end_that_is_gone_is_told_by_the_first_answer() -> None:
    report, times = asked([f"{CHANGED}: gone"], replace(BOTH, containers=(A,)))
    assert (times, report.edges[0].reason) == (1, f"{CHANGED}: gone")


def kept_apart(*verdicts: Verdict) -> tuple[Verdict, int]:
    """The verdict when an edge that must not work is found so, look by look; and the number of looks."""
    left = list(verdicts)
    edge = replace(EDGE, expectation=Expectation(Expect.ISOLATED))

    def diagnose(_topology: Topology, _edges: object) -> Report:
        verdict = left.pop(0)
        return Report(verdict, (EdgeReport(edge, "a -x> b", verdict, ()),), ())

    report = diagnose_steadily(BOTH, [edge], diagnose, lambda: BOTH)
    return report.verdict, len(verdicts) - len(left)


def test_what_got_through_for_a_moment_must_be_closed_twice_to_count_as_isolated() -> None:
    broken, holds = Verdict.BROKEN, Verdict.HOLDS
    assert kept_apart(holds, broken) == (holds, 1)
    assert kept_apart(broken, holds, holds) == (holds, 3)
    assert kept_apart(broken, broken, holds) == (broken, 2)
    assert kept_apart(broken, holds, broken) == (broken, 3)
