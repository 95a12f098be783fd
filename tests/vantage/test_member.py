"""Most users are members of the docker group and not root: the same contract, run as one of them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import site
from .contract import CHECKS

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="becoming another user needs setpriv"),
]

NOBODY = 65534
CAP_DAC_READ_SEARCH = 1 << 2
PLACES = [[kind, image] for kind in ("sidecar", "exec") for image in ("busybox", "python", "scratch")][:-1]
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def place(module_lab: Any) -> site.Site:
    return site.build(module_lab)


@pytest.fixture(scope="module")
def seen(engine: Any, place: site.Site) -> dict[str, Any]:
    """What a process of uid 65534 in the engine's group, with no capability, saw."""
    socket = engine.host.socket_path
    if socket is None or not socket.stat().st_mode & 0o060:
        pytest.skip("the engine's socket is not open to a group")
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", f"--groups={socket.stat().st_gid}"]
    plain = [*become, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    argv = [*plain, sys.executable]
    if subprocess.run([*argv, "-c", "import docker"], capture_output=True, timeout=60, check=False).returncode:
        # An interpreter under /root: reading it is the one right such a user gets here.
        argv = [*become, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", sys.executable]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{TESTS.parent}:{TESTS}",
    }
    task = json.dumps({"site": dataclasses.asdict(place), "places": PLACES})
    done = subprocess.run(
        [*argv, "-m", "vantage.as_member"],
        cwd="/",
        input=task,
        capture_output=True,
        text=True,
        timeout=240,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_process_really_had_no_privileges(seen: dict[str, Any]) -> None:
    assert seen["uid"] == NOBODY
    assert seen["capabilities"] in (0, CAP_DAC_READ_SEARCH)


@pytest.mark.parametrize("name", sorted(CHECKS))
@pytest.mark.parametrize(("kind", "image"), PLACES)
def test_contract(seen: dict[str, Any], kind: str, image: str, name: str) -> None:
    assert seen["results"][f"{kind}-{image}-{name}"] == ""


def test_auto_takes_a_helper_and_says_how_to_do_better(seen: dict[str, Any]) -> None:
    assert {seen["chosen"][f"auto-{image}"] for image in ("busybox", "python", "scratch")} == {"sidecar"}
    (notice,) = set(seen["notices"])
    assert "needs root" in notice
    assert re.search(r"sudo \S*netdoctor", notice)
    assert "using sidecar" in notice


def test_netns_by_name_is_refused_with_the_command_that_would_do(seen: dict[str, Any]) -> None:
    for image in ("busybox", "python", "scratch"):
        assert "needs root" in seen["chosen"][f"netns-{image}"]
        assert re.search(r"sudo \S*netdoctor", seen["chosen"][f"netns-{image}"])
