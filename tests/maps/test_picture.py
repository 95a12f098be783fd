"""A topology becomes a picture: everybody is on it, and what was found is at its arrow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rules.build import container, network, topology
from topology.inspects import SHAPES, stack

from netdoctor.maps._picture import picture_of
from netdoctor.maps.interface import BROKEN, MAPS, UNASKED
from netdoctor.model import Confidence, Edge, EdgeReport, Finding, Layer, Ref, Remedy, Report, Severity, Verdict
from netdoctor.topology.engine import build_topology

FRONT, BACK = network("front"), network("back", internal=True, icc=False)
APP, DB = container("app", FRONT), container("db", BACK)
HERE = topology(APP, DB, FRONT, BACK)
EDGE = Edge(APP.ref, DB.ref, name="db", port=5432)


def test_networks_say_what_sets_them_apart():
    nets = {net.name: net.flags for net in picture_of(HERE).nets}
    assert nets == {"front": (), "back": ("internal", "ICC off")}


def test_everybody_is_on_it_with_every_engine():
    for shape in SHAPES:
        containers, networks = stack(shape)
        seen = build_topology(containers, networks)
        picture = picture_of(seen)
        assert {box.name for box in picture.boxes} == {each.name for each in seen.containers}
        notes = {box.name: box.note for box in picture.boxes if box.note}
        assert notes["metal"] == "host networking"
        assert notes["alone"] == "no network"


def test_a_name_that_the_engine_tells_twice_is_drawn_once():
    twice = replace(APP, endpoints=tuple(replace(each, aliases=("api", "api")) for each in APP.endpoints))
    (box, *_) = picture_of(topology(twice, DB, FRONT, BACK)).boxes
    assert [joint.aliases for joint in box.joints] == [("api",)]


def test_without_a_report_declared_connections_are_not_asked():
    (arrow,) = picture_of(HERE, None, (EDGE,)).arrows
    assert (arrow.source, arrow.target, arrow.says, arrow.label) == (APP.id, DB.id, UNASKED, "app -> db:5432")


def test_a_finding_is_at_its_arrow_with_the_fix():
    finding = Finding(
        "ND101",
        "No shared network",
        Severity.ERROR,
        Confidence.CERTAIN,
        Layer.MEMBERSHIP,
        (APP.ref,),
        "They share none.",
        remedies=(Remedy("Connect db", advice="first\nsecond"),),
        edge=EDGE,
    )
    edges = (EdgeReport(EDGE, "app -> db:5432", Verdict.BROKEN, ()),)
    report = Report(Verdict.BROKEN, edges, (finding,), topology=HERE)
    (arrow,) = picture_of(HERE, report).arrows
    assert arrow.says == BROKEN
    assert [(cause.code, cause.fix) for cause in arrow.causes] == [("ND101", ("Connect db", "first", "second"))]


def test_what_is_outside_docker_is_drawn_too():
    out = Edge(APP.ref, Ref("external", "api.example.com"), name="api.example.com", port=443)
    picture = picture_of(HERE, None, (out,))
    assert [(box.name, box.kind) for box in picture.boxes][-1] == ("api.example.com", "external")
    assert picture.box(picture.arrows[0].target) is not None


@pytest.mark.parametrize("way", sorted(MAPS.names()))
def test_no_drawing_shows_a_secret_or_a_control_character(way):
    secret = "hunter2Sup3rSecret"
    app = replace(APP, name="app\x1b[31m", image=f"https://u:{secret}@registry.example.com/app\x07")
    edge = replace(EDGE, path=f"/?token={secret}", origin=f"environment DB_URL=postgres://u:{secret}@db")
    report = Report(
        Verdict.UNKNOWN,
        (EdgeReport(edge, f"app -> db:5432/?token={secret}", Verdict.UNKNOWN, (), reason=f"password={secret}"),),
        (),
    )
    text = MAPS.get(way).draw(picture_of(topology(app, DB, FRONT, BACK), report), color=False, width=100)
    assert secret not in text
    assert "\x1b" not in text
    assert "\x07" not in text
