"""What is true of every source that is a file, whatever its form: same records, same faults, same places."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from migration.lab import Server, records
from netdoctor.cli.main import run
from netdoctor.errors import NetdoctorError
from netdoctor.exits import Exit
from netdoctor.migration.plan import make_plan
from netdoctor.migration.points import Layout, MappingRefused
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sources.interface import SOURCES, Access, open_source

from .files import every_kind, write

ODD_IDS = ["", " ", "\x00", "\x1b[31m\r\n", "\u202eabc", "é", "e\u0301", "\U0001f600", "a/b\\c'\"", "1", "01", "ａ"]


def read(path: Path) -> list[Record | BadRecord]:
    return list(open_source(path).records())


def plan_of(path: Path, **how: Any) -> Any:
    return make_plan(open_source(path), Layout(), **how)


@every_kind
def test_the_records_are_those_that_were_written(kind: str, tmp_path: Path) -> None:
    things = records(40, 5)
    found = read(write(kind, tmp_path, things))
    assert [each.number for each in found] == list(range(1, 41))
    for each, thing in zip(found, things, strict=True):
        assert isinstance(each, Record)
        assert (each.id, each.namespace, dict(each.metadata)) == (thing["id"], thing["namespace"], thing["metadata"])
        assert each.values.dtype == np.float32
        assert each.values.tolist() == np.array(thing["values"], dtype=np.float32).tolist()
        assert each.size > 0


@every_kind
def test_reading_goes_on_at_every_record(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path, records(40, 5))
    source = open_source(path)
    cursors, whole = [], []
    for found in source.records():
        assert isinstance(found, Record)
        cursors.append(json.loads(json.dumps(source.cursor(found))))
        whole.append((found.number, found.id, found.size, found.values.tobytes()))
    for index in (0, 1, 6, 7, 13, 14, 20, 27, 28, 39):
        again = [
            (found.number, found.id, found.size, found.values.tobytes())
            for found in open_source(path).records(cursors[index])
            if isinstance(found, Record)
        ]
        assert again[again.index(whole[index]) :] == whole[index:]
    with pytest.raises(MalformedExport):
        list(open_source(path).records({"of": "another kind"}))


@every_kind
def test_the_digest_and_the_stamp_are_those_of_the_content(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path, records(10, 3))
    first = open_source(path)
    list(first.records())
    second, stamp = open_source(path), first.stamp()
    assert second.stamp() == stamp
    list(second.records())
    list(second.records())
    assert second.digest() == first.digest() != ""
    third = open_source(write(kind, tmp_path, records(10, 3, seed=8)))
    list(third.records())
    assert third.digest() != first.digest()
    assert third.stamp() != stamp


@every_kind
def test_nothing_is_told_as_nothing(kind: str, tmp_path: Path) -> None:
    with pytest.raises(MalformedExport, match="no records to migrate"):
        plan_of(write(kind, tmp_path, []))


@every_kind
def test_ids_are_kept_to_the_byte(kind: str, tmp_path: Path) -> None:
    found = read(write(kind, tmp_path, [{"id": each, "values": [1, 2]} for each in ODD_IDS]))
    assert [each.id for each in found if isinstance(each, Record)] == ODD_IDS
    assert {each.namespace for each in found if isinstance(each, Record)} == {""}


@every_kind
def test_two_records_of_one_id_stop_the_plan_or_one_wins(kind: str, tmp_path: Path) -> None:
    things = records(20, 3)
    things[17]["id"] = things[2]["id"]
    path = write(kind, tmp_path, things)
    with pytest.raises(MappingRefused, match="same point"):
        plan_of(path)
    assert plan_of(path, on_duplicate="first").points == 19


@every_kind
def test_another_dimension_is_told_by_its_record(kind: str, tmp_path: Path) -> None:
    things = records(20, 3)
    things[11]["values"] = [1.0, 2.0]
    with pytest.raises(MalformedExport, match=r"record 12.*2 values"):
        plan_of(write(kind, tmp_path, things))


@every_kind
@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"id": None}, "it has no id"),
        ({"values": None}, "no values|values are null"),
        ({"values": []}, "values are empty"),
        ({"values": [1.0, 1e39, 0.0]}, "value 1 .* does not fit a float32"),
        ({"metadata": {"k": [[[]]] * 2, "deep": json.loads("[" * 400 + "]" * 400)}}, "nested too deeply"),
        ({"metadata": {"k": "\ud800"}}, "lone surrogate"),
    ],
)
def test_what_is_wrong_with_a_record_is_told_and_the_others_are_read(
    kind: str, tmp_path: Path, spoilt: dict[str, Any], words: str
) -> None:
    things = records(20, 3)
    things[8].update(spoilt)
    found = read(write(kind, tmp_path, things))
    assert [each.number for each in found] == list(range(1, 21))
    (bad,) = [each for each in found if isinstance(each, BadRecord)]
    assert (bad.number, bad.fatal) == (9, False)
    import re

    assert re.search(words, bad.reason), bad.reason


@every_kind
def test_a_truncated_one_is_never_read_as_whole(kind: str, tmp_path: Path) -> None:
    things = records(60, 8)
    path = write(kind, tmp_path, things)
    part = path / "a.json" if path.is_dir() else path
    data = part.read_bytes()
    for cut in (len(data) // 10, len(data) // 2, len(data) - 2 if kind != "json-lines" else len(data) - 20):
        part.write_bytes(data[:cut])
        with pytest.raises(MalformedExport, match=r"truncated|ends (inside|before|early|where)|no Parquet"):
            plan_of(path)


@every_kind
def test_a_zero_vector_is_a_record(kind: str, tmp_path: Path) -> None:
    things = records(10, 3)
    things[4]["values"] = [0.0, -0.0, 0.0]
    assert plan_of(write(kind, tmp_path, things)).points == 10


@every_kind
def test_a_file_that_vanishes_or_fails_is_told_and_no_traceback(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path, records(10, 3))
    part = path / "a.json" if path.is_dir() else path
    source = open_source(path)
    stamp = source.stamp()
    part.rename(tmp_path / "elsewhere")
    assert source.stamp() != stamp
    with pytest.raises(NetdoctorError, match=r"opened any more|cannot be read"):
        make_plan(source, Layout())


@every_kind
def test_it_can_be_forced_and_is_one_of_the_list(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path, records(3, 2))
    name = kind.split()[0]
    assert type(open_source(path, Access(kind=name))) is type(open_source(path))
    assert name in SOURCES


def test_what_is_no_source_is_told_with_the_list(tmp_path: Path) -> None:
    from netdoctor.errors import UsageError

    path = tmp_path / "export.csv"
    path.write_text("id,values\n1,2\n")
    with pytest.raises(UsageError, match=r"not recognised .* export-json, .*folder, .*json-lines, .*parquet"):
        open_source(path)
    with pytest.raises(UsageError, match="There is no source 'csv'"):
        open_source(path, Access(kind="csv"))
    path.write_bytes(b"")
    with pytest.raises(MalformedExport, match="the file is empty"):
        plan_of(path)
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        path.write_bytes('{"id": "a", "values": [1]}\n'.encode(encoding))
        with pytest.raises(MalformedExport, match="UTF-16"):
            plan_of(path)


def to(running: Server) -> list[str]:
    return ["--to", running.url, "--grpc-port", str(running.grpc)]


@every_kind
def test_it_is_planned_migrated_and_verified(
    kind: str, qdrant: Server, tmp_path: Path, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    things = records(120, 6)
    things[7]["values"] = [0.0] * 6
    for thing, identity in zip(things[20:], ODD_IDS, strict=False):
        thing["id"] = identity
    for thing in things:
        thing["namespace"] = own
    path = write(kind, tmp_path, things)
    assert run(["migrate", str(path), "--dry-run", "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["in_export"], told["dry_run"]) == (120, True)
    assert run(["migrate", str(path), *to(qdrant), "--format", "json", "-q"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["migrated"], told["sent"]) == (True, 120, 120)
    assert run(["vectors", "verify", str(path), "-q"]) == Exit.OK


KILLED = """
import os, signal, sys
from pathlib import Path
from netdoctor.migration import plan
from netdoctor.migration.address import Address
from netdoctor.migration.batches import Limits
from netdoctor.migration.events import BatchDone
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.run import Options, migrate
from netdoctor.migration.sources.interface import open_source
from netdoctor.migration.target import Transport, open_server

plan.KEEP = 0  # small as it is, it is read anew in every pass
rest, grpc, export, ledger, last = sys.argv[1:]
left = [int(last)]

def listen(event):
    if isinstance(event, BatchDone):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

address = Address("http", "127.0.0.1", None, int(rest), int(grpc))
options = Options(limits=Limits(points=10), in_flight=2, request_timeout=0.2)
with open_server(address, vantage=None, transport=Transport.REST) as target:
    result = migrate(open_source(export), target, open_ledger(Path(ledger)), options, listener=listen)
    print(result.good, result.sent, result.resumed)
"""


@every_kind
def test_killed_and_resumed_it_ends_as_one_run(kind: str, qdrant: Server, tmp_path: Path, own: str) -> None:
    things = records(200, 6)
    for thing in things:
        thing["namespace"] = own
    path = write(kind, tmp_path, things)

    def child(last: int) -> subprocess.CompletedProcess[str]:
        arguments = [str(qdrant.rest), str(qdrant.grpc), str(path), str(tmp_path / "ledger"), str(last)]
        command = [sys.executable, "-c", KILLED, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    killed = child(9)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = child(0)
    good, sent, resumed = again.stdout.split()
    assert (good, resumed) == ("True", "True"), again.stderr
    assert 0 < int(sent) <= 110
