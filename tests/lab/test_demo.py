"""The demo tells the whole story, and tells it without an engine too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

DEMO = Path(__file__).parents[2] / "compose" / "incident" / "demo.sh"


def demo(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it with this interpreter's programs and a temporary folder of its own."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [str(DEMO)],
        env={**os.environ, "PATH": path, "TMPDIR": str(folder), "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def named(*kind: str, suffix: str) -> list[str]:
    """What the engine has with the suffix in its name."""
    found = subprocess.run(["docker", *kind], capture_output=True, text=True, check=True, timeout=30)
    return [line for line in found.stdout.splitlines() if suffix in line]


@pytest.mark.docker
def test_found_fixed_made_permanent_and_migrated_and_nothing_is_left(tmp_path: Path) -> None:
    suffix = f"-lab{uuid4().hex[:8]}"
    files = [*DEMO.parent.glob("*/compose.yaml")]
    before = [file.read_text() for file in files]
    told = demo(tmp_path, DEMO_SUFFIX=suffix, DEMO_IMAGES="lab", NETDOCTOR_LAB="engine")
    assert told.returncode == 0, told.stdout + told.stderr
    for sentence in ("ND101", f"+      - coolify{suffix}", "103 of 103", "102 points", "1 points"):
        assert sentence in told.stdout
    assert len(files) == 2
    assert [file.read_text() for file in files] == before
    assert list(tmp_path.iterdir()) == []
    assert not named("ps", "--all", "--format", "{{.Names}}", suffix=suffix)
    assert not named("network", "ls", "--format", "{{.Name}}", suffix=suffix)
    assert not named("volume", "ls", "--format", "{{.Name}}", suffix=suffix)


@pytest.mark.slow
def test_without_an_engine_the_recorded_incident_is_judged_and_the_export_moved(tmp_path: Path) -> None:
    told = demo(tmp_path, NETDOCTOR_LAB="none", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "No Docker Engine can be had here" in told.stdout
    assert "ND101" in told.stdout
    assert "103 of 103" in told.stdout
    assert list(tmp_path.iterdir()) == []
