"""The verb: what it prints where, and with which status it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit

from .lab import Server, records, server, write_export

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("QDRANT", "NETDOCTOR", "DOCKER")):
            monkeypatch.delenv(name)


@pytest.fixture
def export(tmp_path: Path, own: str) -> Path:
    things = records(103, 8)
    for thing in things:
        thing["namespace"] = f"user_{own}{thing['namespace'][-3:]}"
    return write_export(tmp_path / "export.json", things)


def to(running: Server) -> list[str]:
    return ["--to", running.url, "--grpc-port", str(running.grpc), "--strip-prefix", "user_"]


def test_the_report_is_on_stdout_and_the_progress_on_stderr(
    qdrant: Server, export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(export.parent)
    assert run(["migrate", export.name, *to(qdrant), "--batch-size", "50"]) == Exit.OK
    out, err = capsys.readouterr()
    assert "in export    103" in out
    assert "success      100.00 %" in out
    assert "OK: 103 of 103 vectors are in Qdrant, verified." in out
    assert "Batch" not in out
    assert f"target {qdrant.url} (from --to)" in err
    assert "Batch 3/3 of " in err
    assert "(103/103 total)" in err
    assert all(len(line) <= 80 for line in out.splitlines())
    assert export.with_name("export.json.netdoctor.sqlite").exists()
    assert sorted(path.name for path in export.parent.iterdir()) == ["export.json", "export.json.netdoctor.sqlite"]


def test_json_is_one_document(qdrant: Server, export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate", str(export), *to(qdrant), "--format", "json", "-q", "--transport", "rest"]) == Exit.OK
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert err == ""
    assert (told["schema"], told["ok"], told["transport"]) == ("netdoctor.migration/1", True, "REST")
    assert (told["in_export"], told["migrated"], told["errors"], told["success_percent"]) == (103, 103, 0, 100.0)
    assert sorted(each["planned"] for each in told["collections"]) == [1, 102]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
@pytest.mark.parametrize("datatype", ["float32", "float16", "uint8"])
def test_new_collections_keep_the_datatype_that_was_asked_for(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], datatype: str, transport: str
) -> None:
    things = [{**thing, "namespace": own, "values": [1, 2.5, 255]} for thing in records(20, 3)]
    export = write_export(tmp_path / "e.json", things)
    command = ["migrate", str(export), *to(qdrant), "--datatype", datatype, "--transport", transport, "-q"]
    assert run(command) == Exit.OK
    assert "20 of 20 vectors are in Qdrant, verified" in capsys.readouterr().out
    with urllib.request.urlopen(f"{qdrant.url}/collections/{own}", timeout=10) as answer:
        vectors = json.load(answer)["result"]["config"]["params"]["vectors"]
    assert (vectors.get("datatype") or "float32") == datatype


def test_a_folder_needs_neither_server_nor_engine(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.chdir(tmp_path)
    assert run(["migrate", "export.json", "--to", "./folder"]) == Exit.OK
    assert "embedded" in capsys.readouterr().out
    assert (tmp_path / "folder").is_dir()


def test_a_dry_run_connects_nowhere_and_leaves_nothing(
    export: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    assert run(["migrate", str(export), "--to", "qdrant", "--dry-run", "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["dry_run"], told["in_export"]) == (True, 103)
    assert [path.name for path in export.parent.iterdir()] == ["export.json"]


@pytest.mark.parametrize(
    ("spoil", "number", "words"),
    [
        (lambda things: things[6].pop("values"), 7, "no values"),
        (lambda things: things[6].update(values="x"), 7, "values are a string"),
        (lambda things: things[6]["values"].pop(), 7, "7 values"),
        (lambda things: things[6].update(values=[float("nan")] * 8), 7, "NaN"),
        (lambda things: things[6].update(id=7), 7, "id is a number"),
    ],
)
def test_a_malformed_export_is_told_by_record_and_byte_and_nothing_is_written(
    qdrant: Server, tmp_path: Path, own: str, capsys: pytest.CaptureFixture[str], spoil: Any, number: int, words: str
) -> None:
    things = records(20, 8)
    for thing in things:
        thing["namespace"] = own
    spoil(things)
    export = write_export(tmp_path / "export.json", things)
    assert run(["migrate", str(export), *to(qdrant)]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert out == ""
    assert f"record {number} (byte " in err
    assert words in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["export.json"]
    assert run(["migrate", str(export), *to(qdrant), "--max-errors", "1"]) == Exit.FINDINGS
    out, _ = capsys.readouterr()
    assert "NOT COMPLETE: 19 of 20 vectors" in out
    assert "success      95.00 %" in out


def test_a_truncated_export_and_one_that_is_no_array(
    qdrant: Server, tmp_path: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = export.read_bytes()
    export.write_bytes(data[: len(data) // 2])
    assert run(["migrate", str(export), *to(qdrant)]) == Exit.FINDINGS
    assert "the file ends inside the record" in capsys.readouterr().err
    export.write_text("{}")
    assert run(["migrate", str(export), *to(qdrant), "--format", "json"]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert "record 1 (byte 0): it has no id" in err  # an object: JSON Lines
    assert json.loads(out)
    assert run(["migrate", str(tmp_path / "absent.json"), *to(qdrant)]) == Exit.USAGE


def test_an_absent_server_is_told_with_the_next_command(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate", str(export), "--to", "http://127.0.0.1:1"]) == Exit.FINDINGS
    err = capsys.readouterr().err
    assert "http://127.0.0.1:1" in err
    assert "netdoctor check host 127.0.0.1" in err
    assert not export.with_name("export.json.netdoctor.sqlite").exists()


def test_keys_come_from_environment_file_or_prompt_and_are_never_printed(
    tmp_path: Path, export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    key = tmp_path / "key"
    key.write_text("right-5e1f\n")
    with server(folder, api_key="right-5e1f") as running:
        assert run(["migrate", str(export), *to(running)]) == Exit.FINDINGS
        monkeypatch.setenv("QDRANT_API_KEY", "wrong-77aa")
        assert run(["migrate", str(export), *to(running)]) == Exit.FINDINGS
        out, err = capsys.readouterr()
        assert "refuses the API key" in err
        assert run(["migrate", str(export), *to(running), "--api-key-file", str(key)]) == Exit.OK
        monkeypatch.setenv("QDRANT_API_KEY", "right-5e1f")
        assert run(["migrate", str(export), *to(running)]) == Exit.OK
        more = capsys.readouterr()
    for text in (out, err, more.out, more.err):
        assert "5e1f" not in text and "77aa" not in text
    ledger = export.with_name("export.json.netdoctor.sqlite").read_bytes()
    assert b"5e1f" not in ledger


def test_the_environment_names_the_target(
    qdrant: Server, export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("QDRANT_URL_MIGRATION", qdrant.url)
    assert run(["migrate", str(export), "--strip-prefix", "user_"]) == Exit.OK
    assert f"target {qdrant.url} (from QDRANT_URL_MIGRATION)" in capsys.readouterr().err
    monkeypatch.delenv("QDRANT_URL_MIGRATION")
    monkeypatch.delenv("QDRANT_URL")
    assert run(["migrate", str(export)]) == Exit.USAGE
    assert "--to qdrant" in capsys.readouterr().err


def test_a_second_run_at_the_same_time_is_refused(
    qdrant: Server, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from netdoctor.migration.ledger import open_ledger

    ledger = open_ledger(export.with_name("export.json.netdoctor.sqlite"))
    try:
        command = [sys.executable, "-c", "import sys; from netdoctor.cli.main import main; main(sys.argv[1:])"]
        done = subprocess.run(
            [*command, "migrate", str(export), *to(qdrant)], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        ledger.close()
    assert done.returncode == Exit.FINDINGS
    assert "Another migration is running" in done.stderr
    assert done.stdout == ""


def test_one_payload_field_cannot_hold_two_things(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--collection", "c", "--id-field", "x", "--tenant-field", "x"]
    assert run(["migrate", str(export), "--to", "./f", *arguments]) == Exit.USAGE
    assert "same payload field" in capsys.readouterr().err
