"""Transactions are what the records say, whatever the last of them was."""

from __future__ import annotations

import pytest

from netdoctor.compose_edit import Insertion
from netdoctor.fixes.journal import End, Journal, PanelChange, StepState, fold
from netdoctor.fixes.snapshot import snapshot_of
from netdoctor.fixes.store import JournalError, Store

from .build import APP, QDRANT, join


@pytest.fixture
def journal(tmp_path):
    made = Journal(Store(tmp_path, "engine-1"))
    with made.locked():
        yield made


def begun(journal):
    return journal.begin("Connect qdrant to coolify", [join()], [snapshot_of(QDRANT)], {"asked": []}, {})


def test_a_whole_story_is_read_back(journal):
    name = begun(journal)
    journal.intend(name, 0, join(), join().inverse(None))
    journal.mark(name, 0, StepState.DONE)
    journal.end(name, End.KEPT, [snapshot_of(APP)])
    journal.intend_file(name, "/f.yml", b"a\xff", b"ab", [Insertion(1, b"b")])
    journal.mark_file(name, 0, StepState.DONE)
    (found,) = journal.transactions()
    assert found.title == "Connect qdrant to coolify"
    assert found.end is End.KEPT
    assert found.before == (snapshot_of(QDRANT),)
    assert found.after == (snapshot_of(APP),)
    assert [step.state for step in found.steps] == [StepState.DONE]
    assert found.files[0].original == b"a\xff"
    assert found.files[0].insertions == (Insertion(1, b"b"),)
    assert journal.interrupted() is None
    assert journal.in_effect() == (found,)


def test_killed_after_the_intent_it_is_interrupted_and_may_stand(journal):
    name = begun(journal)
    assert journal.interrupted() is None, "nothing was even tried"
    journal.intend(name, 0, join(), join().inverse(None))
    assert journal.interrupted().standing[0][1].state is StepState.INTENDED


def test_rolled_back_and_undone_ones_are_in_effect_no_more(journal):
    for end in (End.ROLLED_BACK, End.UNDONE):
        name = begun(journal)
        journal.intend(name, 0, join(), join().inverse(None))
        journal.mark(name, 0, StepState.REVERTED)
        journal.end(name, end)
    assert journal.in_effect() == ()
    assert len(journal.transactions()) == 2


@pytest.mark.parametrize(
    "record", [{}, {"do": "intent", "id": "x"}, {"do": "begin", "id": "x"}, {"do": "dance", "id": "x"}]
)
def test_a_record_that_makes_no_sense_is_an_error_of_ours(record):
    with pytest.raises(JournalError):
        fold([record])


def test_a_file_that_was_made_is_told_apart_from_one_that_was_edited(journal):
    name = begun(journal)
    journal.intend_file(name, "/new.yml", b"", b"ab", [Insertion(0, b"ab")], created=True)
    journal.intend_file(name, "/old.yml", b"", b"ab", [Insertion(0, b"ab")])
    (found,) = journal.transactions()
    assert [each.created for each in found.files] == [True, False]


def test_what_a_platform_was_told_is_read_back_and_keeps_a_transaction_in_effect(journal):
    name = begun(journal)
    was, wanted = {"text": "a", "flags": {"on": False}}, {"text": "a", "flags": {"on": True}}
    change = PanelChange("coolify", "https://panel.test", "services/u1", "qdrant", was, wanted)
    journal.intend_panel(name, change)
    assert journal.transactions()[0].panels == (change,)
    assert journal.transactions()[0].panels_standing == ((0, change),), "killed now, it may stand"
    journal.mark_panel(name, 0, StepState.DONE, wanted)
    journal.end(name, End.KEPT)
    (found,) = journal.in_effect()
    assert found.panels[0].after == wanted
    journal.mark_panel(name, 0, StepState.REVERTED)
    assert journal.in_effect() == ()
    assert journal.transactions()[0].panels[0].after == wanted, "what it was is not forgotten"
