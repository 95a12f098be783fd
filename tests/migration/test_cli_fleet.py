"""``migrate`` by a plan and by several, as it is typed."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit

from .lab import Server, records, write_export

Output = pytest.CaptureFixture[str]


@pytest.fixture
def export(tmp_path: Path, own: str) -> Path:
    return write_export(tmp_path / "export.json", [{**thing, "namespace": own} for thing in records(120, 4)])


def to(qdrant: Server) -> list[str]:
    return ["--to", qdrant.url, "--grpc-port", str(qdrant.grpc)]


def test_a_run_goes_by_a_plan_that_was_made_before(qdrant: Server, export: Path, capsys: Output) -> None:
    plan = str(export.with_name("plan.json"))
    assert run(["migrate", str(export), "--dry-run", "--plan", plan, "--batch-size", "50"]) == Exit.OK
    assert "Dry run: nothing was written." in capsys.readouterr().out
    assert run(["migrate", str(export), "--plan", plan, *to(qdrant), "--format", "json"]) == Exit.OK
    out, err = capsys.readouterr()
    assert json.loads(out)["verified"] == 120
    assert "Reading the export" not in err and "Qdrant 1." in err and "gRPC" in err and "open" in err
    assert err.count("Batch ") == 3
    assert run(["migrate", str(export), "--plan", plan, *to(qdrant), "--id-field", "other"]) == Exit.USAGE
    assert "The plan's id_field is 'originalId', not 'other'" in capsys.readouterr().err


def test_workers_and_coordinator_as_they_are_typed(qdrant: Server, export: Path, capsys: Output) -> None:
    plan = str(export.with_name("plan.json"))
    assert run(["migrate", str(export), "--dry-run", "--plan", plan]) == Exit.OK
    by = ["migrate", str(export), "--plan", plan, *to(qdrant)]
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda number=number: seen.append(run([*by, "--shard", f"{number}/2", "-q"])))  # type: ignore[misc]
        for number in (1, 2)
    ]
    for thread in threads:
        thread.start()
    assert run([*by, "--coordinate", "--workers", "2"]) == Exit.OK
    for thread in threads:
        thread.join(60)
    out = capsys.readouterr().out
    assert seen == [0, 0]
    assert "OK: 120 of 120 vectors are in Qdrant, verified." in out
    assert "Worker 1/2 is at its end." in out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--shard", "1/2"], "Several can only work by one plan"),
        (["--coordinate"], "Several can only work by one plan"),
        (["--emit", "swarm-job"], "Several can only work by one plan"),
        (["--plan", "PLAN", "--shard", "3/2"], "is not NUMBER/OF"),
        (["--plan", "PLAN", "--shard", "index/2"], "JOB_COMPLETION_INDEX is not set"),
        (["--plan", "PLAN", "--shard", "1/2", "--coordinate"], "are two processes"),
        (["--plan", "PLAN", "--emit", "k8s-job"], "Pods share a claim"),
        (["--plan", "PLAN", "--emit", "swarm-job", "--to", "qdrant"], "only a URL is a target"),
        (["--plan", "absent.json"], "cannot be read"),
    ],
)
def test_what_cannot_work_is_told_with_the_next_command(
    export: Path, capsys: Output, more: list[str], words: str
) -> None:
    plan = str(export.with_name("plan.json"))
    assert run(["migrate", str(export), "--dry-run", "--plan", plan, "-q"]) == Exit.OK
    capsys.readouterr()
    given = [plan if word == "PLAN" else word for word in more]
    assert run(["migrate", str(export), *given]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert words in err and out == ""


def test_the_numbers_that_engines_give_become_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    from netdoctor.cli._fleet import shard_of

    monkeypatch.setenv("JOB_COMPLETION_INDEX", "0")
    assert str(shard_of({"shard": "index/4"})) == "1/4"
    assert str(shard_of({"shard": "slot:3/4"})) == "4/4"
    assert str(shard_of({"shard": "slot:mvlotgesgbv9o0zlwhvbtaifu/4"})) == "1/4"  # what Docker says for slot 0
    assert str(shard_of({"shard": "2/4"})) == "2/4"
    assert shard_of({"shard": None}) is None


@pytest.mark.parametrize("kind", ["swarm-job", "k8s-job"])
def test_files_for_engines_are_only_printed(export: Path, capsys: Output, kind: str) -> None:
    plan = str(export.with_name("plan.json"))
    assert run(["migrate", str(export), "--dry-run", "--plan", plan, "-q"]) == Exit.OK
    capsys.readouterr()
    before = sorted(each.name for each in export.parent.iterdir())
    given = [
        "--emit",
        kind,
        "--to",
        "http://qdrant:6333",
        "--volume",
        "shared",
        "--overwrite",
        "--index",
        "age=integer",
    ]
    assert run(["migrate", str(export), "--plan", plan, *given]) == Exit.OK
    out = capsys.readouterr().out
    assert "--coordinate" in out and "--overwrite" in out and "age=integer" in out
    assert sorted(each.name for each in export.parent.iterdir()) == before
