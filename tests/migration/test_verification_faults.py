"""Each way to be wrong, for every metric, datatype and transport: told by record, and right again when repaired.

And on the other side: vectors of any length, the same vector twice and points of others are no fault.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.migration.batches import Limits
from netdoctor.migration.points import Layout, Metric, Point, point_id
from netdoctor.migration.prepare import Wishes
from netdoctor.migration.run import Options, Result
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Making, Target, TargetRefused

from .lab import Server, records, run_once, via_host, write_export

COUNT, VICTIM, OTHER = 40, 7, 23


def things(own: str, datatype: str) -> list[dict[str, Any]]:
    """Of every length, and a few of them the same."""
    chance = random.Random(9)
    made = records(COUNT, 8)
    for number, thing in enumerate(made):
        thing["namespace"] = own
        if datatype == "uint8":
            thing["values"] = [float(chance.randrange(1, 120)) for _ in range(8)]
        else:
            thing["values"] = [value * (1 + number % 9) for value in thing["values"]]
        if number > COUNT - 5:
            thing["values"] = made[3]["values"]
    return made


def nearest(vector: Any, datatype: str) -> Any:
    """The same vector with one value off by as little as the datatype can tell."""
    odd = vector.copy()
    if datatype == "uint8":
        odd[2] += 1
    elif datatype == "float16":
        odd[2] = np.nextafter(odd[2].astype(np.float16), np.float16(9))
    else:
        odd.view(np.uint32)[2] ^= 1
    return odd


Fault = Callable[[Target, str, Point, Point], None]


def send(target: Target, own: str, *points: Point) -> None:
    target.upsert(own, [target.encode(point) for point in points])


def faults(datatype: str) -> dict[str, Fault]:
    def flip(t: Target, own: str, one: Point, _other: Point) -> None:
        send(t, own, replace(one, vector=nearest(one.vector, datatype)))

    def scale(t: Target, own: str, one: Point, _other: Point) -> None:
        send(t, own, replace(one, vector=one.vector * np.float32(2)))

    def turn(t: Target, own: str, one: Point, _other: Point) -> None:
        send(t, own, replace(one, vector=np.roll(one.vector, 1)))

    def poison(t: Target, own: str, one: Point, _other: Point) -> None:
        send(t, own, replace(one, vector=np.where(np.arange(8) == 2, np.float32(np.nan), one.vector)))

    def swap(t: Target, own: str, one: Point, other: Point) -> None:
        send(t, own, replace(one, payload=other.payload), replace(other, payload=one.payload))

    def lose(t: Target, own: str, one: Point, _other: Point) -> None:
        t.delete(own, [one.id])

    return {"flip": flip, "scale": scale, "turn": turn, "poison": poison, "swap": swap, "lose": lose}


def held(target: Target, own: str, ids: list[str]) -> list[tuple[bytes, str] | None]:
    found = target.retrieve(own, ids)
    return [(found[key].vector.tobytes(), repr(found[key].payload)) if key in found else None for key in ids]


GRPC, REST = Transport.GRPC, Transport.REST
CASES = [
    (datatype, metric, transport)
    for datatype in ("float32", "float16", "uint8")
    for metric in Metric
    for transport in (GRPC, REST)
    # Of the narrow ones a few each time; NETDOCTOR_FAULTS=all: every one.
    if datatype == "float32"
    or os.environ.get("NETDOCTOR_FAULTS") == "all"
    or (metric, transport) in {(Metric.COSINE, GRPC), (Metric.DOT, REST)}
]


@pytest.mark.parametrize(("datatype", "metric", "transport"), CASES)
def test_what_is_wrong_is_found_and_what_is_right_is_not(
    qdrant: Server, tmp_path: Path, own: str, datatype: str, metric: Metric, transport: Transport
) -> None:
    made = things(own, datatype)
    export = write_export(tmp_path / "e.json", made)
    making = Making(datatype=None if datatype == "float32" else datatype)
    options = Options(Layout(metric=metric), Limits(points=20), wishes=Wishes(making))
    ids = [point_id(made[number]["id"]) for number in (VICTIM, OTHER)]
    with via_host(qdrant, transport) as target:

        def again(**how: Any) -> Result:
            return run_once(export, target, tmp_path / "l", replace(options, **how))

        assert again().good
        stranger = Point("00000000-0000-4000-8000-00000000000a", np.full(8, 3, dtype=np.float32), {"theirs": True})
        send(target, own, stranger)
        checked = again().verification
        assert checked.good and checked.verified == COUNT and checked.reread == 0
        assert checked.searched == checked.found == COUNT
        right = held(target, own, ids)
        took = []
        for name, fault in faults(datatype).items():
            points = target.retrieve(own, ids)
            try:
                fault(target, own, points[ids[0]], points[ids[1]])
            except (TargetRefused, ValueError):
                continue  # what cannot be sent cannot be there
            if held(target, own, ids) == right:
                continue  # a server that normalises has put it right again
            took.append(name)
            result = again()
            wrong = 2 if name == "swap" else 1
            assert not result.good and result.verification.verified == COUNT - wrong, name
            assert f"record {VICTIM + 1} " in result.verification.problems[0], name
            assert again(repair=True).good, name
            assert held(target, own, ids) == right, name
        assert {"turn", "swap", "lose"} <= set(took)
        if metric is not Metric.COSINE:
            assert {"flip", "scale"} <= set(took)
        assert "poison" in took or transport is REST  # JSON has no NaN
