"""Plan and result for people and programs: 80 columns, no control characters, no secrets, nothing left out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netdoctor.exits import Exit
from netdoctor.fixes.choices import Choices
from netdoctor.fixes.confirm import Judgement
from netdoctor.fixes.persist import Paste
from netdoctor.fixes.run import Outcome
from netdoctor.fixes.service import Result, execute, intend
from netdoctor.fixes.show import document, plan_text, result_text
from netdoctor.model import Layer, Membership, Remedy, Report, Verdict

from .build import EDGE, QDRANT, asked, desk, edge_report, finding, incident


def intended(**more):
    report = asked(incident().now)
    return intend(report, Choices(), **more)


def shown(result):
    return result_text(result, again="netdoctor check app qdrant", persist_command="netdoctor fix app qdrant --persist")


def done(tmp_path):
    engine = incident()
    place = desk(engine, tmp_path)
    plan = intend(asked(engine.now), Choices())
    with place.journal.locked():
        return execute(plan, place)


def test_the_plan_shows_cause_command_effects_and_alternatives():
    text = plan_text(intended())
    assert "ND101" in text
    assert "docker network connect --alias qdrant coolify qdrant" in text
    assert "default route of qdrant" in text
    assert "--move source" in text


def test_advice_of_two_commands_stays_two_commands():
    advice = "docker logs api\ndocker start api"
    by_hand = finding(EDGE, incident().now, "ND501", remedies=(Remedy("See why it ended", advice=advice),))
    report = replace(asked(incident().now), findings=(by_hand,))
    text = plan_text(intend(report, Choices()))
    assert "do this    docker logs api\n           docker start api\n" in text


def test_it_fits_80_columns_but_for_commands_which_stay_whole():
    lines = plan_text(intended()).splitlines()
    assert all(len(line) <= 80 for line in lines if "docker network" not in line)


def test_fixed_says_from_inside_what_to_do_for_good_and_how_to_take_it_back(tmp_path):
    result = done(tmp_path)
    assert result.status is Exit.OK
    text = shown(result)
    assert "ND101: confirmed from inside" in text
    assert "netdoctor fix app qdrant --persist" in text
    assert "netdoctor undo" in text


def test_not_permanent_is_said_in_these_words_and_fails_the_run(tmp_path):
    paste = Paste("qdrant", Membership(QDRANT.id, "coolify"), "Coolify", "It overwrites the file.", "turn it on")
    result = replace(done(tmp_path), pastes=(paste,))
    result = replace(result, intended=replace(result.intended, persist=True))
    assert result.status is Exit.FINDINGS
    assert "LIVE fixed. NOT permanent: paste this" in shown(result)
    assert "turn it on" in shown(result)


def outcome(judgement, report, kept=True, **more):
    return Outcome(intended().plan.fixes[0], "t", judgement, kept, report=report, **more)


def test_what_remains_is_named_and_fails_the_run():
    later = finding(EDGE, incident().now, "ND301", remedies=(Remedy("Bind 0.0.0.0", advice="x"),))
    broken = Report(Verdict.BROKEN, (edge_report(EDGE, Verdict.BROKEN, Layer.TCP),), (later,))
    result = Result(intended(), (outcome(Judgement(True, ("ND101",), (later,)), broken),))
    assert result.status is Exit.FINDINGS
    text = shown(result)
    assert "fixed      ND101" in text
    assert "remains    ND301" in text


def test_a_later_failure_without_a_finding_is_no_success_either():
    broken = Report(Verdict.BROKEN, (edge_report(EDGE, Verdict.BROKEN, Layer.TCP),), ())
    result = Result(intended(), (outcome(Judgement(True, ("ND101",)), broken),))
    assert result.status is Exit.FINDINGS
    assert "now fails at a later layer" in shown(result)


def test_rolled_back_says_why():
    result = Result(intended(), (outcome(Judgement(False, against=("ND101 is still found",)), None, kept=False),))
    assert result.status is Exit.FINDINGS
    assert "NOT fixed" in shown(result)
    assert "rolled back" in shown(result)
    assert "ND101 is still found" in shown(result)


@pytest.mark.parametrize(
    ("verdict", "status"), [(Verdict.HOLDS, Exit.OK), (Verdict.UNKNOWN, Exit.UNKNOWN), (Verdict.BROKEN, Exit.FINDINGS)]
)
def test_nothing_to_fix_is_only_health_when_everything_holds(verdict, status):
    report = Report(verdict, (), (), topology=incident().now)
    assert Result(intend(report, Choices())).status is status


def test_control_characters_and_secrets_of_foreign_names_do_not_reach_the_terminal():
    engine = incident()
    rude = replace(finding(EDGE, engine.now), cause="app\x1b[31m cannot reach http://u:hunter2@qdrant because\nof you.")
    report = replace(asked(engine.now), findings=(rude,))
    text = plan_text(intend(report, Choices()))
    assert "\x1b" not in text
    assert "hunter2" not in text


def test_the_document_is_plain_json(tmp_path):
    found = json.loads(json.dumps(document(done(tmp_path)), allow_nan=False))
    assert found["schema"] == "netdoctor.fix/1"
    assert found["status"] == 0
    assert found["fixed"] == ["ND101"]
    assert found["plan"][0]["operations"][0]["do"] == "connect"
    assert found["outcomes"][0]["kept"] is True
