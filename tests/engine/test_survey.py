"""Of what an engine lists, each is there, gone, or not to be looked at; never one for the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_engine import Answer, Script, fake_engine
from topology.inspects import SHAPES, full, stack

from netdoctor.engine.client import Engine
from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.survey import FEW, HIDDEN, Survey
from netdoctor.errors import (
    AnswerUnusable,
    EngineRefused,
    EngineUnreachable,
    Gone,
    NetdoctorError,
    PermissionRefused,
)

HERE = f"/containers/{full('db')}/json"
DENIED = Answer({"message": "No such container: it"}, 404)
NOTHING: dict[str, Any] = {"Id": full("db"), "Name": "/db"}
BAD = [
    (Answer(NOTHING), AnswerUnusable, "it has no State"),
    (Answer({**NOTHING, "Id": "f" * 64}), AnswerUnusable, "cannot be used"),
    (Answer([]), AnswerUnusable, "cannot be used"),
    (Answer(b"hello"), AnswerUnusable, "broke off its answer"),
    (Answer(b'{"Id": "x"}' + b" " * 100, cut=5), AnswerUnusable, "broke off its answer"),
    (Answer({"message": "driver failed"}, 500), EngineRefused, "driver failed"),
    (Answer({"message": "authorization denied: no permission"}, 403), PermissionRefused, "authorization denied"),
]


@pytest.fixture
def script() -> Script:
    return Script(*stack(SHAPES[0]))


@pytest.fixture
def host(tmp_path: Path, script: Script) -> Iterator[EngineHost]:
    with fake_engine(tmp_path / "e.sock", script) as url:
        yield EngineHost(url, "--host")


def look(host: EngineHost, timeout: float = 5.0) -> Survey:
    with Engine(host, timeout=timeout) as engine:
        return engine.survey()


@pytest.mark.parametrize(("said", "kind", "why"), BAD)
def test_one_that_cannot_be_looked_at_is_alone_with_that(
    host: EngineHost, script: Script, said: Answer, kind: type[NetdoctorError], why: str
) -> None:
    script.special[HERE] = said
    found = look(host)
    assert [each["Id"] for each in found.containers] == [c["Id"] for c in script.containers if c["Id"] != full("db")]
    (hidden,) = found.hidden
    assert (hidden.id, hidden.names) == (full("db"), ("/db",))
    assert type(hidden.error) is kind
    assert why in hidden.error.message
    assert script.asked.count(HERE) == 1
    assert script.asked.count("/containers/json") == 1


@pytest.mark.parametrize(("said", "kind", "why"), BAD)
def test_whoever_wants_all_of_them_is_told_so(
    host: EngineHost, script: Script, said: Answer, kind: type[NetdoctorError], why: str
) -> None:
    script.special[HERE] = said
    with Engine(host) as engine, pytest.raises(kind) as caught:
        engine.containers()
    assert why in caught.value.message


def test_where_none_can_be_looked_at_the_engine_is_what_is_wrong(host: EngineHost, script: Script) -> None:
    script.special |= {f"/containers/{each['Id']}/json": Answer({}) for each in script.containers}
    with pytest.raises(AnswerUnusable, match="it has no Id"):
        look(host)


def test_gone_and_hidden_are_told_apart(host: EngineHost, script: Script) -> None:
    lists = iter([script.containers, [each for each in script.containers if each["Id"] != full("old")]])
    script.special |= {
        HERE: Answer(NOTHING),
        f"/containers/{full('old')}/json": DENIED,
        "/containers/json": lambda: Answer([{"Id": each["Id"]} for each in next(lists)]),
    }
    found = look(host)
    assert full("old") not in {each["Id"] for each in found.containers} | {each.id for each in found.hidden}
    assert [each.id for each in found.hidden] == [full("db")]


def test_one_that_was_hidden_and_goes_is_gone(host: EngineHost, script: Script) -> None:
    without = [each for each in script.containers if each["Id"] not in (full("old"), full("db"))]
    lists = iter([script.containers, without])
    script.special |= {
        HERE: Answer(NOTHING),
        f"/containers/{full('old')}/json": DENIED,
        "/containers/json": lambda: Answer([{"Id": each["Id"]} for each in next(lists)]),
    }
    found = look(host)
    assert found.hidden == ()
    assert len(found.containers) == len(without)


def test_one_that_is_stuck_in_the_engine_is_alone_with_that(host: EngineHost, script: Script) -> None:
    script.special[HERE] = Answer({}, late=60)
    found = look(host, timeout=1.0)
    (hidden,) = found.hidden
    assert "timed out" in hidden.error.message
    assert full("db")[:12] in hidden.error.message
    assert len(found.containers) == len(script.containers) - 1


@pytest.mark.parametrize("many", [0, FEW])
def test_an_engine_that_does_not_answer_twice_is_asked_no_more(host: EngineHost, script: Script, many: int) -> None:
    for number in range(many):
        script.containers.append({**script.containers[0], "Id": f"{number:064x}"})
    script.special |= {f"/containers/{each['Id']}/json": Answer({}, late=60) for each in script.containers}
    began = time.monotonic()
    with pytest.raises(EngineUnreachable, match="timed out") as caught:
        look(host, timeout=1.0)
    assert not isinstance(caught.value, AnswerUnusable)
    assert time.monotonic() - began < 15


def test_among_many_it_is_the_same(host: EngineHost, script: Script) -> None:
    for number in range(40):
        script.containers.append({**script.containers[0], "Id": f"{number:064x}"})
    bad = {f"{number:064x}" for number in (3, 17, 39)}
    script.special |= {f"/containers/{each}/json": Answer(NOTHING) for each in bad}
    found = look(host)
    assert {each.id for each in found.hidden} == bad
    assert len(found.containers) == len(script.containers) - 3


def test_an_engine_that_shows_hardly_any_is_what_is_wrong(host: EngineHost, script: Script) -> None:
    bad = [f"{number:064x}" for number in range(HIDDEN + 10)]
    script.containers += [{**script.containers[0], "Id": each} for each in bad]
    script.special |= {f"/containers/{each}/json": Answer(NOTHING) for each in bad}
    with pytest.raises(AnswerUnusable, match="it has no State"):
        look(host)


def test_nothing_is_kept_of_an_answer_that_could_not_be_used(host: EngineHost, script: Script) -> None:
    script.special[HERE] = Answer(NOTHING)
    (hidden,) = look(host).hidden
    assert hidden.error.__traceback__ is None
    assert hidden.error.__cause__ is None
    assert hidden.error.__context__ is None


def test_a_container_that_is_not_there_is_still_gone_when_asked_for(host: EngineHost) -> None:
    with Engine(host) as engine, pytest.raises(Gone):
        engine.inspect_container("f" * 64)
