"""Causes that lie in the packet filter need it to be readable."""

from __future__ import annotations

import os

import pytest

from netdoctor import commands
from netdoctor.commands import find_command
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
    monkeypatch.setattr(commands, "SYSTEM", ())
    assert lines_of("firewall", here())["packet filter"].state is State.NOTE


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read it")
def test_what_is_readable_has_been_read_wherever_the_command_lies(here, monkeypatch):
    """PATH as ``su`` leaves it to root on Debian; and a command that is there and is refused."""
    if find_command("iptables") is None:
        pytest.skip("there is no iptables here")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert lines_of("firewall", here())["packet filter"].state is State.OK


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="only root is let that far")
def test_a_command_that_is_refused_is_no_readable_filter(here, monkeypatch, tmp_path):
    for name in ("iptables", "iptables-nft", "iptables-legacy"):
        (tmp_path / name).write_text("#!/bin/sh\necho Permission denied >&2\nexit 4\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    line = lines_of("firewall", here())["packet filter"]
    assert line.state is State.NOTE
    assert "refused: Permission denied" in line.said
