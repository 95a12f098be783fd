"""Collections that keep fewer bits: what is right is accepted, what is destroyed refused, what is wrong found."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.migration.datatypes import kept, unfit, with_datatypes
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.retry import Retry
from netdoctor.migration.rollback import Run, roll_back
from netdoctor.migration.run import Options
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Making, Query
from netdoctor.migration.writer import RecordRefused

from .lab import Server, records, run_once, via_host, write_export


def things(datatype: str, count: int = 60) -> list[dict[str, Any]]:
    chance = random.Random(4)
    made = records(count)
    for thing in made:
        thing["namespace"] = ""
        if datatype == "uint8":
            thing["values"] = [chance.choice([0.0, 3.0, 17.25, 255.0, 254.5]) for _ in range(8)]
            thing["values"][0] = 9.0
    return made


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("datatype", ["float16", "uint8"])
@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST], ids=lambda each: each.value)
def test_what_is_kept_in_fewer_bits_is_verified_exactly(
    qdrant: Server, own: str, tmp_path: Path, metric: Metric, datatype: str, transport: Transport
) -> None:
    export = write_export(tmp_path / "export.json", things(datatype))
    options = Options(Layout(metric=metric, default_collection=own))
    with via_host(qdrant, transport) as target:
        target.create(own, 8, metric, Making(datatype=datatype))
        state = target.collection(own)
        assert state is not None
        assert state.datatype == datatype
        result = run_once(export, target, tmp_path / "ledger", options)
        assert result.verification.problems == ()
        assert result.good
        assert result.verification.exact
        assert result.verification.reread == 0
        # One point damaged by as little as the datatype can tell.
        layout = with_datatypes(result.plan.layout, [own], target, Retry())
        point = layout.points(list(result.plan.kept or ())[5:6])[0]
        odd = point.vector.copy()
        odd[0] = np.nextafter(odd[0].astype(np.float16), np.float16(9)) if datatype == "float16" else odd[0] + 1
        target.upsert(own, [target.encode(replace(point, vector=odd, sent=None))])
        again = run_once(export, target, tmp_path / "ledger", options)
        # Cosine vectors are normalised by the server, so half a step may round to what was there.
        if datatype == "uint8" or metric is not Metric.COSINE:
            assert not again.good
            assert "vector differs" in again.verification.problems[0]


@pytest.mark.parametrize(
    ("datatype", "values", "why"),
    [
        ("uint8", [-1.0, 2.0], "not between 0 and 255"),
        ("uint8", [256.0, 2.0], "not between 0 and 255"),
        ("uint8", [0.1, 0.9], "all zeros"),
        ("float16", [70_000.0, 1.0], "too large"),
        ("float16", [1e-9, 1e-10], "all zeros"),
    ],
)
def test_what_a_datatype_would_destroy_is_refused(
    qdrant: Server, own: str, tmp_path: Path, datatype: str, values: list[float], why: str
) -> None:
    assert why in str(unfit(np.array(values, dtype=np.float32), datatype))
    made = [{"id": "a", "values": [1.0, 2.0]}, {"id": "b", "values": values}]
    export = write_export(tmp_path / "export.json", made)
    options = Options(Layout(metric=Metric.DOT, default_collection=own))
    with via_host(qdrant, Transport.GRPC) as target:
        target.create(own, 2, Metric.DOT, Making(datatype=datatype))
        with pytest.raises(RecordRefused, match=f"(?i)record 2.*{why}"):
            run_once(export, target, tmp_path / "ledger", options)
        assert target.count(own) <= 1


def test_float32_is_kept_as_it_is() -> None:
    vector = np.array([1e-30, 3e38, -0.0], dtype=np.float32)
    assert kept(vector, "float32") is vector
    assert unfit(vector, "float32") is None


def test_a_quantised_collection_is_verified_by_its_originals(qdrant: Server, own: str, tmp_path: Path) -> None:
    export = write_export(tmp_path / "export.json", things("float32", 200))
    options = Options(Layout(default_collection=own))
    with via_host(qdrant, Transport.GRPC) as target:
        for name, quantization in ((own, "scalar"), (f"{own}b", "binary")):
            target.create(name, 8, Metric.COSINE, Making(quantization=quantization))
            one = replace(options, layout=Layout(default_collection=name))
            result = run_once(export, target, tmp_path / name, one)
            assert result.good
            assert result.verification.exact
        ((hit, *_),) = target.search(own, [Query(np.ones(8, dtype=np.float32))], 3)
        assert hit.id


@pytest.mark.parametrize("datatype", ["float16", "uint8"])
def test_what_a_run_wrote_in_fewer_bits_is_taken_back(qdrant: Server, own: str, tmp_path: Path, datatype: str) -> None:
    made = things(datatype)
    export = write_export(tmp_path / "export.json", made)
    options = Options(Layout(metric=Metric.COSINE, default_collection=own))
    with via_host(qdrant, Transport.GRPC) as target:
        target.create(own, 8, Metric.COSINE, Making(datatype=datatype))
        assert run_once(export, target, tmp_path / "ledger", options).good
        ledger = open_ledger(tmp_path / "ledger")
        try:
            source = ExportJson(export)
            result = roll_back(source, target, Run.of(ledger, source, target.address), retry=Retry())
        finally:
            ledger.close()
        assert (result.deleted, result.kept) == (len(made), 0)
        assert target.count(own) == 0
