"""ND803: who writes the file matters where a fix has to last, and nowhere else."""

from __future__ import annotations

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Outcome, Severity, Verdict
from netdoctor.rules.nd101_no_shared_network import RULE as ND101
from netdoctor.rules.nd801_live_fix_only import RULE as ND801
from netdoctor.rules.nd803_platform_overwrites import RULE

from .drifting import BACK, FRONT, app, between, files, store

FOLDER = "com.docker.compose.project.working_dir"
PLATFORMS = {
    "Coolify": {"coolify.managed": "true"},
    "Dokploy": {FOLDER: "/etc/dokploy/compose/shop-x1/code"},
    "Portainer": {FOLDER: "/data/compose/17"},
    "CapRover": {"com.caprover.managed": "true"},
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_live_fix_on_a_platforms_container_is_one_warning_with_the_platforms_own_way(platform):
    caller, end = app(FRONT), store(BACK, FRONT, labels=PLATFORMS[platform])
    case = files(between(caller, end), end, undeclared=("shop_front",)).works().case
    (finding,) = judge_edge(case, [ND801, RULE], Verdict.HOLDS)
    assert (finding.code, finding.severity) == ("ND803", Severity.WARNING)
    assert [each.code for each in finding.suppressed] == ["ND801"]
    assert platform in finding.remedies[0].advice and "shop_front" in finding.remedies[0].advice


@pytest.mark.parametrize("platform", PLATFORMS)
def test_where_the_two_share_nothing_it_is_a_note_under_the_cause(platform):
    caller, end = app(FRONT), store(BACK, labels=PLATFORMS[platform])
    case = between(caller, end).dns(Outcome.RESOLVER_FAILED).tcp(Outcome.TIMED_OUT).case
    (finding,) = judge_edge(case, [ND101, RULE], Verdict.BROKEN)
    assert finding.code == "ND101"
    (note,) = finding.suppressed
    assert (note.code, note.severity) == ("ND803", Severity.INFO)


def test_a_healthy_platform_says_nothing():
    caller, end = app(FRONT, labels=PLATFORMS["Coolify"]), store(FRONT, labels=PLATFORMS["Coolify"])
    assert between(caller, end).works().judged(RULE) == ()
    assert files(between(caller, end), end).works().judged(RULE) == ()


def test_a_file_of_the_users_own_is_no_platforms():
    caller, end = app(FRONT), store(BACK, FRONT, labels={FOLDER: "/data/compose/shop"})
    assert files(between(caller, end), end, undeclared=("shop_front",)).works().judged(RULE) == ()
