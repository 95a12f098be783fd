"""docs/watch.md says what the watch does: its metrics and events, and a unit and a service that can be used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ci.kit import program

from netdoctor.live.alerts import _RANK
from netdoctor.live.metrics import Gauge, Numbers, render
from netdoctor.model import Verdict

from .running import ROOT

PAGE = (ROOT / "docs" / "watch.md").read_text("utf-8")


def block(language: str, holds: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (one,) = [each for each in found if holds in each]
    return str(one)


def test_every_metric_is_listed_and_every_listed_one_is_served():
    served = re.findall(r"^# TYPE (\S+)", render(Numbers((Gauge({}, Verdict.HOLDS, 0.1),))), re.MULTILINE)
    assert re.findall(r"^\| `(netdoctor_\w+)` \|", PAGE, re.MULTILINE) == served
    rules = block("yaml", "groups:")
    assert set(re.findall(r"netdoctor_\w+", rules)) <= set(served)


def test_every_event_is_listed():
    table = PAGE.partition("| event | |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == {*_RANK, "summary"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_the_unit_is_one_that_systemd_takes(tmp_path):
    text = block("ini", "[Unit]").replace("/usr/local/bin/netdoctor", str(program(tmp_path / "bin")))
    unit = tmp_path / "netdoctor-watch.service"
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "netdoctor-watch" in line]
    # Where Docker came without a unit of its own, that one is not known; ours has to be right all the same.
    assert [line for line in ours if "docker.service" not in line] == []
    broken = unit.with_name("broken.service")
    broken.write_text(text.replace("RestartSec=5s", "RestartSec=soon"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(broken)], capture_output=True, text=True, check=False
    )
    assert "soon" in done.stdout + done.stderr, "it would have said so"


def test_the_unit_gives_the_rights_that_the_container_page_gives():
    unit = block("ini", "[Unit]")
    (rights,) = re.findall(r"^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE)
    service = yaml.safe_load(block("yaml", "stop_grace_period"))["services"]["netdoctor"]
    assert [each.removeprefix("CAP_") for each in rights.split()] == service["cap_add"]
    container = (ROOT / "docs" / "container.md").read_text("utf-8")
    assert all(f"--cap-add {each}" in container for each in service["cap_add"])


def composes() -> list[str]:
    found = {}
    for each in os.environ.get("PATH", "").split(os.pathsep):
        path = Path(each, "docker-compose")
        if path.is_file() and os.access(path, os.X_OK):
            found.setdefault(os.path.realpath(path), str(path))
    return [*found.values()]


@pytest.mark.skipif(not composes(), reason="there is no docker-compose here")
@pytest.mark.parametrize("compose", composes() or [""])
def test_the_service_is_one_that_compose_takes(compose, tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text(block("yaml", "stop_grace_period"))
    done = subprocess.run([compose, "-f", str(file), "config"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    service = yaml.safe_load(done.stdout)["services"]["netdoctor"]
    assert service["command"][:2] == ["watch", "--heal"]
    assert service["pid"] == "host"
    assert "9469" in json.dumps(service["ports"])
