"""What can be asked from where is tried, not guessed."""

from __future__ import annotations

import os

import pytest

from netdoctor.readiness.interface import State

from .conftest import lines_of, without_engine


def test_without_an_engine_there_is_nothing_to_say():
    assert lines_of("vantages", without_engine()) == {}


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="entering a network namespace needs root")
def test_as_root_a_container_is_really_entered(here, lab):
    lab.container(networks=[lab.network()])
    line = lines_of("vantages", here())["vantage netns"]
    assert line.state is State.OK
    assert "entered" in line.said


@pytest.mark.docker
def test_a_helper_image_that_is_there_is_named(here, lab):
    image = lab.image("probe")
    line = lines_of("vantages", here(NETDOCTOR_PROBE_IMAGE=image))["vantage sidecar"]
    assert line.state is State.OK
    assert image in line.said


@pytest.mark.docker
def test_a_helper_image_that_is_missing_is_a_note_with_the_pull_to_type(here):
    line = lines_of("vantages", here(NETDOCTOR_PROBE_IMAGE="no-such-image:1"))["vantage sidecar"]
    assert line.state is State.NOTE
    assert "docker pull no-such-image:1" in line.remedy
