"""Compose gives a second opinion; without it a patch is judged by one."""

from __future__ import annotations

import shutil

import pytest

from netdoctor.fixes.second_opinion import compose_command
from netdoctor.readiness.interface import State

from .conftest import lines_of, without_engine


@pytest.fixture(autouse=True)
def asked_anew():
    compose_command.cache_clear()
    yield
    compose_command.cache_clear()


def test_no_compose_is_a_note(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lines_of("compose", without_engine())["compose"].state is State.NOTE


def test_a_compose_that_does_not_answer_is_a_note(monkeypatch, tmp_path):
    fake = tmp_path / "docker-compose"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    line = lines_of("compose", without_engine())["compose"]
    assert line.state is State.NOTE
    assert line.remedy == "docker-compose version"


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose here")
def test_the_version_is_the_commands_own():
    line = lines_of("compose", without_engine())["compose"]
    assert line.state is State.OK
    assert line.said.startswith(("docker compose ", "docker-compose "))
    assert line.said[-1].isalnum()
