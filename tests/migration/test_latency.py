"""The latency table: what is measured, and that nothing is left behind, whatever happens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.cli.main import run
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.migration.latency import SCRATCH, Row, measure
from netdoctor.migration.points import Metric, Point
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Making, TargetUnreachable, Transient

from .lab import Server, via_host
from .test_run import Broken

KINDS = ["health", "search", "count", "collection info", "upsert 1", "upsert 100"]


def test_percentiles_are_times_that_were_measured() -> None:
    row = Row("x", tuple(float(n) for n in range(1, 101)))
    assert row.summary == {"p50": 50.0, "p95": 95.0, "p99": 99.0}
    assert Row("x", (7.0,)).summary == {"p50": 7.0, "p95": 7.0, "p99": 7.0}


def fill(target: Any, own: str) -> None:
    target.create(own, 4, Metric.COSINE)
    ids = [f"00000000-0000-4000-8000-{n:012x}" for n in range(5)]
    target.upsert(own, [target.encode(Point(i, np.eye(4, dtype=np.float32)[0], {"a": "b"})) for i in ids])


def scratch_left(qdrant: Server) -> list[str]:
    with via_host(qdrant, Transport.REST) as target:
        names = [each["name"] for each in target._call("GET", "/collections")["collections"]]
    return [name for name in names if name.startswith(SCRATCH)]


def to(qdrant: Server, *more: str) -> list[str]:
    return ["--to", qdrant.url, "--grpc-port", str(qdrant.grpc), "--rounds", "3", *more]


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_every_call_is_measured_and_the_scratch_collection_is_gone(
    qdrant: Server, own: str, transport: Transport
) -> None:
    with via_host(qdrant, transport) as target:
        target.create(f"{own}e", 4, Metric.COSINE)
        with pytest.raises(UsageError, match="nothing to search for"):
            measure(target, f"{own}e")
        fill(target, own)
        rows = measure(target, own, rounds=4, write=True)
        assert [row.name for row in rows] == KINDS
        assert all(len(row.times) == 4 and row.times[0] > 0 and list(row.times) == sorted(row.times) for row in rows)
        assert [row.name for row in measure(target, own, rounds=1)] == KINDS[:4]
        assert target.count(own) == 5
        with pytest.raises(UsageError, match="no collection"):
            measure(target, f"{own}x")
    assert scratch_left(qdrant) == []


def busy() -> None:
    raise Transient("HTTP 503: busy")


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", ["create", "upsert", "drop"])
@pytest.mark.parametrize(("fault", "told"), [(interrupted, KeyboardInterrupt), (busy, TargetUnreachable)])
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_fault_at_any_call_of_the_scratch_collection_leaves_none(
    qdrant: Server, own: str, call: str, fault: Callable[[], None], told: type[BaseException], carried_out: bool
) -> None:
    if call == "drop" and fault is busy:
        told = type(None)  # tried again, and nobody needs to know
    faults = [fault]
    with via_host(qdrant, Transport.REST) as real:
        fill(real, own)

        def once(*words: Any) -> Any:
            if not faults:
                return getattr(real, call)(*words)
            if carried_out:
                getattr(real, call)(*words)
            return faults.pop()()

        broken: Any = Broken(real, **{call: once})
        if told is type(None):
            assert len(measure(broken, own, rounds=1, write=True)) == 6
        else:
            with pytest.raises(told):
                measure(broken, own, rounds=1, write=True)
    assert scratch_left(qdrant) == []


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_what_a_killed_measurement_left_is_dropped_and_what_another_one_uses_is_not(
    qdrant: Server, own: str, transport: Transport
) -> None:
    with via_host(qdrant, transport) as target:
        fill(target, own)
        target.create(f"{SCRATCH}0", 4, Metric.COSINE, Making(run=f"bench {time.time() - 7200:.0f}"))
        target.create(f"{SCRATCH}1", 4, Metric.COSINE, Making(run=f"bench {time.time():.0f}"))
        measure(target, own, rounds=1, write=True)
        assert scratch_left(qdrant) == [f"{SCRATCH}1"]
        target.create(f"{SCRATCH}0", 4, Metric.COSINE)  # nobody knows whose
        measure(target, own, rounds=1, write=True)
        assert scratch_left(qdrant) == [f"{SCRATCH}0", f"{SCRATCH}1"]
        for number in range(2, 8):
            target.create(f"{SCRATCH}{number}", 4, Metric.COSINE)
        with pytest.raises(UsageError, match="8 measurements are under way"):
            measure(target, own, rounds=1, write=True)
        assert len(scratch_left(qdrant)) == 8
        for number in range(8):
            target.drop(f"{SCRATCH}{number}")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_nothing_left(qdrant: Server, own: str, sent: signal.Signals) -> None:
    with via_host(qdrant, Transport.REST) as target:
        fill(target, own)
    # A shell's background commands ignore SIGINT; this one must not.
    command = [sys.executable, "-m", "netdoctor", "vectors", "bench", own, "--to", qdrant.url, "--rounds", "600"]
    working = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        deadline = time.monotonic() + 60
        while not scratch_left(qdrant):
            assert working.poll() is None and time.monotonic() < deadline, "no scratch collection was seen"
            time.sleep(0.02)
        working.send_signal(sent)
        out, err = working.communicate(timeout=30)
    finally:
        working.kill()
    assert (working.returncode, out) == (int(Exit.INTERRUPTED), ""), err
    assert "interrupted" in err and "Traceback" not in err
    assert scratch_left(qdrant) == []


def test_a_measurement_is_saved_compared_and_drawn(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with via_host(qdrant, Transport.REST) as target:
        fill(target, own)
    saved, plot = tmp_path / "b.json", tmp_path / "p.svg"
    assert run(["vectors", "bench", own, *to(qdrant), "--save", str(saved), "--plot", str(plot), "--capacity"]) == 0
    out, _ = capsys.readouterr()
    assert "upsert 100" in out and "100,000,000" in out and "load" in out
    kept = json.loads(saved.read_text())
    assert (kept["schema"], list(kept["rows"])) == ("netdoctor.latency/1", KINDS)
    assert kept["capacity"]["dimension"] == 4 and kept["container"] is None
    assert plot.read_text().startswith("<?xml")
    assert run(["vectors", "bench", own, *to(qdrant), "--baseline", str(saved), "--no-write"]) == 0
    out, _ = capsys.readouterr()
    assert "compared with b: times divided by its times" in out
    assert "not measured here: upsert 1, upsert 100" in out
    pinecone = tmp_path / "pinecone.json"
    pinecone.write_text('{"name": "Pinecone", "rows": {"search": {"p50": 35.0}}}')
    assert run(["vectors", "bench", own, *to(qdrant), "--baseline", str(pinecone), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["baseline"] == "Pinecone" and told["ratios"].keys() == {"search"}
    assert told["ratios"]["search"] == {"p50": pytest.approx(told["rows"]["search"]["p50"] / 35, abs=0.001)}


def test_what_cannot_be_written_or_reported_is_said_before_anything_is_measured(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "no" / "such")
    for option in ("--save", "--plot"):
        assert run(["vectors", "bench", own, *to(qdrant), option, nowhere]) == Exit.USAGE
        assert "There is no folder for" in capsys.readouterr().err
    assert run(["vectors", "bench", own, *to(qdrant), "--format", "junit"]) == Exit.USAGE
    assert "human or json" in capsys.readouterr().err
    assert run(["vectors", "bench", own, *to(qdrant), "--baseline", __file__]) == Exit.USAGE
    assert "no JSON file" in capsys.readouterr().err


def test_a_server_that_goes_away_is_a_sentence(own: str, qdrant: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with via_host(qdrant, Transport.REST) as real:
        fill(real, own)
        answers = iter(range(5))

        def count(name: str) -> int:
            if next(answers, None) is None:
                busy()
            return 5

        broken: Any = Broken(real, count=count)
        with pytest.raises(TargetUnreachable, match="stopped answering while it was measured: HTTP 503"):
            measure(broken, own)
