"""ND108 is said when the dialled address lies on a network whose members may not talk to each other."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Connect, CreateNetwork, Layer, Outcome
from netdoctor.rules.nd108_icc_off import RULE

from .build import container, network, story, topology

SILENT = network("m-silent", icc=False)
OPEN = network("z-open")
APP, DB = container("app", SILENT), container("db", SILENT)
SEEN = topology(APP, DB, SILENT)
APP2, DB2 = container("app", SILENT, OPEN), container("db", SILENT, OPEN)
SEEN2 = topology(APP2, DB2, SILENT, OPEN)
SILENT_ADDRESS, OPEN_ADDRESS = (endpoint.ipv4 or "" for endpoint in DB2.endpoints)


def told(outcome=Outcome.TIMED_OUT):
    return story(SEEN, APP, DB, name="db", port=80).dns(Outcome.CONNECTED).ping(Outcome.TIMED_OUT).tcp(outcome)


def shadowed(answer):
    both = story(SEEN2, APP2, DB2, name="db", port=80).dns(Outcome.CONNECTED, answer)
    return both.tcp(Outcome.TIMED_OUT, SILENT_ADDRESS).tcp(Outcome.CONNECTED, OPEN_ADDRESS)


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.NO_ROUTE])
def test_a_dial_lost_on_the_only_shared_network_which_is_silent(outcome):
    (finding,) = told(outcome).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN and finding.layer is Layer.TCP
    assert "on m-silent, where containers may not talk" in finding.cause
    assert finding.about[0] == SILENT.ref


@pytest.mark.parametrize("outcome", [Outcome.CONNECTED, Outcome.REFUSED])
def test_an_answer_of_any_kind_comes_from_a_network_that_is_not_silent(outcome):
    assert told(outcome).judged(RULE) == ()


def test_the_answer_on_the_silent_network_shadows_the_open_one():
    (finding,) = shadowed(SILENT_ADDRESS).judged(RULE)
    assert finding.cause.endswith("although they also share z-open.")
    assert finding.remedies[0].advice.startswith("Use db.z-open instead of db")
    assert any("(on z-open): connected" in line for line in finding.evidence)


def test_the_answer_on_the_open_network_is_fine():
    assert shadowed(OPEN_ADDRESS).judged(RULE) == ()


def test_the_new_network_sorts_before_the_silent_one():
    for seen in (told(), shadowed(SILENT_ADDRESS)):
        (finding,) = seen.judged(RULE)
        (remedy,) = (each for each in finding.remedies if each.operations)
        made = remedy.operations[0]
        assert remedy.safe and isinstance(made, CreateNetwork) and made.name < SILENT.name


def test_an_existing_network_is_joined_when_its_answer_would_come_first():
    early = network("a-early")
    db = container("db", SILENT, early)
    seen = topology(APP, db, SILENT, early)
    lost = story(seen, APP, db, name="db", port=80).dns(Outcome.CONNECTED).tcp(Outcome.TIMED_OUT)
    (finding,) = lost.judged(RULE)
    (join,) = next(remedy for remedy in finding.remedies if remedy.operations).operations
    assert isinstance(join, Connect) and (join.container_name, join.network_name) == ("app", "a-early")


def test_a_lost_ping_alone_makes_it_likely():
    (finding,) = story(SEEN, APP, DB, name="db").dns(Outcome.CONNECTED).ping(Outcome.TIMED_OUT).judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_without_a_symptom_nothing_is_said():
    assert story(SEEN, APP, DB, name="db", port=80).dns(Outcome.CONNECTED).judged(RULE) == ()


def test_an_ordinary_network_is_never_blamed():
    net = network("n")
    app, db = container("app", net), container("db", net)
    lost = story(topology(app, db, net), app, db, name="db", port=80).dns(Outcome.CONNECTED).tcp(Outcome.TIMED_OUT)
    assert lost.judged(RULE) == ()


def test_a_silent_network_that_they_do_not_share_explains_nothing():
    app = container("app", OPEN)
    lost = story(topology(app, DB, SILENT, OPEN), app, DB, port=80).tcp(Outcome.TIMED_OUT)
    assert lost.judged(RULE) == ()
