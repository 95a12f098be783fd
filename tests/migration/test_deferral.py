"""Indexing is put off on collections of our own only, and put back however a run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netdoctor.migration import deferral
from netdoctor.migration.batches import Limits
from netdoctor.migration.events import BatchDone, Event
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.run import Options
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Making, Target, TargetUnreachable

from .lab import Server, records, run_once, server, via_host, write_export

TRANSPORTS = pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
CHILD = """
import os, signal, sys
from pathlib import Path
from netdoctor.migration import deferral, prepare, run
from netdoctor.migration.address import Address
from netdoctor.migration.batches import Limits
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport, open_server

rest, grpc, export, ledger, point = sys.argv[1:]
deferral.WORTH = 0
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)

def after(real):
    return lambda *given, **named: (real(*given, **named), die())

with open_server(Address("http", "127.0.0.1", "127.0.0.1", int(rest), int(grpc)),
                 vantage=None, transport=Transport.REST) as target:
    book = open_ledger(Path(ledger))
    if point == "told":
        book.set_deferred = after(book.set_deferred)
    elif point == "changed":
        target.set_indexing_threshold = after(target.set_indexing_threshold)
    elif point == "written":
        run.restore = die
    elif point == "restored":
        book.forget_deferred = die
    run.migrate(ExportJson(Path(export)), target, book, run.Options(Layout(), Limits(points=10)))
"""


@pytest.fixture(autouse=True)
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferral, "WORTH", 0.0)


def export_of(tmp_path: Path, own: str, count: int = 60) -> Path:
    things = records(count)
    for thing in things:
        thing["namespace"] = own
    return write_export(tmp_path / "e.json", things)


def threshold(target: Target, name: str) -> int | None:
    state = target.collection(name)
    assert state is not None
    return state.indexing_threshold


def options(**how: Any) -> Options:
    return Options(Layout(), Limits(points=10), **how)


@TRANSPORTS
def test_it_is_off_while_points_are_written_and_as_before_afterwards(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport
) -> None:
    seen = []
    with via_host(qdrant, transport) as target:
        target.create(f"{own}-usual", 8, Metric.COSINE)
        usual = threshold(target, f"{own}-usual")

        def listen(event: Event) -> None:
            if isinstance(event, BatchDone):
                seen.append(threshold(target, own))

        assert run_once(export_of(tmp_path, own), target, tmp_path / "l", options(), listener=listen).good
        assert set(seen) == {deferral.OFF}
        assert threshold(target, own) == usual and usual
        ledger = open_ledger(tmp_path / "l")
        assert ledger.deferred() == {}
        ledger.close()


@TRANSPORTS
def test_a_collection_that_was_there_before_is_left_alone(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport
) -> None:
    changed: list[str] = []
    with via_host(qdrant, transport) as target:
        target.create(own, 8, Metric.COSINE)
        target.set_indexing_threshold(own, 123)
        target.set_indexing_threshold = lambda name, _: changed.append(name)
        assert run_once(export_of(tmp_path, own), target, tmp_path / "l", options()).good
        assert threshold(target, own) == 123
    assert changed == []


def test_a_collection_too_small_to_be_indexed_is_not_touched(
    qdrant: Server, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deferral, "WORTH", 1.0)
    changed: list[str] = []
    with via_host(qdrant, Transport.AUTO) as target:
        target.set_indexing_threshold = lambda name, _: changed.append(name)
        assert run_once(export_of(tmp_path, own), target, tmp_path / "l", options()).good
    assert changed == []


@pytest.mark.parametrize("point", ["told", "changed", "written", "restored"])
def test_killed_at_any_step_the_next_start_puts_it_back(qdrant: Server, tmp_path: Path, own: str, point: str) -> None:
    export = export_of(tmp_path, own)
    arguments = [str(qdrant.rest), str(qdrant.grpc), str(export), str(tmp_path / "l"), point]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], timeout=60, capture_output=True, check=False, env=os.environ.copy()
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    with via_host(qdrant, Transport.REST) as target:
        target.create(f"{own}-usual", 8, Metric.COSINE)
        left = threshold(target, own)
        assert left == (deferral.OFF if point in ("changed", "written") else threshold(target, f"{own}-usual"))
        assert run_once(export, target, tmp_path / "l", options()).good
        assert threshold(target, own) == threshold(target, f"{own}-usual")


def test_a_failed_run_puts_it_back_when_it_can_and_the_next_one_when_not(tmp_path: Path, own: str) -> None:
    export = export_of(tmp_path, own, 400)

    def interrupt(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 100:
            raise KeyboardInterrupt

    with server(tmp_path) as first, via_host(first, Transport.REST) as target:
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", options(), listener=interrupt)
        usual = threshold(target, own)
        assert usual and usual < deferral.OFF

        def kill(event: Event) -> None:
            if isinstance(event, BatchDone) and event.done >= 250:
                first.process.kill()

        with pytest.raises(TargetUnreachable):
            run_once(export, target, tmp_path / "l", options(patience=0.5), listener=kill)
    with server(tmp_path, rest=first.rest, grpc=first.grpc) as second, via_host(second, Transport.REST) as target:
        assert threshold(target, own) == deferral.OFF
        assert run_once(export, target, tmp_path / "l", options()).good
        assert threshold(target, own) == usual


@TRANSPORTS
def test_a_collection_bears_the_mark_of_its_run_and_the_wishes_for_it(
    qdrant: Server, own: str, transport: Transport
) -> None:
    with via_host(qdrant, transport) as target:
        target.create(own, 8, Metric.DOT, Making("run-1", True, True, 1, 1, "scalar"))
        state = target.collection(own)
        assert state is not None
        assert (state.run, state.dimension, state.metric) == ("run-1", 8, Metric.DOT)
        target.create(f"{own}2", 8, Metric.DOT)
        other = target.collection(f"{own}2")
        assert other is not None and other.run == ""
        target.drop(own)
        assert target.collection(own) is None


def test_a_collection_that_hides_what_is_not_indexed_is_not_put_off(tmp_path: Path) -> None:
    from netdoctor.migration.plan import CollectionPlan
    from netdoctor.migration.retry import Retry
    from netdoctor.migration.targets.interface import CollectionState

    class Hiding:
        def collection(self, name: str) -> CollectionState:
            return CollectionState(name, 4, Metric.COSINE, 0, indexing_threshold=10_000, hides=True)

    ledger = open_ledger(tmp_path / "l")
    deferral.defer(CollectionPlan("a", 4, 10**9), Hiding(), ledger, Retry())  # type: ignore[arg-type]
    assert not ledger.deferred()
    ledger.close()
