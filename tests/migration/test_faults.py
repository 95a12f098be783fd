"""Servers that die, fill up, slow down or storm, networks that break: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from netdoctor.migration.batches import Limits
from netdoctor.migration.events import BatchDone, Event, Retrying
from netdoctor.migration.points import Layout
from netdoctor.migration.run import Options, Result
from netdoctor.migration.target import Transport, open_server
from netdoctor.migration.targets.interface import TargetUnreachable
from netdoctor.vantage.host import HostVantage

from .lab import Server, records, run_once, server, via_host, write_export
from .unruly import Line, line_to


def export_of(tmp_path: Path, own: str, count: int) -> Path:
    return write_export(tmp_path / "e.json", [{**thing, "namespace": own} for thing in records(count, 16)])


def options(**how: object) -> Options:
    return Options(Layout(), Limits(points=10), **{"in_flight": 4, **how})  # type: ignore[arg-type]


def through(line: Line, export: Path, ledger: Path, how: Options, *, timeout: float = 30.0, **more: object) -> Result:
    with open_server(line.address(), vantage=HostVantage(), transport=Transport.REST, timeout=timeout) as target:
        result = run_once(export, target, ledger, how, **more)
        (check,) = result.verification.collections
        assert target.count(check.name) == check.planned
        return result


@pytest.fixture
def line(qdrant: Server) -> Iterator[Line]:
    with line_to(qdrant.rest) as made:
        yield made


@pytest.mark.parametrize("after", ["0", "date", "soon"])
def test_a_storm_of_429_and_503_is_weathered_with_fewer_requests_at_once(
    line: Line, tmp_path: Path, own: str, after: str
) -> None:
    line.storm = 0.5
    line.after = formatdate(time.time(), usegmt=True) if after == "date" else after
    events: list[Event] = []
    result = through(line, export_of(tmp_path, own, 300), tmp_path / "l", options(), listener=events.append)
    assert result.good and result.sent == 300
    waits = [event for event in events if isinstance(event, Retrying)]
    assert len(waits) == line.refused > 5
    assert {"HTTP 429: slow down", "HTTP 503: slow down"} == {wait.reason for wait in waits}


def test_answers_that_are_lost_are_asked_for_again_and_nothing_is_there_twice(
    line: Line, tmp_path: Path, own: str
) -> None:
    line.lost = 0.3
    result = through(line, export_of(tmp_path, own, 150), tmp_path / "l", options())
    assert result.good and result.verification.verified == 150


def test_a_slow_server_is_waited_for(line: Line, tmp_path: Path, own: str) -> None:
    line.slow = 0.05
    assert through(line, export_of(tmp_path, own, 100), tmp_path / "l", options()).good


def test_a_request_that_takes_too_long_is_given_up_and_sent_again(line: Line, tmp_path: Path, own: str) -> None:
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, Retrying):
            line.slow = 0.0
        elif isinstance(event, BatchDone) and event.done == 50:
            line.slow = 1.0

    how = options(in_flight=1)
    result = through(line, export_of(tmp_path, own, 150), tmp_path / "l", how, timeout=0.5, listener=listen)
    assert result.good
    assert "no answer in time" in next(event.reason for event in events if isinstance(event, Retrying))


def test_a_network_that_is_cut_and_restored_costs_time_only(line: Line, tmp_path: Path, own: str) -> None:
    cut = threading.Event()
    mended = threading.Timer(0.6, line.restore)

    def listen(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 60 and not cut.is_set():
            cut.set()
            line.cut()
            mended.start()

    result = through(line, export_of(tmp_path, own, 200), tmp_path / "l", options(), listener=listen)
    mended.join()
    assert cut.is_set() and result.good and result.sent == 200


def test_a_network_that_stays_cut_ends_the_run_and_the_next_one_goes_on(line: Line, tmp_path: Path, own: str) -> None:
    export = export_of(tmp_path, own, 200)

    def listen(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 60:
            line.cut()

    with pytest.raises(TargetUnreachable, match=r"of 200 vectors are written and kept"):
        through(line, export, tmp_path / "l", options(patience=0.5), listener=listen)
    line.restore()
    result = through(line, export, tmp_path / "l", options())
    assert result.good and result.resumed and result.sent <= 150


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_a_server_killed_and_started_again_within_the_patience_goes_unnoticed(
    tmp_path: Path, own: str, transport: Transport
) -> None:
    export = export_of(tmp_path, own, 400)
    with server(tmp_path) as first:
        again: list[threading.Thread] = []
        stop, up = threading.Event(), threading.Event()

        def revive() -> None:
            with server(tmp_path, rest=first.rest, grpc=first.grpc):
                up.set()
                stop.wait(60)

        def listen(event: Event) -> None:
            if isinstance(event, BatchDone) and event.done >= 100 and not again:
                first.process.kill()
                first.process.wait(10)
                again.append(threading.Thread(target=revive))
                again[0].start()

        try:
            with via_host(first, transport, timeout=10.0) as target:
                result = run_once(export, target, tmp_path / "l", options(patience=40.0, repair=True), listener=listen)
                assert up.wait(20) and result.good  # it may answer before we have seen that it does
                assert target.count(own) == 400
        finally:
            stop.set()
            for thread in again:
                thread.join(20)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_disk_that_is_full_is_told_and_once_there_is_room_the_run_goes_on(tmp_path: Path, own: str) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    export = write_export(tmp_path / "e.json", [{**t, "namespace": own} for t in records(1200, 512)])
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "netdoctor-test", str(storage)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        with server(tmp_path) as running:
            # What is left of the disk is less than the vectors need.
            free = os.statvfs(storage)
            (storage / "ballast").write_bytes(b"x" * max(0, free.f_bavail * free.f_frsize - 600_000))
            with (
                via_host(running, Transport.REST) as target,
                pytest.raises(TargetUnreachable, match=r"within 0\.5 s: "),
            ):
                run_once(export, target, tmp_path / "l", options(patience=0.5))
        (storage / "ballast").unlink()
        # A server whose disk is full may have died of it: that is how files in memory end.
        with server(tmp_path, rest=running.rest, grpc=running.grpc) as again, via_host(again, Transport.REST) as target:
            assert run_once(export, target, tmp_path / "l", options(patience=5)).good
            assert target.count(own) == 1200
    finally:
        subprocess.run(["umount", "-l", str(storage)], capture_output=True, check=False)
