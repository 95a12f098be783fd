"""After a migration, from inside the app's own network on a real engine: where the host's view proves nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.lazy import LazyQdrant

from .lab import records, write_export

pytestmark = pytest.mark.docker
BUILD = Path(__file__).parents[2] / "compose" / "images" / "build.sh"


@dataclass(frozen=True, slots=True)
class Moved:
    """An app and a Qdrant on one network, with 60 points in collection ``moved``."""

    app: str
    qdrant: str
    address: str

    @property
    def where(self) -> list[str]:
        return ["--via", self.app, "--to", self.qdrant, "--format", "json"]


@pytest.fixture(scope="module")
def moved(module_lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    # Does nothing when the image is what its files say.
    built = subprocess.run([str(BUILD), "qdrant"], capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stderr
    net = module_lab.network()
    qdrant = module_lab.container("netdoctor-lab/qdrant:1", networks=[net], word="qdrant")
    app = module_lab.container("busybox", networks=[net], word="app", env={"QDRANT_URL": f"http://{qdrant.name}:6333"})
    module_lab.wait_for_listener(qdrant, 6333, 6334)
    move("moved", app.name, qdrant.name, tmp_path_factory.mktemp("after"))
    yield Moved(app.name, qdrant.name, module_lab.address(qdrant, net))


def move(collection: str, app: str, qdrant: str, folder: Path) -> Path:
    things = records(60, 16)
    for thing in things:
        thing["namespace"] = collection
    export = write_export(folder / "e.json", things)
    assert run(["migrate", str(export), "--via", app, "--to", qdrant, "-q"]) == Exit.OK
    return export


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("vantage", ["auto", "sidecar"])
def test_a_snapshot_goes_out_and_back_through_the_apps_network(
    moved: Moved, vantage: str, tmp_path: Path, module_lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    if vantage == "sidecar":
        module_lab.image("probe")
    capsys.readouterr()
    how = [*moved.where, "--vantage", vantage]
    assert run(["vectors", "snapshot", "create", "moved", *how]) == Exit.OK
    name = told(capsys)["snapshots"][0]["name"]
    file = tmp_path / "kept"
    assert run(["vectors", "snapshot", "download", "moved", name, "--to-file", str(file), *how]) == Exit.OK
    capsys.readouterr()
    assert run(["vectors", "snapshot", "restore", "moved", str(file), "--expect-points", "60", "--yes", *how]) == 0
    assert told(capsys)["proof"]["searches"] == {"asked": 25, "found": 25}


def test_a_measurement_tells_what_the_container_used(
    moved: Moved, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    plot = tmp_path / "p.svg"
    command = ["vectors", "bench", "moved", *moved.where, "--rounds", "20", "--plot", str(plot), "--capacity"]
    assert run(command) == Exit.OK
    said = told(capsys)
    assert said["via"] == moved.app and len(said["rows"]) == 6
    assert said["container"]["cores"] > 0 and said["container"]["memory_bytes"] > 1_000_000
    assert said["capacity"]["dimension"] == 16
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    assert run(["vectors", "capacity", "moved", *moved.where]) == Exit.OK
    assert told(capsys)["dimension"] == 16


def test_the_lazy_client_reads_what_was_moved(moved: Moved) -> None:
    with LazyQdrant(f"http://{moved.address}:6333", environment={}) as client:
        assert client.count("moved").count == 60


def test_a_rollback_leaves_nothing(moved: Moved, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = move("back", moved.app, moved.qdrant, tmp_path)
    capsys.readouterr()
    assert run(["vectors", "rollback", str(export), "--yes", "--format", "json"]) == Exit.OK
    said = told(capsys)
    assert said["collections_dropped"] == ["back"] and said["deleted"] == 60
