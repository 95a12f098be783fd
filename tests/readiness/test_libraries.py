"""netdoctor's own version, and what makes a migration fast."""

from __future__ import annotations

from netdoctor.readiness import libraries
from netdoctor.readiness.interface import State
from netdoctor.version import __version__

from .conftest import lines_of, without_engine


def test_the_version_is_told():
    assert lines_of("libraries", without_engine())["netdoctor"].said.startswith(__version__)


def test_a_missing_library_is_a_note_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(libraries.FAST, "no_such_library", "does something")
    line = lines_of("libraries", without_engine())["migration"]
    assert line.state is State.NOTE
    assert "docker-netdoctor[fast]" in line.remedy
