"""Whether an engine answers is the first line, and the one that decides."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from netdoctor.readiness.engine import OLDEST_API, EngineAnswers, _numbers
from netdoctor.readiness.interface import Situation, State

from .conftest import FAILURE, lines_of, without_engine


def test_no_engine_is_bad_with_the_reason_and_what_to_do():
    line = lines_of("engine", without_engine())["engine"]
    assert (line.state, line.said, line.remedy) == (State.BAD, FAILURE.message, FAILURE.hint)


def test_an_engine_older_than_what_is_tested_is_a_note():
    """What an engine of 2018 says about itself."""
    host = SimpleNamespace(url="unix:///var/run/docker.sock", said_by="")
    ancient = SimpleNamespace(is_podman=False, version="18.09.9", apis=("1.12", "1.39"), host=host)
    lines = {line.subject: line for line in EngineAnswers().look(Situation(ancient, None, None, {}, root=True))}
    assert lines["engine"].state is State.OK
    assert lines["engine API"].state is State.NOTE
    assert "1.39" in lines["engine API"].said


def test_versions_are_compared_as_numbers():
    assert _numbers("1.9") < OLDEST_API <= _numbers("1.41") < _numbers("1.100")


@pytest.mark.docker
def test_the_engine_that_answers_is_named_with_its_address(here, engine):
    lines = lines_of("engine", here())
    assert engine.version in lines["engine"].said
    assert engine.host.url in lines["engine"].said
    assert {line.state for line in lines.values()} == {State.OK}
