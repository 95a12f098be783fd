"""A container that cannot be looked at is a line of its own, and a bad one."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.model import Fact, Topology, Unseen
from netdoctor.readiness.interface import State

from .conftest import lines_of, without_engine

SEEN = Topology(frozenset({Fact.RUNTIME}), (), ())


def test_where_all_can_be_looked_at_there_is_nothing_to_say():
    assert lines_of("containers", without_engine()) == {}
    assert lines_of("containers", replace(without_engine(), topology=SEEN)) == {}


def test_one_that_cannot_is_bad_with_its_reason_and_what_to_do():
    hidden = Unseen("a" * 64, "db", "Could not inspect container aaaaaaaaaaaa: no State.")
    said = lines_of("containers", replace(without_engine(), topology=replace(SEEN, unseen=(hidden,))))["container db"]
    assert said.state is State.BAD
    assert "no State" in said.said
    assert "docker inspect db" in said.remedy
