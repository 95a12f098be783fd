"""Where a fix is written down is named, and tried."""

from __future__ import annotations

import pytest

from netdoctor.fixes.store import JournalError, state_folder
from netdoctor.readiness.interface import State, examine

from .conftest import lines_of, without_engine


def test_without_an_engine_there_is_no_journal_to_speak_of():
    assert lines_of("journal", without_engine()) == {}


@pytest.mark.docker
def test_a_folder_that_can_be_made_is_enough_and_is_not_made(here, tmp_path):
    line = lines_of("journal", here(NETDOCTOR_STATE_DIR=str(tmp_path / "not" / "there")))["journal"]
    assert line.state is State.OK
    assert not (tmp_path / "not").exists()


@pytest.mark.docker
def test_a_folder_that_cannot_be_written_is_a_note(here):
    line = lines_of("journal", here(NETDOCTOR_STATE_DIR="/proc/1/netdoctor"))["journal"]
    assert line.state is State.NOTE
    assert "NETDOCTOR_STATE_DIR" in line.remedy


@pytest.mark.docker
def test_a_journal_that_cannot_be_read_is_bad(here, tmp_path, engine):
    folder = state_folder(engine.id, {"NETDOCTOR_STATE_DIR": str(tmp_path)}, root=True)
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text('{"netdoctor": "journal", "version": 99}\n')
    situation = here(NETDOCTOR_STATE_DIR=str(tmp_path))
    with pytest.raises(JournalError):
        lines_of("journal", situation)
    line = next(line for line in examine(situation) if line.subject == "journal")
    assert line.state is State.BAD
