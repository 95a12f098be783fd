"""The plain-shell example, run for real: a gate before the deploy, the deploy, and the proof after it."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from formats.test_prometheus import parsed as metrics
from formats.test_sarif import SCHEMA as SARIF

from .kit import ROOT, calls, misuse, program

SCRIPT = ROOT / "examples" / "ci" / "deploy.sh"
SERVER = "import http.server, time; time.sleep({seconds}); http.server.test(port=8000)"


def test_every_call_uses_verbs_and_options_that_exist():
    found = calls(SCRIPT.read_text())
    assert [words[0] for words in found] == ["lint", "check"]
    for words in found:
        assert list(misuse(words)) == []


def test_without_its_arguments_it_says_how_to_use_it(tmp_path):
    done = subprocess.run([SCRIPT], capture_output=True, text=True, cwd=tmp_path, timeout=10)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert list(tmp_path.iterdir()) == []


@dataclass
class Place:
    """A folder with a compose file, and what `docker compose` is here."""

    folder: Path
    name: str
    compose: list[str]
    path: str

    def write(self, *, apart: bool = False, seconds: float = 0) -> None:
        networks = "    networks: [other]\n" if apart else ""
        text = f"""\
services:
  app:
    image: netdoctor-lab/busybox:1
    container_name: {self.name}-app
    command: ["sleep", "600"]
    environment:
      WEB_URL: http://web:8000
{networks}  web:
    image: netdoctor-lab/python:1
    container_name: {self.name}-web
    command: ["python3", "-c", "{SERVER.format(seconds=seconds)}"]
networks:
  other: {{}}
"""
        (self.folder / "compose.yaml").write_text(text if apart else text.partition("networks:\n  other")[0])

    def deploy(self, **more: str) -> subprocess.CompletedProcess[str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NETDOCTOR_")}
        return subprocess.run(
            [str(SCRIPT), "compose.yaml", f"{self.name}-app", f"{self.name}-web"],
            cwd=self.folder, capture_output=True, text=True, timeout=120,
            env={**kept, "PATH": self.path, "COMPOSE": " ".join([*self.compose, "-p", self.name]), **more},
        )  # fmt: skip

    def running(self) -> list[str]:
        words = ["docker", "ps", "--format", "{{.Names}}", "--filter", f"name={self.name}"]
        return sorted(subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout.split())

    def report(self, name: str) -> str:
        return (self.folder / "reports" / name).read_text()

    def down(self) -> None:
        words = [*self.compose, "-p", self.name, "down", "-v", "-t", "1"]
        subprocess.run(words, cwd=self.folder, capture_output=True, timeout=60)
        for name in self.running():
            subprocess.run(["docker", "rm", "-f", "-v", name], capture_output=True, timeout=30)


@pytest.fixture
def place(engine, tmp_path) -> Iterator[Place]:
    which = subprocess.run([ROOT / "compose" / "compose.sh", "--which"], capture_output=True, text=True, timeout=60)
    compose = which.stdout.split()
    build = [ROOT / "compose" / "images" / "build.sh", "busybox", "python"]
    assert subprocess.run(build, capture_output=True, timeout=300).returncode == 0
    bin_ = program(tmp_path / "bin").parent
    folder = tmp_path / "stack"
    folder.mkdir()
    made = Place(folder, f"fmtx-{uuid.uuid4().hex[:8]}", compose, f"{bin_}:{os.environ['PATH']}")
    try:
        yield made
    finally:
        made.down()


@pytest.mark.docker
def test_a_good_file_is_deployed_waited_for_and_proven(place):
    place.write(seconds=2.5)
    done = place.deploy(WAIT="30")
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.running() == [f"{place.name}-app", f"{place.name}-web"]
    assert [line for line in done.stdout.splitlines() if line.startswith("== ")] == [
        "== before: does compose.yaml contradict itself?",
        "== deploy",
        f"== after: can {place.name}-app reach {place.name}-web?",
    ]
    assert ET.fromstring(place.report("check.xml")).attrib["failures"] == "0"
    assert [value for _, value in metrics(place.report("netdoctor.prom"))["netdoctor_edge_holds"]] == [1.0]
    assert "everything asked holds" in place.report("check.md")


@pytest.mark.docker
def test_without_waiting_a_server_that_is_not_there_yet_is_a_finding(place):
    place.write(seconds=600)
    done = place.deploy(WAIT="0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "connection refused" in done.stdout or "refused" in done.stdout
    assert ET.fromstring(place.report("check.xml")).attrib["failures"] == "1"
    assert [value for _, value in metrics(place.report("netdoctor.prom"))["netdoctor_edge_holds"]] == [0.0]


@pytest.mark.docker
def test_a_file_that_contradicts_itself_is_not_deployed(place):
    place.write(apart=True)
    done = place.deploy()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "== deploy" not in done.stdout
    assert place.running() == []
    sarif = json.loads(place.report("lint.sarif"))
    SARIF.validate(sarif)
    assert sarif["runs"][0]["results"]
    assert int(ET.fromstring(place.report("lint.xml")).attrib["failures"]) >= 1


@pytest.mark.docker
def test_report_only_deploys_all_the_same_and_tells_what_is_broken(place):
    place.write(apart=True)
    done = place.deploy(NETDOCTOR_EXIT_ZERO="1", WAIT="0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.running() == [f"{place.name}-app", f"{place.name}-web"]
    assert int(ET.fromstring(place.report("lint.xml")).attrib["failures"]) >= 1
    assert int(ET.fromstring(place.report("check.xml")).attrib["failures"]) == 1
    assert "**broken**" in place.report("check.md")


@pytest.mark.docker
def test_fail_on_decides_whether_a_warning_stops_the_deploy(place):
    """A health check with a tool that the image lacks works today and will say "unhealthy" tomorrow."""
    place.write()
    file = place.folder / "compose.yaml"
    check = '    healthcheck: {test: ["CMD", "curl", "-f", "http://localhost:6333/healthz"]}\n'
    file.write_text(
        file.read_text() + f"  store:\n    image: qdrant/qdrant:v1.16.1\n    container_name: {place.name}-s\n{check}"
    )
    done = place.deploy(FAIL_ON="warning")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ND504" in done.stdout
    assert place.running() == []
    lint = [str(place.path.split(":")[0] + "/netdoctor"), "lint", "-f", str(file)]
    assert subprocess.run(lint, capture_output=True, timeout=60).returncode == 0
