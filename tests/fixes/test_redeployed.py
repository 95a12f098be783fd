"""A platform made containers anew: the new ones are asked, and what does not hold any more is a failure."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from netdoctor.errors import EngineRefused
from netdoctor.fixes.redeployed import broken_by_deploy
from netdoctor.model import EdgeReport, Report, Verdict

from .build import APP, COOLIFY, EDGE, OWN, QDRANT, topology

BEFORE = topology(COOLIFY, OWN, APP, QDRANT)
NEW = replace(QDRANT, id="new-id")
AFTER = topology(COOLIFY, OWN, APP, NEW)


def report(verdict, where):
    return Report(verdict, (EdgeReport(EDGE, "app -> qdrant", verdict, ()),), (), topology=where)


def outcome(kept=True, verdict=Verdict.HOLDS):
    return SimpleNamespace(kept=kept, report=report(verdict, BEFORE))


class Desk:
    """Looks and answers, one after the other; the last of each again and again."""

    def __init__(self, looks, verdicts):
        self.looks, self.verdicts = list(looks), list(verdicts)
        self.naps, self.asked = [], []
        self.sleep = self.naps.append

    def look(self):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def recheck(self, where, edges):
        self.asked.append(edges)
        verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
        if isinstance(verdict, Exception):
            raise verdict
        return report(verdict, where)


def test_the_container_that_bears_the_name_now_is_asked():
    desk = Desk([AFTER], [Verdict.HOLDS])
    assert broken_by_deploy([outcome()], desk) is None
    assert [edge.target.id for edge in desk.asked[0]] == ["new-id"]
    assert [edge.source for edge in desk.asked[0]] == [EDGE.source]
    assert desk.naps == []


def test_a_container_that_is_still_on_its_way_is_waited_for():
    desk = Desk([topology(COOLIFY, APP), AFTER], [EngineRefused("not yet"), Verdict.BROKEN, Verdict.HOLDS])
    assert broken_by_deploy([outcome()], desk) is None
    assert len(desk.naps) == 3


def test_what_does_not_hold_again_is_said():
    failed = broken_by_deploy([outcome()], Desk([AFTER], [Verdict.BROKEN]), patience=3)
    assert "app -> qdrant does not hold any more" in failed.message
    assert "undo" in failed.hint
    gone = broken_by_deploy([outcome()], Desk([topology(COOLIFY, APP)], [Verdict.HOLDS]), patience=2)
    assert "is gone" in gone.message


def test_what_did_not_hold_before_is_not_asked_again():
    desk = Desk([AFTER], [Verdict.BROKEN])
    assert broken_by_deploy([outcome(kept=False)], desk) is None
    assert desk.asked == []
