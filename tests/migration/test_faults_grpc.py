"""The faults of ``test_faults`` where the target is spoken to in gRPC: nothing is lost, nothing is there twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netdoctor.migration.events import BatchDone, Event, Retrying
from netdoctor.migration.run import Options, Result
from netdoctor.migration.target import Transport, open_server
from netdoctor.migration.targets.interface import TargetUnreachable
from netdoctor.vantage.host import HostVantage

from .lab import Server, run_once
from .test_faults import export_of, options
from .unruly_grpc import GrpcLine, grpc_line_to

Lined = tuple[GrpcLine, Callable[[], None]]


@pytest.fixture
def lined(qdrant: Server) -> Iterator[Lined]:
    with grpc_line_to(qdrant.grpc) as made:
        yield made


def through(
    line: GrpcLine, export: Path, ledger: Path, how: Options, *, timeout: float = 30.0, **more: object
) -> Result:
    with open_server(line.address(), vantage=HostVantage(), transport=Transport.GRPC, timeout=timeout) as target:
        result = run_once(export, target, ledger, how, **more)
        (check,) = result.verification.collections
        assert target.count(check.name) == check.planned
        return result


@pytest.mark.parametrize("after", ["0", "soon"])
def test_a_storm_of_refusals_is_weathered(lined: Lined, tmp_path: Path, own: str, after: str) -> None:
    line, _ = lined
    line.storm, line.after = 0.4, after
    events: list[Event] = []
    result = through(line, export_of(tmp_path, own, 300), tmp_path / "l", options(), listener=events.append)
    assert result.good and result.sent == 300
    assert len([event for event in events if isinstance(event, Retrying)]) == line.refused > 1


def test_answers_that_are_lost_are_asked_for_again(lined: Lined, tmp_path: Path, own: str) -> None:
    line, _ = lined
    line.lost = 0.3
    result = through(line, export_of(tmp_path, own, 150), tmp_path / "l", options())
    assert result.good and result.verification.verified == 150


def test_a_slow_server_is_waited_for_and_one_that_is_too_slow_is_asked_again(
    lined: Lined, tmp_path: Path, own: str
) -> None:
    line, _ = lined
    line.slow = 0.03

    def listen(event: Event) -> None:
        if isinstance(event, Retrying):
            line.slow = 0.0
        elif isinstance(event, BatchDone) and event.done == 50:
            line.slow = 0.9

    how = options(in_flight=1)
    assert through(line, export_of(tmp_path, own, 80), tmp_path / "l", how, timeout=0.5, listener=listen).good
    assert line.slow == 0.0


def test_a_network_that_is_cut_and_restored_costs_time_only(lined: Lined, tmp_path: Path, own: str) -> None:
    line, restore = lined
    cut = threading.Event()
    mended = threading.Timer(0.6, restore)

    def listen(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 60 and not cut.is_set():
            cut.set()
            line.cut()
            mended.start()

    result = through(line, export_of(tmp_path, own, 200), tmp_path / "l", options(), listener=listen)
    mended.join()
    assert cut.is_set() and result.good and result.sent == 200


def test_a_network_that_stays_cut_ends_the_run_and_the_next_one_goes_on(lined: Lined, tmp_path: Path, own: str) -> None:
    line, restore = lined
    export = export_of(tmp_path, own, 200)
    cut = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 60 and not cut.is_set():
            cut.set()
            line.cut()

    with pytest.raises(TargetUnreachable, match=r"of 200 vectors are written and kept"):
        through(line, export, tmp_path / "l", options(patience=0.5), listener=listen)
    restore()
    result = through(line, export, tmp_path / "l", options())
    assert result.good and result.resumed and result.sent <= 150
