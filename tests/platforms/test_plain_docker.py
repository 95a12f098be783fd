"""A container without any file: the next ``docker run`` has to be followed by the connection."""

from __future__ import annotations

from netdoctor.platforms.interface import PLATFORMS, owner_of
from netdoctor.platforms.plain_docker import PLATFORM

from .build import alone, container, joins


def test_whatever_nobody_else_made_was_made_by_hand():
    one = container("qdrant")
    assert owner_of(one, alone(one)).title == "docker run"


def test_it_is_asked_last():
    assert max(PLATFORMS, key=lambda each: each.rank) is PLATFORM


def test_no_two_platforms_have_one_rank():
    ranks = [each.rank for each in PLATFORMS]
    assert len(set(ranks)) == len(ranks)


def test_the_command_to_repeat_is_given():
    one = container("qdrant")
    found = PLATFORM.permanence(one, joins(one, "coolify", "qdrant", "vectors"))
    assert not found.patchable
    assert found.text.endswith("docker network connect --alias vectors coolify qdrant")
