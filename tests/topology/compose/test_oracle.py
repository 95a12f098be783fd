"""What we read is what Compose reads: small projects for each feature, real files where a folder of them is at hand."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from netdoctor.topology.compose import Unreadable, read_compose

from .oracle import compose_command, config, differences, facts_of_config, facts_of_topology
from .stacks import BAD, GOOD, Stack

ROOT = Path(__file__).resolve().parents[3]
CORPUS = Path(os.environ.get("NETDOCTOR_COMPOSE_CORPUS", ROOT.parent / "shared" / "corpus" / "compose"))

pytestmark = pytest.mark.skipif(
    compose_command() is None,
    reason="no docker-compose 2 or later at hand (pip install -r requirements-dev.txt has one)",
)

LOOSE = {
    "invalid spec: ": "volumes are not read, so a malformed one is not noticed",
    "no port specified": "a port that a variable without a value leaves empty is left out",
    "neither an image nor a build": "an image that a variable without a value leaves empty is a declared one",
    "failed to cast": "settings that say nothing about networks are not read",
    "build.platforms": "settings that say nothing about networks are not read",
}
"""Why Compose may refuse a file that is read here, by words of its error."""


@pytest.mark.parametrize("stack", GOOD, ids=[stack.name for stack in GOOD])
def test_the_merged_model_is_composes(stack: Stack, tmp_path, monkeypatch):
    folder = tmp_path / "proj"
    folder.mkdir()
    monkeypatch.chdir(stack.write(folder))
    theirs = config(stack.use, folder, stack.environment)
    assert not isinstance(theirs, str), theirs
    ours = read_compose([stack.use], environment=stack.environment)
    assert ours.containers
    assert differences(facts_of_topology(ours, folder), facts_of_config(theirs, folder)) == []


@pytest.mark.parametrize("stack", BAD, ids=[stack.name for stack in BAD])
def test_what_compose_refuses_is_refused(stack: Stack, tmp_path, monkeypatch):
    monkeypatch.chdir(stack.write(tmp_path))
    theirs = config(stack.use, tmp_path, stack.environment)
    assert isinstance(theirs, str)
    with pytest.raises(Unreadable):
        read_compose([stack.use], environment=stack.environment)


def test_the_comparison_itself_notices_a_difference(tmp_path, monkeypatch):
    stack = next(each for each in GOOD if each.name == "ports short")
    monkeypatch.chdir(stack.write(tmp_path))
    theirs = config(stack.use, tmp_path, {})
    assert not isinstance(theirs, str)
    (tmp_path / "compose.yaml").write_text(stack.files["compose.yaml"].replace("8443:443", "8443:444"), "utf-8")
    ours = read_compose([stack.use], environment={})
    found = differences(facts_of_topology(ours, tmp_path), facts_of_config(theirs, tmp_path))
    assert len(found) == 1
    assert "services.a.ports" in found[0]


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no folder of real compose files at hand")
def test_real_files_are_read_as_compose_reads_them(monkeypatch):
    count: Counter[str] = Counter()
    wrong: list[str] = []
    for path in sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.suffix in (".yml", ".yaml")):
        monkeypatch.chdir(path.parent)
        theirs = config([path.name], path.parent, {})
        try:
            ours = read_compose([[path.name]], environment={})
        except Unreadable as error:
            count["refused by both" if isinstance(theirs, str) else "refused here only"] += 1
            wrong += [] if isinstance(theirs, str) else [f"{path}: {error.message}"]
            continue
        if isinstance(theirs, str):
            count["refused by compose only"] += 1
            wrong += [] if any(words in theirs for words in LOOSE) else [f"{path}: compose says {theirs}"]
            continue
        found = differences(facts_of_topology(ours, path.parent), facts_of_config(theirs, path.parent))
        count["different" if found else "equal"] += 1
        wrong += [f"{path}: {line}" for line in found]
    print(dict(count))
    assert count["equal"] > 100, "the folder holds next to nothing"
    assert wrong == []
