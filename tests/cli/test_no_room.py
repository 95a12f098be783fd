"""A full disk, one that is read only, a missing folder or a folder in its place, under each file that a verb writes:
one sentence with a hint, the right exit status, and no half file; what lay there is as it was.

The disk is a real one of 64 KB, in a mount namespace of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_engine import Script, fake_engine
from migration.lab import records, server, write_export
from topology.inspects import SHAPES, stack

from .conftest import Ended, netdoctor, settings

HERE = Path(__file__).resolve().parent
ENGINE = ("-H", "ENGINE", "--timeout", "0.3")
OLD = "what was there"

VERBS: dict[str, tuple[str, ...]] = {
    "overview": (*ENGINE, "-o", "FILE"),
    "check": (*ENGINE, "check", "app", "db:5432", "-o", "FILE"),
    "check-json": (*ENGINE, "check", "app", "db:5432", "--format", "json", "-o", "FILE"),
    "check-report": (*ENGINE, "check", "app", "db:5432", "--report", "junit=FILE"),
    "lint": ("lint", "COMPOSE", "--format", "sarif", "-o", "FILE"),
    "lint-report": ("lint", "COMPOSE", "--report", "junit=FILE"),
    "explain": ("explain", "ND101", "-o", "FILE"),
    "doctor": (*ENGINE, "doctor", "-o", "FILE"),
    "map": (*ENGINE, "map", "--no-ask", "-o", "FILE"),
    "map-html": (*ENGINE, "map", "--no-ask", "--format", "html", "-o", "FILE"),
    "bundle": (*ENGINE, "bundle", "FILE"),
    "bundle-diff": ("bundle", "diff", "BUNDLE", "BUNDLE", "-o", "FILE"),
    "expect": ("expect", "--expectations", "EXPECT", "-o", "FILE"),
    "learn-over": (*ENGINE, "expect", "--learn", "FILE", "--force"),
    "learn": (*ENGINE, "expect", "--learn", "FILE"),
    "fix": (*ENGINE, "fix", "app", "old:80", "--dry-run", "-o", "FILE"),
    "undo": (*ENGINE, "undo", "--dry-run", "-o", "FILE"),
    "completion": ("completion", "bash", "-o", "FILE"),
    "migrate": ("migrate", "EXPORT", "--to", "QDRANT", "--ledger", "OWN", "-o", "FILE"),
    "migrate-ledger": ("migrate", "EXPORT", "--to", "QDRANT", "--ledger", "FILE"),
    "migrate-plan": ("migrate", "EXPORT", "--dry-run", "--plan", "FILE"),
    "migrate-emit": (
        "migrate",
        "EXPORT",
        "--emit",
        "swarm-job",
        "--plan",
        "PLAN",
        "--to",
        "http://q:6333",
        "-o",
        "FILE",
    ),
    "verify": ("vectors", "verify", "EXPORT", "--to", "QDRANT", "--ledger", "LEDGER", "-o", "FILE"),
    "export-json": ("vectors", "export", "--from", "QDRANT/src", "-o", "FILE.json"),
    "export-jsonl": ("vectors", "export", "--from", "QDRANT/src", "-o", "FILE.jsonl"),
    "export-parquet": ("vectors", "export", "--from", "QDRANT/src", "-o", "FILE.parquet"),
    "snapshot": ("vectors", "snapshot", "download", "src", "SNAPSHOT", "--to", "QDRANT", "--to-file", "FILE"),
    "snapshot-list": ("vectors", "snapshot", "list", "src", "--to", "QDRANT", "-o", "FILE"),
    "bench": ("vectors", "bench", "src", "--to", "QDRANT", "--rounds", "1", "-o", "FILE"),
    "bench-save": ("vectors", "bench", "src", "--to", "QDRANT", "--rounds", "1", "--save", "FILE"),
    "bench-plot": ("vectors", "bench", "src", "--to", "QDRANT", "--rounds", "1", "--plot", "FILE"),
    "capacity": ("vectors", "capacity", "--dimension", "8", "-o", "FILE"),
}
KEEPS = ("learn", "migrate-ledger", "migrate-plan", "export-json", "export-jsonl", "export-parquet", "snapshot")
"""These do not replace what is there."""
PLACES = ("full", "read-only", "missing", "a-folder")
CELLS = [(verb, place) for verb in VERBS for place in PLACES]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, ...]]]:
    """Every command with an engine, a server and files in the places of the words that stand for them."""
    home = tmp_path_factory.mktemp("home")
    with fake_engine(home / "e.sock", Script(*stack(SHAPES[0]))) as engine, server(home) as qdrant:
        (home / "compose.yaml").write_text("services: {app: {image: x}, db: {image: y}}\n")
        (home / "netdoctor.yaml").write_text("version: 1\nexpectations: [app -> db:5432]\n")
        export = write_export(home / "export.json", records(20))
        httpx.put(f"{qdrant.url}/collections/src", json={"vectors": {"size": 64, "distance": "Cosine"}})
        points = [{"id": number + 1, "vector": [0.1 + number] * 64, "payload": {}} for number in range(300)]
        httpx.put(f"{qdrant.url}/collections/src/points?wait=true", json={"points": points}).raise_for_status()
        kept = httpx.post(f"{qdrant.url}/collections/src/snapshots", timeout=30).json()["result"]["name"]
        netdoctor("-H", engine, "bundle", str(home / "bundle.json"))
        moved = netdoctor("migrate", str(export), "--to", qdrant.url, "--ledger", str(home / "ledger"), "-q")
        assert moved.status == 0, moved
        assert netdoctor("migrate", str(export), "--dry-run", "--plan", str(home / "plan.json")).status == 0
        stands_for = {
            "ENGINE": engine,
            "COMPOSE": str(home / "compose.yaml"),
            "EXPECT": str(home / "netdoctor.yaml"),
            "BUNDLE": str(home / "bundle.json"),
            "EXPORT": str(export),
            "QDRANT": qdrant.url,
            "LEDGER": str(home / "ledger"),
            "PLAN": str(home / "plan.json"),
            "SNAPSHOT": kept,
        }
        found = {}
        for verb, line in VERBS.items():
            own = {**stands_for, "OWN": str(home / f"own-{verb}")}
            done = []
            for word in line:
                for name, value in own.items():
                    word = word.replace(name, value)
                done.append(word)
            found[verb] = tuple(done)
        yield found


@pytest.fixture(scope="module")
def ended(
    words: dict[str, tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], tuple[Ended, dict[str, str], dict[str, str]]]:
    """How each went: what it said, what lay in the folder before, and what lies there after it."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root, to mount a small disk")
    disk = tmp_path_factory.mktemp("disk")
    tasks: list[Any] = []
    for verb, place in CELLS:
        there = {} if verb in KEEPS or place in ("missing", "a-folder") else {"file": OLD}
        tasks.append([place, words[verb], there])
    argv = ["unshare", "--mount", "--propagation", "private", sys.executable, str(HERE / "no_room.py"), str(disk)]
    folder = tmp_path_factory.mktemp("cwd")
    environment = settings(NETDOCTOR_STATE_DIR=str(folder / "state"), PYTHONPATH=f"{HERE.parent}:{HERE.parents[1]}")
    done = subprocess.run(
        argv, input=json.dumps(tasks), capture_output=True, text=True, timeout=300, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for cell, task, (status, out, err, held) in zip(CELLS, tasks, json.loads(done.stdout), strict=True):
        found[cell] = (Ended(status, out, err), task[2], held)
    return found


@pytest.mark.parametrize(("verb", "place"), CELLS)
def test_it_is_one_sentence_with_a_hint_and_leaves_no_half_file(ended: Any, verb: str, place: str) -> None:
    seen, before, after = ended[verb, place]
    begun = verb.startswith("export-") and place == "full"  # what is done is kept, and gone on with
    assert seen.status == (1 if begun else 2), seen
    first, *rest = seen.err.strip().splitlines()[-2:]
    assert first.startswith("netdoctor: "), seen.err
    assert rest and rest[0].startswith("  "), seen.err
    assert "/disk0/" in first or "file.json" in first or "file.parquet" in first, seen.err
    assert "itself failed" not in seen.err
    assert {name: text for name, text in after.items() if not (begun and ".partial" in name)} == before
