"""What is shipped is whole: the wheel runs on its own, the archive has what builds it, the list of parts is valid."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from netdoctor.version import __version__

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git knows, so that nothing of this folder that is not shipped can hide a gap."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    files = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True, timeout=60
    ).stdout.split(b"\0")
    for name in filter(None, (each.decode() for each in files)):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    (source / "compose" / "dist.sh").chmod(0o755)
    done = subprocess.run(
        [str(source / "compose" / "dist.sh"), str(BIN), str(out)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def wheel_of(dist: Path) -> zipfile.ZipFile:
    (wheel,) = dist.glob("*.whl")
    return zipfile.ZipFile(wheel)


def test_the_wheel_holds_every_module_and_every_file_that_the_program_reads(dist):
    with wheel_of(dist) as wheel:
        names = set(wheel.namelist())
    package = ROOT / "netdoctor"
    wanted = {
        str(path.relative_to(ROOT))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    assert wanted <= names
    assert any(name.endswith("share/man/man1/netdoctor.1") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "compose/", "docs/"))]


def test_the_wheel_s_program_runs_without_this_checkout(dist, tmp_path):
    with wheel_of(dist) as wheel:
        wheel.extractall(tmp_path)
    code = "import netdoctor, sys; from netdoctor.cli.main import run; sys.exit(run(['explain', 'ND101']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert b"no shared network" in done.stdout.lower()


def test_the_source_archive_holds_what_builds_it(dist):
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "netdoctor/cli/main.py", "docs/man/netdoctor.1"} <= names


def test_the_list_of_parts_names_every_locked_requirement_with_its_hash(dist):
    found = json.loads((dist / "netdoctor.cdx.json").read_text("utf-8"))
    assert found["bomFormat"] == "CycloneDX"
    assert found["metadata"]["component"]["name"] == "docker-netdoctor"
    locked = {
        line.partition("==")[0].lower()
        for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    assert locked <= {part["name"].lower() for part in found["components"]}
    root = found["metadata"]["component"]
    assert root["version"] == __version__
    (own,) = (each["dependsOn"] for each in found["dependencies"] if each["ref"] == root["bom-ref"])
    direct = {part["name"] for part in found["components"] if part["bom-ref"] in own}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert direct == {re.match(r"[\w.-]+", each)[0].lower() for each in project["dependencies"]}
    assert "://" not in (ROOT / "requirements.txt").read_text("utf-8")


def test_the_sums_are_of_what_is_there(dist):
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dist, check=True, timeout=60)
