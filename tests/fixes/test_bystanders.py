"""The other connections of what a fix changes: those are asked again, and where there are too many it is said."""

from __future__ import annotations

from netdoctor.fixes import bystanders as module
from netdoctor.fixes.bystanders import bystanders
from netdoctor.fixes.choices import Choices
from netdoctor.fixes.plan import make_plan

from .build import APP, COOLIFY, EDGE, OWN, QDRANT, asked, container, topology


def crowd(size):
    return [container(f"c{n}", OWN, environment=(("QDRANT_URL", "http://qdrant:6333"),)) for n in range(size)]


def planned(*more):
    return make_plan(asked(topology(COOLIFY, OWN, APP, QDRANT, *more)), Choices()).fixes


def test_every_caller_of_what_is_changed_is_asked_again_but_for_those_asked_anyway():
    seen = topology(COOLIFY, OWN, APP, QDRANT, *crowd(100))
    found = bystanders(seen, planned(*crowd(100)), [EDGE])
    assert len(found) == 100
    assert all(each.target == QDRANT.ref for each in found)
    assert len(bystanders(seen, planned(*crowd(100)), [EDGE, *found[:40]])) == 60


def test_what_is_too_much_to_ask_is_said(monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 3)
    said = []
    seen = topology(COOLIFY, OWN, APP, QDRANT, *crowd(5))
    assert len(bystanders(seen, planned(*crowd(5)), [EDGE], said.append)) == 3
    assert said == ["2 of the 5 other connections of these containers are not asked again."]
