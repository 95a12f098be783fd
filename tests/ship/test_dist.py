"""What is shipped is whole: the wheel runs on its own, the archive has what builds it, the list of parts is valid."""

from __future__ import annotations

import email
import email.message
import email.policy
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from markdown_it import MarkdownIt
from packaging.requirements import Requirement

from netdoctor.version import __version__

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def known(*also: str) -> set[str]:
    """What git knows of; all there is where there is no git."""
    argv = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", *also]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    if done.returncode == 0:
        return {name.decode() for name in done.stdout.split(b"\0") if name}
    every = (path for path in ROOT.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(ROOT)) for path in every} - {"PKG-INFO"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git knows, so that nothing of this folder that is not shipped can hide a gap."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in known("--others", "--exclude-standard"):  # new files that git will be told of
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
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


def test_the_wheel_installs_programs_that_run_without_this_checkout(dist, tmp_path):
    (wheel,) = dist.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--isolated", "install", "--quiet"]
    to = ["--no-deps", "--no-index", "--ignore-installed", "--no-compile", "--prefix", str(tmp_path)]
    subprocess.run([*pip, *to, str(wheel)], check=True, timeout=120)
    (library,) = tmp_path.glob("lib*/python*/site-packages")
    environment = {"PYTHONPATH": str(library), "PATH": os.environ["PATH"]}

    def said(*words: str) -> str:
        argv = [str(tmp_path / "bin" / words[0]), *words[1:]]
        done = subprocess.run(
            argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert said("netdoctor", "--version") == f"netdoctor {__version__}\n"
    assert "no shared network" in said("netdoctor", "explain", "ND101").lower()
    assert json.loads(said("docker-netdoctor", "docker-cli-plugin-metadata"))["SchemaVersion"]
    assert (tmp_path / "share" / "man" / "man1" / "netdoctor.1").is_file()
    where = [sys.executable, "-c", "import netdoctor; print(netdoctor.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)


def test_the_source_archive_holds_everything_that_git_knows(dist):
    """So it can be built, tested and read about by whoever packages it."""
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
        modes = {each.name.partition("/")[2]: each.mode for each in packed.getmembers()}
    assert {name for name in known() if (ROOT / name).is_file()} - {".gitignore"} <= names
    assert modes["compose/engine.sh"] & 0o111
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", "dist/", "site/"))]


@pytest.mark.slow
def test_the_source_archive_builds_the_same_wheel_again_at_another_time_and_tests_run_there(dist, tmp_path):
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
        at = int(next(each.mtime for each in packed.getmembers()))
    (folder,) = tmp_path.iterdir()
    (folder / "netdoctor" / "version.py").touch()
    done = subprocess.run(
        [str(folder / "compose" / "dist.sh"), str(BIN), str(tmp_path / "again")],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(at), "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        umask=0o077, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "again").iterdir()}
    assert made == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in dist.iterdir()}
    some = ["tests/test_errors.py", "tests/test_registry.py", "tests/rules/test_nd101_no_shared_network.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *some],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def metadata(dist: Path) -> email.message.Message:
    with wheel_of(dist) as wheel:
        (name,) = (each for each in wheel.namelist() if each.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(name), policy=email.policy.compat32)


def test_the_description_on_an_index_has_no_link_that_leads_nowhere(dist):
    """The README's links are relative, which only a repository can resolve: there it names the file instead."""
    found = metadata(dist)
    assert found["Description-Content-Type"] == "text/markdown"
    description = found.get_payload(decode=True).decode("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    targets = links(readme)
    relative = {target.partition("#")[0] for target in targets if "://" not in target}
    assert len(relative) >= 10
    assert [target for target in links(description) if "://" not in target] == []
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    for target in relative:
        assert f"(`{target}`)" in description
        assert target in names
    # Nothing else of it is changed: the examples least of all.
    assert blocks(description) == blocks(readme)
    assert codes(description) - relative == codes(readme)
    # No address is claimed that is not ours.
    assert found.get_all("Project-URL") is None


def links(markdown: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    inner = [child for token in tokens for child in token.children or ()]
    at = {"link_open": "href", "image": "src"}
    return [str(child.attrs[at[child.type]]) for child in inner if child.type in at]


def codes(markdown: str) -> set[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return {child.content for token in tokens for child in token.children or () if child.type == "code_inline"}


def blocks(markdown: str) -> list[str]:
    return [token.content for token in MarkdownIt("commonmark").parse(markdown) if token.type == "fence"]


def test_the_list_of_parts_names_every_locked_requirement_with_its_hash(dist):
    text = (dist / "netdoctor.cdx.json").read_text("utf-8")
    found = json.loads(text)
    assert found["bomFormat"] == "CycloneDX"
    assert JsonStrictValidator(SchemaVersion.from_version(found["specVersion"])).validate_str(text) is None
    assert len({part["bom-ref"] for part in found["components"]}) == len(found["components"])
    root = found["metadata"]["component"]
    assert (root["name"], root["version"]) == ("docker-netdoctor", __version__)
    locked = {
        tuple(line.split(" ")[0].split("=="))
        for line in (ROOT / "requirements-extras.txt").read_text("utf-8").splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    assert {(part["name"], part["version"]) for part in found["components"]} == locked
    assert all(reference["hashes"] for part in found["components"] for reference in part["externalReferences"])
    (own,) = (each["dependsOn"] for each in found["dependencies"] if each["ref"] == root["bom-ref"])
    direct = {part["name"] for part in found["components"] if part["bom-ref"] in own}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {plain(Requirement(each).name) for each in project["dependencies"]}
    added = {plain(Requirement(each).name) for some in project["optional-dependencies"].values() for each in some}
    assert direct == needed | added
    assert {part["name"] for part in found["components"] if part["scope"] == "optional"} == added - needed
    for name in ("requirements.txt", "requirements-extras.txt", "requirements-build.txt", "requirements-dev.txt"):
        assert "://" not in (ROOT / name).read_text("utf-8")


def test_the_list_of_parts_is_what_the_wheel_and_its_extras_come_to(dist):
    """Followed through what each distribution that is installed here asks for: nothing missing, nothing too much."""
    listed = {
        plain(part["name"]) for part in json.loads((dist / "netdoctor.cdx.json").read_text("utf-8"))["components"]
    }
    found = metadata(dist)
    extras = frozenset(found.get_all("Provides-Extra") or ())
    wanted = [Requirement(each) for each in found.get_all("Requires-Dist") or ()]
    here, anywhere = closure(wanted, extras, strict=True), closure(wanted, extras, strict=False)
    assert here - listed == set()
    assert listed - anywhere == set()


def closure(wanted: list[Requirement], extras: frozenset[str], *, strict: bool) -> set[str]:
    """Names; strict: those whose markers hold on this machine."""
    reached: set[tuple[str, frozenset[str]]] = set()
    todo = [(each, extras) for each in wanted]
    while todo:
        requirement, given = todo.pop()
        asked = [{"extra": extra} for extra in given or {""}]
        marker = requirement.marker
        conditional = marker is not None and "extra" in str(marker)
        if marker is not None and (strict or conditional):
            holds = any(marker.evaluate(each) for each in asked)
            elsewhere = not strict and any(f'"{extra}"' in str(marker) for extra in given)
            if not (holds or elsewhere):
                continue
        key = (plain(requirement.name), frozenset(requirement.extras))
        if key in reached:
            continue
        reached.add(key)
        try:
            below = importlib.metadata.requires(requirement.name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        todo += [(Requirement(each), frozenset(requirement.extras)) for each in below]
    return {name for name, _ in reached}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_builds_is_locked_as_it_is_declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements-build.txt").read_text("utf-8"), re.M))
    for each in map(Requirement, declared):
        assert each.specifier.contains(locked[plain(each.name)]), each


def test_the_sums_are_of_what_is_there(dist):
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dist, check=True, timeout=60)
