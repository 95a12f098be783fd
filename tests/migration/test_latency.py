"""The latency table: what is measured, against what, and that nothing is left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netdoctor.cli.main import run
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.migration.latency import Row, measure
from netdoctor.migration.points import Metric, Point
from netdoctor.migration.target import Transport

from .lab import Server, via_host


def test_percentiles_are_times_that_were_measured() -> None:
    row = Row("x", tuple(float(n) for n in range(1, 101)))
    assert row.summary == {"p50": 50.0, "p95": 95.0, "p99": 99.0}
    assert Row("x", (7.0,)).summary == {"p50": 7.0, "p95": 7.0, "p99": 7.0}


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_every_call_is_measured_and_the_scratch_collection_is_gone(
    qdrant: Server, own: str, transport: Transport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    with via_host(qdrant, transport) as target:
        target.create(own, 4, Metric.COSINE)
        with pytest.raises(UsageError, match="nothing to search for"):
            measure(target, own)
        ids = [f"00000000-0000-4000-8000-{n:012x}" for n in range(5)]
        target.upsert(own, [target.encode(Point(i, np.eye(4, dtype=np.float32)[0], {})) for i in ids])
        rows = measure(target, own, rounds=4, write=True)
        assert [row.name for row in rows] == ["search", "count", "collection info", "upsert 1", "upsert 100"]
        assert all(len(row.times) == 4 and row.times[0] > 0 and list(row.times) == sorted(row.times) for row in rows)
        assert target.count(own) == 5
        with pytest.raises(UsageError, match="no collection"):
            measure(target, f"{own}x")
    with via_host(qdrant, Transport.REST) as target:
        names = [each["name"] for each in target._call("GET", "/collections")["collections"]]
    assert not [name for name in names if name.startswith("netdoctor-bench-")]
    to = ["--to", qdrant.url, "--grpc-port", str(qdrant.grpc), "--transport", transport.value, "--rounds", "3"]
    saved = tmp_path / "b.json"
    assert run(["vectors", "bench", own, *to, "--format", "json", "-o", str(saved)]) == Exit.OK
    assert json.loads(saved.read_text())["rows"]["search"]["p50"] > 0
    capsys.readouterr()
    assert run(["vectors", "bench", own, *to, "--baseline", str(saved)]) == Exit.OK
    out, _ = capsys.readouterr()
    assert "p50 to baseline" in out and " x\n" in out
    assert run(["vectors", "bench", own, *to, "--baseline", __file__]) == Exit.USAGE
