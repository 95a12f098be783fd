"""What users, shells and machines do to a running migration: streams close, orders to stop come, ledgers are odd."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.deferral import OFF
from netdoctor.migration.ledger import LedgerBusy, LedgerFailed, open_ledger
from netdoctor.migration.target import Transport

from .lab import Server, records, run_once, via_host, write_export
from .test_faults import options

NETDOCTOR = (sys.executable, "-m", "netdoctor")
Output = pytest.CaptureFixture[str]


def export_of(folder: Path, own: str, count: int = 40, dimension: int = 4) -> Path:
    return write_export(folder / "e.json", [{**thing, "namespace": own} for thing in records(count, dimension)])


def typed(qdrant: Server, export: Path, *more: str) -> list[str]:
    return ["migrate", str(export), "--to", qdrant.url, "--transport", "rest", *more]


@pytest.mark.parametrize(
    ("tail", "status"),
    [
        ("<&-", 0),
        (">&-", 0),
        ("2>&-", 0),
        ("2>/dev/full", 0),
        ("2>&1 >/dev/null | head -1", 0),
        ("--format json | head -c 1", 0),
        (">/dev/full", 2),
    ],
)
def test_streams_that_close_or_fill_up_do_not_stop_it(
    qdrant: Server, tmp_path: Path, own: str, tail: str, status: int
) -> None:
    export = export_of(tmp_path, own)
    typed_in = '"$@"' + f" {tail}; exit ${{PIPESTATUS[0]}}"
    shell = ["bash", "-c", typed_in, "bash", *NETDOCTOR, *typed(qdrant, export, "--batch-size", "2")]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    with via_host(qdrant, Transport.REST) as target:
        assert target.count(own) == 40


CHILD = """
import sys, time
from netdoctor.migration import deferral
from netdoctor.migration.targets.rest import RestTarget
deferral.WORTH = 0.0
upsert = RestTarget.upsert
def slowly(*arguments, **more):
    time.sleep(0.04)
    return upsert(*arguments, **more)
RestTarget.upsert = slowly
from netdoctor.cli.main import main
main(sys.argv[1:])
"""
"""Fifteen seconds for what comes: the order is there before the end, however busy the machine is."""


@pytest.mark.parametrize(
    "orders", [(signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGINT,), (signal.SIGINT,) * 5], ids=str
)
def test_an_order_to_stop_puts_indexing_back_and_the_same_command_goes_on(
    qdrant: Server, tmp_path: Path, own: str, capsys: Output, orders: tuple[signal.Signals, ...]
) -> None:
    export = export_of(tmp_path, own, 1500)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    command = [sys.executable, "-c", CHILD, *typed(qdrant, export, "--batch-size", "1")]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
        # Under nohup it would be ignored, which the child keeps to.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    assert child.stderr is not None and child.stdout is not None
    try:
        assert any(line.startswith(b"Batch ") for line in child.stderr)
        for order in orders:
            child.send_signal(order)
        _, err = child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait(10)
    # The second of two may end it while it is ending.
    assert child.returncode == 130 or (len(orders) > 1 and child.returncode == -signal.SIGINT)
    assert b"Traceback" not in err
    with via_host(qdrant, Transport.REST) as target:
        state = target.collection(own)
        assert state is not None and 0 < target.count(own) < 1500
        if len(orders) == 1:
            assert not list(scratch.iterdir())
            assert state.indexing_threshold is not None and state.indexing_threshold < OFF
    assert run(typed(qdrant, export, "-q")) == Exit.OK
    assert "1500 of 1500 vectors are in Qdrant, verified" in capsys.readouterr().out


def _folder(path: Path) -> None:
    path.mkdir()


def _text(path: Path) -> None:
    path.write_text("hello " * 1000)


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def _link_to_null(path: Path) -> None:
    path.symlink_to("/dev/null")


def _older(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.bind({})
    ledger.close()
    with sqlite3.connect(path) as base:
        base.execute("UPDATE fact SET value = '1' WHERE name = 'format'")
    base.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_folder, "it is no plain file"),
        (_text, "file is not a database"),
        (_link_to_itself, "cannot be used"),
        (_link_to_null, "it is no plain file"),
        (os.mkfifo, "it is no plain file"),
        (_older, "written by another version of netdoctor"),
    ],
)
@pytest.mark.parametrize("restart", [(), ("--restart",)], ids=["", "restart"])
def test_what_is_no_ledger_of_ours_is_told_and_left_as_it_is(
    qdrant: Server,
    tmp_path: Path,
    own: str,
    capsys: Output,
    make: Callable[[Path], None],
    words: str,
    restart: tuple[str, ...],
) -> None:
    export, ledger = export_of(tmp_path, own), tmp_path / "l"
    make(ledger)
    before = ledger.lstat()
    assert run(typed(qdrant, export, "--ledger", str(ledger), *restart)) == Exit.USAGE
    err = capsys.readouterr().err
    assert words in err and "--ledger" in err
    after = ledger.lstat()
    assert (after.st_size, after.st_mode, after.st_ino) == (before.st_size, before.st_mode, before.st_ino)
    with via_host(qdrant, Transport.REST) as target:
        assert target.collection(own) is None


def test_ledgers_at_odd_places_are_ledgers_and_a_link_is_the_same_ledger(
    qdrant: Server, tmp_path: Path, own: str, capsys: Output
) -> None:
    odd = tmp_path / "sp ace %20?x=1#y \u00e9\n"
    odd.mkdir()
    export = export_of(odd, own)
    assert run(typed(qdrant, export, "-q")) == Exit.OK
    link = tmp_path / "link"
    link.symlink_to(odd / "e.json.netdoctor.sqlite")
    held = open_ledger(odd / "e.json.netdoctor.sqlite")
    with pytest.raises(LedgerBusy):
        open_ledger(link)
    held.close()
    assert run(typed(qdrant, export, "-q", "--ledger", str(link), "--format", "json")) == Exit.OK
    told = capsys.readouterr().out
    assert json.loads(told[told.index("{") :])["resumed"] is True
    assert run(typed(qdrant, export, "--ledger", str(tmp_path / "no" / "l"))) == Exit.USAGE
    assert f"there is no folder {tmp_path / 'no'}" in capsys.readouterr().err


def test_the_ledger_of_another_export_is_told_as_that(qdrant: Server, tmp_path: Path, own: str, capsys: Output) -> None:
    export = export_of(tmp_path, own)
    assert run(typed(qdrant, export, "-q")) == Exit.OK
    other = write_export(tmp_path / "other.json", [{**t, "namespace": own} for t in records(7, 4, seed=1)])
    assert run(typed(qdrant, other, "--ledger", f"{export}.netdoctor.sqlite")) == Exit.USAGE
    err = capsys.readouterr().err
    assert "The export other.json has changed since the ledger" in err and "or is another one" in err
    assert "--ledger" in err and "--restart" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_ledger_whose_disk_is_full_is_told_and_once_there_is_room_the_run_goes_on(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    export = export_of(tmp_path, own, 600)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "netdoctor-test", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        ledger = small / "l"
        open_ledger(ledger).close()
        free = os.statvfs(small)
        (small / "ballast").write_bytes(b"x" * (free.f_bavail * free.f_frsize - 200_000))
        with via_host(qdrant, Transport.REST) as target:
            with pytest.raises(LedgerFailed, match="database or disk is full") as caught:
                run_once(export, target, ledger, options())
            assert "repeat the same command" in caught.value.hint
            assert target.count(own) > 0
            (small / "ballast").unlink()
            result = run_once(export, target, ledger, options(request_timeout=0.2))
            assert result.good and result.resumed and target.count(own) == 600
    finally:
        subprocess.run(["umount", "-l", str(small)], capture_output=True, check=False)
