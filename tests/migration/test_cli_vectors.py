"""``netdoctor vectors``: what follows a migration, from its ledger alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.points import point_id
from netdoctor.migration.target import Transport

from .lab import Server, records, via_host, write_export

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("QDRANT", "NETDOCTOR", "DOCKER")):
            monkeypatch.delenv(name)


@pytest.fixture
def export(tmp_path: Path, own: str, qdrant: Server, capsys: pytest.CaptureFixture[str]) -> Path:
    """An export that is migrated already, into collection ``own``."""
    things = records(60, 8)
    for thing in things:
        thing["namespace"] = own
    path = write_export(tmp_path / "export.json", things)
    assert run(["migrate", str(path), "--to", qdrant.url, "--grpc-port", str(qdrant.grpc)]) == Exit.OK
    capsys.readouterr()
    return path


def spoil(qdrant: Server, own: str, number: int) -> None:
    identity = point_id(records(60, 8)[number]["id"])
    with via_host(qdrant, Transport.REST) as target:
        target._call(  # type: ignore[attr-defined]
            "POST", f"/collections/{own}/points/payload?wait=true", {"payload": {"name": "x"}, "points": [identity]}
        )


def test_verify_needs_the_ledger_only_until_something_differs(
    export: Path, qdrant: Server, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["vectors", "verify", str(export)]) == Exit.OK
    out, err = capsys.readouterr()
    assert "verified     60  bit for bit" in out
    assert "OK: 60 of 60 vectors are in Qdrant, verified." in out
    assert f"target {qdrant.url}" in err
    spoil(qdrant, own, 7)
    assert run(["vectors", "verify", str(export)]) == Exit.FINDINGS
    out, _ = capsys.readouterr()
    assert "record 8 " in out and "its payload differs in 'name'" in out
    assert "DIFFERENT: 59 of 60" in out
    moved = export.rename(export.with_name("away.json"))
    assert run(["vectors", "verify", str(export)]) == Exit.FINDINGS
    assert "differs from what was written, in at most" in capsys.readouterr().out
    assert run(["vectors", "verify", str(export), "--repair"]) == Exit.USAGE
    assert "Without the export" in capsys.readouterr().err
    moved.rename(export)
    assert run(["vectors", "verify", str(export), "--repair", "--format", "json", "-q"]) == Exit.OK
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["ok"], told["verified"], told["compared"]["repaired"], told["sent"]) == (True, 60, 1, 0)
    assert err == ""
    assert run(["vectors", "verify", str(export), "--transport", "rest"]) == Exit.OK


def test_verify_refuses_what_is_not_its_own(export: Path, own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["vectors", "verify", "nothing.json"]) == Exit.USAGE
    assert "There is no ledger nothing.json.netdoctor.sqlite" in capsys.readouterr().err
    missing = export.parent / "elsewhere"
    assert run(["vectors", "verify", str(export), "--to", str(missing)]) == Exit.USAGE
    assert "There is no embedded Qdrant at" in capsys.readouterr().err
    assert not missing.exists()
    missing.mkdir()
    assert run(["vectors", "verify", str(export), "--to", str(missing)]) == Exit.USAGE
    assert "not into 'folder " in capsys.readouterr().err
    write_export(export, records(5, 8))
    assert run(["vectors", "verify", str(export)]) == Exit.USAGE
    assert "has changed since" in capsys.readouterr().err


def test_migrate_repairs_when_asked(export: Path, qdrant: Server, own: str, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(qdrant, own, 3)
    command = ["migrate", str(export), "--to", qdrant.url, "--grpc-port", str(qdrant.grpc)]
    assert run(command) == Exit.FINDINGS
    assert "--repair" in capsys.readouterr().out
    assert run([*command, "--repair"]) == Exit.OK


def test_every_command_of_the_group_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    import click

    from netdoctor.cli.vectors import command

    names = command.list_commands(click.Context(command))
    assert "verify" in names
    for name in names:
        assert run(["vectors", name, "--help"]) == Exit.OK
        assert ("--from" if name == "export" else "--to") in capsys.readouterr().out
    assert run(["vectors", "nonsense"]) == Exit.USAGE


def test_rollback_asks_first_and_then_nothing_is_left(
    export: Path, qdrant: Server, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["vectors", "rollback", str(export)]) == Exit.USAGE
    assert "--yes" in capsys.readouterr().err
    assert run(["vectors", "rollback", str(export), "--yes"]) == Exit.OK
    out, _ = capsys.readouterr()
    assert "deleted      60" in out
    assert "OK: nothing of the run is left." in out
    with via_host(qdrant, Transport.REST) as target:
        assert target.collection(own) is None
    assert run(["vectors", "rollback", str(export), "--yes"]) == Exit.USAGE


def test_wishes_for_collections_are_read_and_wrong_ones_refused(
    tmp_path: Path, qdrant: Server, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    things = records(5, 8)
    for thing in things:
        thing["namespace"] = own
    path = write_export(tmp_path / "e.json", things)
    command = ["migrate", str(path), "--to", qdrant.url, "--transport", "rest"]
    assert run([*command, "--index", "name"]) == Exit.USAGE
    assert "is not FIELD=KIND" in capsys.readouterr().err
    wishes = [
        "--index",
        "name=keyword",
        "--index",
        "age=integer",
        "--on-disk",
        "--shards",
        "1",
        "--quantization",
        "scalar",
    ]
    assert run([*command, *wishes]) == Exit.OK
    with via_host(qdrant, Transport.REST) as target:
        found = target._call("GET", f"/collections/{own}")  # type: ignore[attr-defined]
    assert found["payload_schema"].keys() == {"name", "age"}
    assert found["config"]["params"]["vectors"]["on_disk"] is True
    assert found["config"]["quantization_config"]["scalar"]["type"] == "int8"
