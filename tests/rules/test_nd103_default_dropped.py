"""ND103 is said of two services of one project, one of which left the default network by listing others."""

from __future__ import annotations

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Connect, Layer, Outcome, Verdict
from netdoctor.rules import nd101_no_shared_network
from netdoctor.rules.nd103_default_dropped import RULE

from .build import BRIDGE, container, network, story, topology

DEFAULT = network("shop_default", project="shop", key="default")
PROXY = network("proxy")
WEB = container("shop-web-1", PROXY, service="web", project="shop")
DB = container("shop-db-1", DEFAULT, service="db", project="shop")
SEEN = topology(WEB, DB, DEFAULT, PROXY)


def told(source=WEB, target=DB, seen=SEEN):
    return (
        story(seen, source, target, name=target.service, port=5432).dns(Outcome.NAME_NOT_FOUND).tcp(Outcome.TIMED_OUT)
    )


@pytest.mark.parametrize(("source", "target"), [(WEB, DB), (DB, WEB)])
def test_whoever_asks_the_one_that_left_is_named_and_comes_back(source, target):
    (finding,) = told(source, target).judged(RULE)
    assert finding.cause.startswith("shop-web-1 lists its own networks (proxy) and so is not on shop_default")
    assert finding.layer is Layer.MEMBERSHIP
    (remedy,) = finding.remedies
    assert remedy.safe
    assert remedy.operations == (
        Connect(WEB.id, "shop-web-1", DEFAULT.id, "shop_default", aliases=("web", "shop-web-1")),
    )


def test_it_is_the_cause_and_the_missing_shared_network_is_listed_under_it():
    rules = [nd101_no_shared_network.RULE, RULE]
    (finding,) = judge_edge(told().case, rules, Verdict.BROKEN)
    assert finding.code == "ND103"
    assert [each.code for each in finding.suppressed] == ["ND101"]


def test_a_default_network_is_known_by_its_labels_whatever_its_name():
    renamed = network("backbone", project="shop", key="default")
    db = container("shop-db-1", renamed, service="db", project="shop")
    assert len(told(target=db, seen=topology(WEB, db, renamed, PROXY)).judged(RULE)) == 1


def test_a_network_of_that_name_with_another_meaning_is_not_the_default():
    fake = network("shop_default", project="shop", key="extra")
    db = container("shop-db-1", fake, service="db", project="shop")
    assert told(target=db, seen=topology(WEB, db, fake, PROXY)).judged(RULE) == ()


def test_two_projects_are_another_cause():
    other = container("other-db-1", DEFAULT, service="db", project="other")
    assert told(target=other, seen=topology(WEB, other, DEFAULT, PROXY)).judged(RULE) == ()


def test_neither_on_the_default_network_is_another_cause():
    back = network("shop_back", project="shop", key="back")
    db = container("shop-db-1", back, service="db", project="shop")
    assert told(target=db, seen=topology(WEB, db, back, PROXY)).judged(RULE) == ()


@pytest.mark.parametrize("where", [(), (BRIDGE,)])
def test_a_service_that_was_taken_off_or_put_on_the_bridge_listed_nothing(where):
    web = container("shop-web-1", *where, service="web", project="shop")
    assert told(web, seen=topology(web, DB, DEFAULT, BRIDGE)).judged(RULE) == ()


def test_siblings_with_a_common_network_are_fine():
    web = container("shop-web-1", PROXY, DEFAULT, service="web", project="shop")
    assert told(web, seen=topology(web, DB, DEFAULT, PROXY)).judged(RULE) == ()


def test_an_edge_that_works_all_the_same_is_not_blamed():
    assert story(SEEN, WEB, DB, name="db", port=5432).works().judged(RULE) == ()


def test_a_name_that_is_taken_on_the_default_network_is_not_taken_again():
    squatter = container("squatter", DEFAULT, aliases=["web"])
    (finding,) = told(seen=topology(WEB, DB, squatter, DEFAULT, PROXY)).judged(RULE)
    (join,) = finding.remedies[0].operations
    assert isinstance(join, Connect) and join.aliases == ("shop-web-1",)
