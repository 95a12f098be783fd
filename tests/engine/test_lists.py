"""An impossible entry of a list is set aside with what can be read of it; the others are what they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_engine import Answer, Script, fake_engine
from topology.inspects import SHAPES, full, stack

from netdoctor.engine.client import Engine
from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.lists import MOST, Listed, listed
from netdoctor.errors import AnswerUnusable

PATH = "/containers/json"
GOOD = {"Id": full("app"), "Names": ["/app"], "Labels": {}}
DB: dict[str, Any] = {"Id": full("db"), "Names": ["/db"], "Labels": {"a": "b"}}


@pytest.fixture
def script() -> Script:
    return Script(*stack(SHAPES[0]))


@pytest.fixture
def host(tmp_path: Path, script: Script) -> Iterator[EngineHost]:
    with fake_engine(tmp_path / "e.sock", script) as url:
        yield EngineHost(url, "--host")


def look(host: EngineHost, script: Script, told: Any, path: str = PATH) -> Listed:
    script.special[path] = Answer(told)
    with Engine(host) as engine:
        return listed(engine, path, "list them")


@pytest.mark.parametrize(
    ("entry", "why", "id_", "names", "labels"),
    [
        (None, "entry 2 is null and not an object", None, None, None),
        ([1], "entry 2 is a list and not an object", None, None, None),
        ("db", "entry 2 is a text ('db') and not an object", None, None, None),
        ({}, "entry 2 has no Id", None, None, None),
        ({**DB, "Id": None}, "entry 2 has no Id", None, ("/db",), {"a": "b"}),
        ({**DB, "Id": "../x"}, "entry 2.Id is a text ('../x') and not an id", None, ("/db",), {"a": "b"}),
        ({**DB, "Names": "db"}, "entry 2.Names is a text ('db') and not a list", full("db"), None, {"a": "b"}),
        ({**DB, "Names": [None]}, "entry 2.Names[0] is null and not a text", full("db"), None, {"a": "b"}),
        ({**DB, "Labels": [1]}, "entry 2.Labels is a list and not an object", full("db"), ("/db",), None),
        ({**DB, "State": 7}, "entry 2.State is a number (7) and not a text", full("db"), ("/db",), {"a": "b"}),
    ],
    ids=str,
)
def test_one_is_set_aside_with_what_it_says(
    host: EngineHost, script: Script, entry: Any, why: str, id_: Any, names: Any, labels: Any
) -> None:
    found = look(host, script, [GOOD, entry])
    assert found.entries == (GOOD,)
    (broken,) = found.broken
    assert (broken.number, broken.id, broken.names, broken.labels) == (2, id_, names, labels)
    assert why in broken.error.message


def test_of_networks_too(host: EngineHost, script: Script) -> None:
    networks = script.networks
    wrong = {**networks[1], "IPAM": {"Config": [{"Subnet": "nonsense"}]}}
    found = look(host, script, [networks[0], wrong, *networks[2:]], "/networks")
    assert list(found.entries) == [networks[0], *networks[2:]]
    assert [(each.id, each.names) for each in found.broken] == [(full("back"), ("back",))]


@pytest.mark.parametrize("told", [None, {}, "x", 5, [None], [{}, None]], ids=str)
def test_where_nothing_is_left_the_list_is_what_is_wrong(host: EngineHost, script: Script, told: Any) -> None:
    with pytest.raises(AnswerUnusable, match="Could not list them"):
        look(host, script, told)


def test_nobody_reads_about_more_broken_ones_than_that(host: EngineHost, script: Script) -> None:
    assert len(look(host, script, [GOOD, *[None] * MOST]).broken) == MOST
    with pytest.raises(AnswerUnusable, match="entry 2 is null"):
        look(host, script, [GOOD, *[None] * (MOST + 1)])


def test_whoever_wants_all_networks_is_told_of_the_broken_one(host: EngineHost, script: Script) -> None:
    script.networks.append({"Name": "odd"})
    with Engine(host) as engine:
        assert len(engine.networks_told().entries) == len(script.networks) - 1
        with pytest.raises(AnswerUnusable, match="has no Id"):
            engine.networks()
