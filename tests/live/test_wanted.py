"""What is watched keeps its key while containers are made anew, and is forgotten only when nobody wants it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fixes.build import container, ident, network, topology

from netdoctor.edges.expectation_file import read_file
from netdoctor.live.wanted import FINISHED, FORGET, Declared, Expected, Named, Roster
from netdoctor.model import Container, State, Unseen, Verdict

NET = network("net")
APP = container("app", NET, environment=(("DB_URL", "postgres://database:5432"), ("X", "1")))
DB = replace(container("db", NET), labels={}, environment=())


def named(*names: str) -> Container:
    """The database under further names, and (by the last one) perhaps another id."""
    made = container("db", NET, environment=())
    return replace(made, endpoints=tuple(replace(e, names=(*e.names, *names), aliases=names) for e in made.endpoints))


def anew(old: Container, **more) -> Container:
    return replace(old, id=ident(f"another {old.name}"), **more)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def roster(clock) -> Roster:
    return Roster(Declared(), clock)


BEFORE = topology(NET, APP, named("database"))


def the_one(found):
    (one,) = found
    return one


def test_a_container_made_anew_is_the_same_connection_under_its_new_id(roster):
    was = the_one(roster.update(BEFORE))
    new = anew(named("database"))
    now = the_one(roster.update(topology(NET, APP, new)))
    assert (now.key, now.label) == (was.key, was.label)
    assert was.edge.target == named("database").ref
    assert now.edge.target == new.ref


def test_a_composed_one_is_known_by_project_service_and_number_whatever_it_is_called_meanwhile(roster):
    composed = container("p-db-1", NET, service="db", project="p", environment=())
    app = replace(APP, environment=(("DB_HOST", "db"), ("DB_PORT", "5432")))
    was = the_one(roster.update(topology(NET, app, composed)))
    half = anew(composed, name="0123456789ab_p-db-1")
    assert the_one(roster.update(topology(NET, app, half))).key == was.key


def test_when_the_target_is_gone_it_is_broken_and_not_forgotten(roster, clock):
    key = the_one(roster.update(BEFORE)).key
    clock.now = FORGET * 10
    for _ in range(3):
        gone = the_one(roster.update(topology(NET, APP)))
        assert (gone.key, gone.edge, gone.verdict) == (key, None, Verdict.BROKEN)
    assert the_one(roster.update(BEFORE)).edge is not None


def test_even_when_the_caller_was_made_anew_with_the_same_words(roster):
    roster.update(BEFORE)
    assert the_one(roster.update(topology(NET, anew(APP)))).verdict is Verdict.BROKEN


def test_a_caller_that_says_something_else_now_wants_it_no_more(roster):
    roster.update(BEFORE)
    assert roster.update(topology(NET, anew(APP, environment=(("X", "1"),)), named("database"))) == ()
    assert roster.update(topology(NET, APP)) == ()


def test_a_name_that_the_target_has_lost_is_still_asked(roster):
    """Its alias is gone: nobody declares the edge any more, and the program still uses the name."""
    roster.update(BEFORE)
    new = anew(DB)
    lost = the_one(roster.update(topology(NET, APP, new)))
    assert lost.edge is not None
    assert (lost.edge.source, lost.edge.target, lost.edge.name) == (APP.ref, new.ref, "database")


def test_a_caller_that_fell_is_unknown_and_at_last_forgotten(roster, clock):
    roster.update(BEFORE)
    fallen = topology(NET, replace(APP, state=State("exited", exit_code=1)), named("database"))
    said = the_one(roster.update(fallen))
    assert (said.verdict, said.counts) == (Verdict.UNKNOWN, True)
    clock.now = FORGET - 1
    assert the_one(roster.update(fallen)).counts
    clock.now = FORGET + 1
    assert roster.update(fallen) == ()


def test_a_job_that_has_ended_is_no_outage_and_one_made_anew_is_the_same_again(roster, clock):
    key = the_one(roster.update(BEFORE)).key
    for gone in (topology(NET, named("database")), topology(NET, replace(APP, state=State("exited", exit_code=0)))):
        said = the_one(roster.update(gone))
        assert (said.key, said.verdict, said.counts) == (key, Verdict.UNKNOWN, False)
    again = the_one(roster.update(topology(NET, anew(APP), named("database"))))
    assert (again.key, again.counts) == (key, True)
    roster.update(topology(NET))
    clock.now += FINISHED + 1
    assert roster.update(topology(NET)) == ()


def test_two_typed_names_are_one_connection_whoever_answers(clock):
    roster = Roster(Named("app", "db:5432"), clock)
    was = the_one(roster.update(BEFORE))
    assert was.edge is not None
    gone = the_one(roster.update(topology(NET, APP)))
    assert (gone.key, gone.verdict) == (was.key, Verdict.BROKEN)
    assert "db" in gone.reason
    nobody = the_one(roster.update(topology(NET)))
    assert (nobody.key, nobody.verdict) == (was.key, Verdict.UNKNOWN)
    assert the_one(roster.update(BEFORE)).edge is not None


def test_all_of_one_container_that_is_gone_stay_as_they_were_called(clock):
    roster = Roster(Named("app", None), clock)
    was = the_one(roster.update(BEFORE))
    gone = the_one(roster.update(topology(NET, named("database"))))
    assert (gone.key, gone.label, gone.verdict) == (was.key, was.label, Verdict.UNKNOWN)


@pytest.fixture
def expected(tmp_path, clock) -> Roster:
    path = Path(tmp_path / "netdoctor.yaml")
    path.write_text("version: 1\nexpectations:\n  - app -> db:5432\n  - db -x> app:80\n")
    return Roster(Expected(read_file(path)), clock)


def test_each_line_of_the_file_is_watched_and_unknown_while_its_ends_are_gone(expected):
    was = expected.update(BEFORE)
    assert [each.edge is not None for each in was] == [True, True]
    assert [each.edge.isolated for each in was] == [False, True]
    gone = expected.update(topology(NET, APP))
    assert {each.key for each in gone} == {each.key for each in was}
    assert {each.verdict for each in gone} == {Verdict.UNKNOWN}
    assert all(each.reason for each in gone)
    assert {each.key for each in expected.update(BEFORE)} == {each.key for each in was}


def test_a_replica_that_went_is_no_outage(expected, clock, tmp_path):
    one = container("p-db-1", NET, service="db", project="p", labels={"com.docker.compose.container-number": "1"})
    two = container("p-db-2", NET, service="db", project="p", labels={"com.docker.compose.container-number": "2"})
    both = expected.update(topology(NET, APP, one, two))
    assert len([each for each in both if each.edge is not None and each.label.startswith("app")]) == 2
    left = expected.update(topology(NET, APP, one))
    assert len([each for each in left if each.label.startswith("app")]) == 1


def test_a_name_with_control_characters_stays_on_its_line(clock):
    (said,) = Roster(Named("a\x1b[31m", "b"), clock).update(BEFORE)
    assert "\x1b" not in said.label + said.reason


@pytest.mark.parametrize("who", ["app", "db"])
def test_an_end_that_could_not_be_looked_at_is_unknown_and_not_down(roster, clock, who):
    roster.update(BEFORE)
    rest = [each for each in BEFORE.containers if each.name != who]
    hidden = Unseen("d" * 64, who, "Could not inspect it.")
    (found,) = roster.update(replace(topology(NET, *rest), unseen=(hidden,)))
    assert (found.verdict, found.reason, found.edge) == (Verdict.UNKNOWN, "Could not inspect it.", None)
    typed = Roster(Named("app", "db:5432"), clock)
    (found,) = typed.update(replace(topology(NET, *rest), unseen=(hidden,)))
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "Could not inspect it.")
    (again,) = roster.update(BEFORE)
    assert again.edge is not None
