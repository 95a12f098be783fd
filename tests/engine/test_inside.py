"""In a container nobody has sudo, starts an engine or logs in again: the hints name what ``docker run`` lacks, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdoctor.engine import inside
from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.translate import denied, unreachable


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(inside, "MARKS", (tmp_path / "none", tmp_path / ".dockerenv"))
    return tmp_path / ".dockerenv"


def test_either_mark_says_so(mark: Path) -> None:
    assert not inside.in_container()
    mark.touch()
    assert inside.in_container()


def test_a_socket_that_is_not_there_has_to_be_mounted(mark: Path, tmp_path: Path) -> None:
    host = EngineHost(f"unix://{tmp_path}/d.sock")
    elsewhere = unreachable(host).hint
    assert "systemctl start docker" in elsewhere
    mark.touch()
    added = unreachable(host).hint.removeprefix(elsewhere)
    assert added.endswith(f": docker run -v {tmp_path}/d.sock:{tmp_path}/d.sock")


def test_a_socket_of_another_group_needs_that_group(mark: Path, tmp_path: Path) -> None:
    socket = tmp_path / "d.sock"
    socket.touch()
    host = EngineHost(f"unix://{socket}")
    elsewhere = denied(host).hint
    assert "usermod" in elsewhere
    mark.touch()
    assert denied(host).hint.removeprefix(elsewhere).endswith(f": docker run --group-add {socket.stat().st_gid}")
    assert '"$(stat -c %g /none/d.sock)"' in inside.to_use_a_socket(Path("/none/d.sock"))
