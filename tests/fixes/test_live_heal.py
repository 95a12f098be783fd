"""On a real engine: recreated containers get back what a fix gave them."""

from __future__ import annotations

import pytest

from netdoctor.cli.common import session
from netdoctor.cli.fix import desk_of, journal_of
from netdoctor.cli.settings import Settings
from netdoctor.fixes.heal import find_lacking, reapply

from .live import PORT, SERVE, incident

pytestmark = pytest.mark.docker


def heal():
    with session(Settings(quiet=1)) as opened:
        journal = journal_of(opened)
        found = find_lacking(journal, opened.topology)
        with journal.locked():
            return [reapply(each, desk_of(opened, journal)) for each in found]


def made_anew(lab, story):
    """Removed and run again under its name, as a deploy does."""
    lab.keep(story.qdrant)
    lab.api.remove_container(story.qdrant.id, force=True)
    anew = lab.container(networks=[story.own], name=story.qdrant.name, command=SERVE)
    lab.wait_for_listener(anew, PORT)
    return anew


def test_a_recreated_container_is_red_healed_green_and_one_undo_takes_it_back(lab, netdoctor):
    story = incident(lab)
    assert netdoctor("fix", *story.names, "--yes").status == 0
    for _ in range(2):
        anew = made_anew(lab, story)
        assert netdoctor("check", *story.names).status == 1
        (done,) = heal()
        assert [each.target.id for each in done.edges] == [anew.id]
        assert netdoctor("check", *story.names).status == 0
        assert heal() == []
        story = type(story)(lab, story.shared, story.own, story.app, anew)
    undone = netdoctor("undo", "--yes")
    assert undone.status == 0, undone
    assert story.red()
    assert heal() == []
    assert "Nothing to undo" in netdoctor("undo", "--yes").out
