"""What is installed for development is pinned, hashed, and names no index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKED = {
    "requirements-dev.txt": ["requirements-dev.in"],
    "compose/images/qdrant/requirements.txt": ["compose/images/qdrant/requirements.in"],
}


def plain(name: str) -> str:
    """A project's name in its one normalised spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(*files: str) -> set[str]:
    lines = [line.partition("#")[0].strip() for file in files for line in (ROOT / file).read_text().splitlines()]
    return {plain(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in lines if line}


@pytest.mark.parametrize("file", LOCKED)
def test_every_pinned_project_has_hashes_and_there_is_no_index(file: str) -> None:
    text = (ROOT / file).read_text()
    projects = re.findall(r"^(\S+==\S+)(.*?)(?=^\S|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert len(projects) > 4
    assert all("--hash=sha256:" in rest for _, rest in projects)
    assert not re.search(r"https?://|--index-url|--find-links|--extra-index", text)


@pytest.mark.parametrize("file", LOCKED)
def test_everything_asked_for_is_pinned(file: str) -> None:
    pinned = {plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / file).read_text(), re.MULTILINE)}
    wanted = asked_for(*LOCKED[file])
    if file == "requirements-dev.txt":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        wanted |= {plain(re.split(r"[^A-Za-z0-9._-]", entry)[0]) for entry in project["dependencies"]}
    assert wanted <= pinned
