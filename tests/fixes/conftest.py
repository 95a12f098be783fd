"""Fixtures of the tests that fix a real engine."""

from __future__ import annotations

import pytest

from .live import Typed
from .persisting import COMPOSE


@pytest.fixture
def state(tmp_path, monkeypatch):
    """Where the journal is kept, instead of the machine's own folder."""
    folder = tmp_path / "state"
    monkeypatch.setenv("NETDOCTOR_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def netdoctor(state, capsys):
    return Typed(capsys)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "stack"
    made.mkdir()
    (made / "docker-compose.yml").write_bytes(COMPOSE)
    return made
