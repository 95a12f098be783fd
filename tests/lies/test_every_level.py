"""One value of an honest answer replaced, at every level: it is refused, or all that is made of it stands.

A sample of the values each time; ``NETDOCTOR_LIES=all``: every one.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from typing import Any

import pytest
from topology.inspects import SHAPES, full, stack

from netdoctor.cli.overview import overview_lines
from netdoctor.diagnosis.run import diagnose
from netdoctor.edges.arguments import all_edges
from netdoctor.engine.shapes import Unusable
from netdoctor.engine.told import usable
from netdoctor.formats.interface import FORMATS, Look
from netdoctor.model import Topology, Verdict
from netdoctor.topology.bundle import dump_bundle
from netdoctor.topology.engine import build_topology
from netdoctor.vantage.recorded import Recorded

from . import table

WHOLE = os.environ.get("NETDOCTOR_LIES") == "all"
MISSING = object()
WRONG: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "list": [],
    "object": {},
    "text": "x\x1b[31m\n\u202e/../..",
    "empty": "",
    "number": 4711,
    "negative": -1,
    "huge": 10**40,
    "fraction": 1.5,
    "flag": True,
    "number-as-text": "4711",
    "list-of-null": [None],
    "object-of-null": {"x": None},
    "surrogate": "\ud800",
}
NEEDED = {"Id", "Name", "State", "State.Status", "State.Running", "Config", "HostConfig", "HostConfig.NetworkMode"}
NEEDED |= {"NetworkSettings", "NetworkSettings.Networks"}
Path = tuple[Any, ...]


def paths(value: Any, above: Path = ()) -> Iterator[Path]:
    yield above
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from paths(each, (*above, key))


def changed(value: Any, path: Path, wrong: Any) -> Any:
    if not path:
        return None if wrong is MISSING else wrong
    made = copy.deepcopy(value)
    at = made
    for key in path[:-1]:
        at = at[key]
    if wrong is MISSING:
        del at[path[-1]]
    else:
        at[path[-1]] = wrong
    return made


def cells(name: str, value: Any) -> list[Any]:
    return [
        pytest.param(path, wrong, id=f"{'.'.join(map(str, path)) or 'it'}-{wrong}")
        for path in paths(value)
        for wrong in WRONG
        if WHOLE or table.picked(name, *map(str, path), wrong, one_in=9)
    ]


CONTAINERS, NETWORKS = stack(SHAPES[0])
APP = CONTAINERS[0]
ONE = f"/v1.41/containers/{full('app')}/json"


def stands(topology: Topology) -> None:
    """What every verb makes of a topology, and that nobody is called healthy who was not asked."""
    assert overview_lines(topology)
    report = diagnose(topology, all_edges(topology), Recorded(), timeout=0.1)
    assert not report.edges or all(edge.verdict is not Verdict.HOLDS for edge in report.edges)
    for name in ("human", "json", "sarif"):
        assert FORMATS.get(name).render(report, Look())
    assert dump_bundle(topology)


@pytest.mark.parametrize(("path", "wrong"), cells("inspect", APP))
def test_of_an_inspect(path: Path, wrong: str) -> None:
    told = changed(APP, path, WRONG[wrong])
    try:
        usable("GET", ONE, told)
    except Unusable as error:
        assert error.why.isprintable()
        assert len(error.why) < 400
        return
    assert not (".".join(map(str, path)) in NEEDED and wrong in ("missing", "null", "list"))
    assert path
    stands(build_topology([told, *CONTAINERS[1:]], NETWORKS))


@pytest.mark.parametrize(("path", "wrong"), cells("networks", NETWORKS))
def test_of_the_networks(path: Path, wrong: str) -> None:
    told = changed(NETWORKS, path, WRONG[wrong])
    try:
        usable("GET", "/v1.41/networks", told)
    except Unusable:
        return
    stands(build_topology(CONTAINERS, told))
