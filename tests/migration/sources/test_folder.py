"""What is particular to a folder: which files, in which order, whose namespace."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from cli.conftest import in_a_child
from somebody import as_nobody

from netdoctor.cli.main import run
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.migration.plan import make_plan
from netdoctor.migration.points import Layout
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources.folder import Folder
from netdoctor.migration.sources.interface import NO_ACCESS, open_source

from .files import folder as write_folder
from .files import json_lines


def thing(identity: str, **more: object) -> dict[str, object]:
    return {"id": identity, "values": [1.0, 2.0], **more}


def ids(path: Path) -> list[str]:
    return [each.id for each in open_source(path).records() if isinstance(each, Record)]


def test_files_come_in_the_order_of_their_paths_whatever_the_disk_says(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/2.jsonl", "a/10.jsonl", "a.jsonl", "é.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        json_lines(tmp_path / name, [thing(name)])
    assert ids(tmp_path) == ["a/10.jsonl", "a/2.jsonl", "a.jsonl", "b.jsonl", "é.jsonl"]


def test_hidden_files_marks_and_ledgers_are_passed_over_and_what_is_unknown_is_not(tmp_path: Path) -> None:
    json_lines(tmp_path / "a.jsonl", [thing("a")])
    for name in (".x", "_SUCCESS", "VDF_META.json", "a.jsonl.netdoctor.sqlite", ".a.jsonl.crc", "_temporary/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("?")
    assert ids(tmp_path) == ["a"]
    (tmp_path / "readme.md").write_text("# hello")
    with pytest.raises(UsageError, match=r"not recognised as one of the sources .*: readme\.md\."):
        open_source(tmp_path)


def test_an_embedded_qdrant_beside_the_exports_is_no_part_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    json_lines(exports / "a.jsonl", [thing("a"), thing("b")])
    monkeypatch.chdir(exports)
    for _ in range(2):
        assert run(["migrate", ".", "--to", "./out", "-q"]) == Exit.OK
    assert (tmp_path / "exports.netdoctor.sqlite").is_file()
    capsys.readouterr()
    assert run(["migrate", "out", "--to", "./other"]) == Exit.USAGE
    assert "out is an embedded Qdrant" in capsys.readouterr().err


def test_an_empty_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no export"):
        open_source(tmp_path)


def test_a_partition_by_namespace_gives_its_name_to_records_without_one(tmp_path: Path) -> None:
    for name in ("namespace=a%20b", "namespace=__default__", "other"):
        (tmp_path / name).mkdir()
        json_lines(tmp_path / name / "0.jsonl", [thing("1"), thing("2", namespace="own")])
    found = [each.namespace for each in open_source(tmp_path).records() if isinstance(each, Record)]
    assert found == ["", "own", "a b", "own", "", "own"]


def test_a_fault_names_the_file_and_the_others_are_read(tmp_path: Path) -> None:
    json_lines(tmp_path / "a.jsonl", [thing("1"), thing("2")])
    (tmp_path / "b.jsonl").write_text('{"id": "3", "values": [1, 2]}\n{"id": "4", "val')
    json_lines(tmp_path / "c.jsonl", [thing("5")])
    found = list(open_source(tmp_path).records())
    assert [each.number for each in found] == [1, 2, 3, 4, 5]
    bad = found[3]
    assert isinstance(bad, BadRecord) and not bad.fatal
    assert "the file ends inside the record" in bad.reason
    assert bad.reason.endswith("in b.jsonl (its record 2)")
    assert make_plan(open_source(tmp_path), Layout(), max_errors=1).points == 4


def test_one_more_file_or_another_name_is_another_folder(tmp_path: Path) -> None:
    source = Folder(write_folder(tmp_path / "f", [thing(str(number)) for number in range(9)]), NO_ACCESS)
    list(source.records())
    stamp, digest = source.stamp(), source.digest()
    (tmp_path / "f" / "b.jsonl").rename(tmp_path / "f" / "d.jsonl")
    assert source.stamp() != stamp
    again = open_source(tmp_path / "f")
    list(again.records())
    assert again.digest() != digest


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_part_that_cannot_be_read_is_told_and_not_left_out() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        json_lines(Path(name) / "a.jsonl", [thing("a")])
        (Path(name) / "closed").mkdir(mode=0o700)
        ended = in_a_child("migrate", name, "--dry-run", before=as_nobody(), cwd="/")
    assert ended.status == 2
    assert f"The folder {name} cannot be read: {name}/closed" in ended.err
    assert "Permission denied" in ended.err
    assert "put a dot before a name" in ended.err


@pytest.mark.parametrize("kind", [None, "json"])
def test_a_pipe_a_device_and_a_name_too_long_are_no_exports(tmp_path: Path, kind: str | None) -> None:
    os.mkfifo(tmp_path / "pipe")
    for given in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / ("x" * 300)):
        with pytest.raises(UsageError, match="cannot be read") as caught:
            open_source(given, replace(NO_ACCESS, kind=kind))
        assert len(caught.value.message) < 400
