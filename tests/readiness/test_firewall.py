"""Causes that lie in the packet filter need it to be readable."""

from __future__ import annotations

import pytest

from netdoctor.readiness.interface import State

from .conftest import lines_of, without_engine


def test_without_an_engine_there_is_nothing_to_say():
    assert lines_of("firewall", without_engine()) == {}


@pytest.mark.docker
def test_without_root_it_is_a_note_that_names_what_is_lost(here):
    line = lines_of("firewall", here(root=False))["packet filter"]
    assert line.state is State.NOTE
    assert "ND704" in line.said


@pytest.mark.docker
def test_without_a_tool_it_is_a_note(here, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lines_of("firewall", here())["packet filter"].state is State.NOTE
