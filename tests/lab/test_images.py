"""The lab's images do on an engine what the tests that stand on them rely on."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

pytestmark = pytest.mark.docker

BUILD = Path(__file__).parents[2] / "compose" / "images" / "build.sh"
NAMES = ("busybox", "scratch", "python", "probe", "qdrant")


def docker(*arguments: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., str]]:
    """Starts a container of a lab image on a network of this module; gives its name."""
    network = f"lab-{uuid4().hex[:10]}"
    started: list[str] = []
    subprocess.run([str(BUILD)], check=True, timeout=300)
    assert docker("network", "create", network).returncode == 0

    def begin(image: str, *arguments: str, options: tuple[str, ...] = ()) -> str:
        name = f"lab-{image}-{uuid4().hex[:8]}"
        started.append(name)
        found = docker(
            "run", "--detach", "--name", name, "--network", network, *options, f"netdoctor-lab/{image}:1", *arguments
        )
        assert found.returncode == 0, found.stderr
        return name

    try:
        yield begin
    finally:
        docker("rm", "--force", *started)
        docker("network", "rm", network)


def fetch(source: str, url: str) -> str:
    """A page as the busybox container `source` gets it, asked for up to 5 seconds."""
    for _ in range(25):
        answer = docker("exec", source, "timeout", "3", "wget", "-qO-", url)
        if answer.returncode == 0:
            break
        time.sleep(0.2)
    return answer.stdout


def test_a_second_build_changes_nothing() -> None:
    subprocess.run([str(BUILD)], check=True, timeout=300)
    before = [docker("image", "inspect", "--format", "{{.Id}}", f"netdoctor-lab/{name}:1").stdout for name in NAMES]
    again = subprocess.run([str(BUILD)], check=True, timeout=60, capture_output=True, text=True)
    after = [docker("image", "inspect", "--format", "{{.Id}}", f"netdoctor-lab/{name}:1").stdout for name in NAMES]
    assert before == after
    assert again.stdout == ""
    assert again.stderr.count("is current") == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_image_is_labelled_and_ends_promptly(run: Callable[..., str], name: str) -> None:
    labels = json.loads(
        docker("image", "inspect", "--format", "{{json .Config.Labels}}", f"netdoctor-lab/{name}:1").stdout
    )
    assert labels["netdoctor.lab"] == "1"
    assert ("netdoctor.probe" in labels) == (name == "probe")
    assert ("netdoctor.stand-in" in labels) == (name == "qdrant")
    container = run(name)
    time.sleep(0.5)
    started = time.monotonic()
    docker("stop", "--time", "10", container)
    assert time.monotonic() - started < 5
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip() == "0"


def test_names_pages_and_the_stand_in_are_reachable_from_busybox(run: Callable[..., str]) -> None:
    app, server, qdrant = run("busybox"), run("scratch"), run("qdrant")
    assert fetch(app, f"http://{server}:8080/healthz") == "ok\n"
    assert "netdoctor lab stand-in for Qdrant" in fetch(app, f"http://{qdrant}:6333/")
    assert server in docker("exec", app, "nslookup", server).stdout
    assert docker("exec", app, "ping", "-c", "1", "-W", "2", server).returncode == 0


def test_the_scratch_image_has_no_shell_and_can_listen_on_loopback_only(run: Callable[..., str]) -> None:
    app, server = run("busybox"), run("scratch", "--listen", "127.0.0.1", "--port", "9000")
    assert docker("exec", server, "sh", "-c", "true").returncode in {126, 127}
    refused = docker("exec", app, "timeout", "5", "wget", "-qO-", f"http://{server}:9000/")
    assert refused.returncode != 0
    assert "refused" in refused.stderr


def test_the_probe_image_can_use_raw_sockets_with_one_capability(run: Callable[..., str]) -> None:
    options = ("--cap-drop", "ALL", "--cap-add", "NET_RAW", "--read-only")
    probe = run("probe", options=options)
    program = "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); print('raw')"
    assert docker("exec", probe, "python3", "-c", program).stdout == "raw\n"
