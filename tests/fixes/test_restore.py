"""What was written down is taken back byte for byte, or left alone where somebody changed it since."""

from __future__ import annotations

import pytest

from netdoctor.compose_edit import Insertion
from netdoctor.errors import FixFailed
from netdoctor.fixes.journal import Journal, PanelChange, StepState
from netdoctor.fixes.restore import restore_files, restore_panels
from netdoctor.fixes.store import Store

TEXT = b"services: {}\n"


@pytest.fixture
def journal(tmp_path):
    made = Journal(Store(tmp_path / "state", "engine-1"))
    with made.locked():
        yield made


@pytest.fixture
def made(tmp_path, journal):
    """A file that netdoctor made, as the journal has it."""
    file = tmp_path / "compose.override.yml"
    file.write_bytes(TEXT)
    name = journal.begin("x", [], [], {}, {})
    journal.intend_file(name, str(file), b"", TEXT, [Insertion(0, TEXT)], created=True)
    journal.mark_file(name, 0, StepState.DONE)
    return name, file


def taken_back(journal, name):
    (found,) = journal.transactions()
    return restore_files(found.files_standing, journal, name)


def test_a_file_that_was_made_is_removed(journal, made):
    name, file = made
    done = taken_back(journal, name)
    assert done.restored == [str(file)]
    assert not file.exists()
    assert journal.transactions()[0].files_standing == ()


def test_one_that_somebody_removed_already_is_fine(journal, made):
    name, file = made
    file.unlink()
    done = taken_back(journal, name)
    assert (done.restored, done.problems, done.by_hand) == ([], [], [])
    assert journal.transactions()[0].files_standing == ()


def test_one_that_somebody_added_to_is_left_alone(journal, made):
    name, file = made
    file.write_bytes(TEXT + b"# mine\n")
    done = taken_back(journal, name)
    assert "-services: {}" in done.by_hand[0]
    assert file.read_bytes() == TEXT + b"# mine\n"


CHANGE = PanelChange("coolify", "https://panel.test", "services/u1", "qdrant in Coolify", {"text": "a"}, {"text": "b"})


@pytest.fixture
def told(journal):
    name = journal.begin("x", [], [], {}, {})
    journal.intend_panel(name, CHANGE)
    journal.mark_panel(name, 0, StepState.DONE, {"text": "b"})
    return name


def test_a_platform_is_told_what_it_had(journal, told):
    seen = []
    (found,) = journal.transactions()
    done = restore_panels(found.panels_standing, journal, told, lambda change: seen.append(change) or "deploy it")
    assert done.restored == ["qdrant in Coolify"]
    assert done.notes == ["deploy it"]
    assert seen[0].after == {"text": "b"}
    assert journal.transactions()[0].panels_standing == ()


def test_a_platform_that_says_no_stays_in_the_journal(journal, told):
    def no(_):
        raise FixFailed("Coolify says no.", hint="Ask it.")

    (found,) = journal.transactions()
    assert restore_panels(found.panels_standing, journal, told, no).problems == ["Coolify says no. Ask it."]
    assert journal.transactions()[0].panels_standing


def test_without_a_way_to_ask_it_is_a_problem_and_not_forgotten(journal, told):
    (found,) = journal.transactions()
    assert "cannot be asked" in restore_panels(found.panels_standing, journal, told, None).problems[0]
    assert journal.transactions()[0].panels_standing
