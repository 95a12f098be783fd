"""Two engines, one Swarm, one overlay: what is asked across nodes holds, and what this node cannot see is said so."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "compose" / "engine.sh"
WIRE = ROOT / "compose" / "engines"

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="engines of their own need root"),
]


def run(*words: str, check: bool = True, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(list(words), input=data, capture_output=True, timeout=120, check=False)
    assert not check or done.returncode == 0, (words, done.stderr.decode())
    return done


class Node:
    """A private engine (``compose/engine.sh --private``)."""

    def __init__(self, images: bytes) -> None:
        self.folder = tempfile.mkdtemp(prefix="nde-", dir="/tmp")  # a socket's path must be short
        self.host = run(str(ENGINE), "--private", self.folder, "ensure").stdout.decode().strip()
        self.docker("load", data=images)

    @property
    def pid(self) -> int:
        return int(Path(self.folder, "state", "engine").read_text().split()[0])

    def docker(self, *words: str, data: bytes = b"") -> str:
        return run("docker", "-H", self.host, *words, data=data).stdout.decode().strip()

    def stop(self) -> None:
        left = self.docker("ps", "-aq").split()
        if left:
            self.docker("rm", "-f", *left)
        run(str(ENGINE), "--private", self.folder, "stop", check=False)


@pytest.fixture(scope="module")
def nodes(module_lab: object) -> Iterator[tuple[Node, Node]]:
    """``app`` on the first; ``db``, which listens on 8080, and ``far`` on the second; all on the overlay ``ndov``."""
    module_lab.image("busybox")  # type: ignore[attr-defined]
    images = run("docker", "save", "netdoctor-lab/busybox:1").stdout
    with ExitStack() as stack:
        first, second = Node(images), None
        stack.callback(first.stop)
        second = Node(images)
        stack.callback(second.stop)
        joined = f"import sys; sys.path.insert(0, {str(WIRE)!r}); import wire; wire.join([{first.pid}, {second.pid}])"
        run(sys.executable, "-c", joined)
        first.docker("swarm", "init", "--advertise-addr", "198.18.214.1")
        token = first.docker("swarm", "join-token", "-q", "worker")
        second.docker("swarm", "join", "--token", token, "--advertise-addr", "198.18.214.2", "198.18.214.1:2377")
        first.docker("network", "create", "--driver", "overlay", "--attachable", "ndov")
        image = "netdoctor-lab/busybox:1"
        first.docker("run", "-d", "--name", "app", "--network", "ndov", image)
        second.docker("run", "-d", "--name", "db", "--network", "ndov", image, "httpd", "-f", "-p", "8080")
        yield first, second


def netdoctor(node: Node, *words: str, state: Path) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "DOCKER_HOST": node.host, "NETDOCTOR_STATE_DIR": str(state)}
    return subprocess.run(
        [sys.executable, "-m", "netdoctor", *words],
        capture_output=True,
        timeout=120,
        check=False,
        env=environment,
        cwd=ROOT,
    )


def check(node: Node, *words: str, state: Path) -> tuple[int, dict[str, object]]:
    done = netdoctor(node, "check", *words, "--format", "json", state=state)
    return done.returncode, json.loads(done.stdout)


def test_the_overlay_carries_a_connection_to_the_other_node(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    status, report = check(nodes[0], "app", "tcp://db:8080", state=tmp_path)
    assert (status, report["verdict"], report["findings"]) == (0, "holds", [])


def test_a_closed_port_on_the_other_node_is_broken(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    status, report = check(nodes[0], "app", "tcp://db:8099", state=tmp_path)
    assert (status, report["verdict"]) == (1, "broken")


@pytest.mark.parametrize("words", [("app", "db:8080"), ("app", "db"), ("db", "app")])
def test_a_container_on_another_node_is_said_to_be_there(
    nodes: tuple[Node, Node], tmp_path: Path, words: tuple[str, str]
) -> None:
    """Never "there is none", and never a verdict from what this engine cannot inspect."""
    status, report = check(nodes[0], *words, state=tmp_path)
    said = json.dumps(report)
    assert status == 2, said
    assert "another node of the Swarm (198.18.214.2)" in said
    assert ("tcp://db:" in said) is (words[0] == "app")


@pytest.mark.parametrize(
    ("words", "next_command"),
    [
        (("fix", "app", "db:8080", "--dry-run"), "netdoctor check app tcp://db:8080."),
        (("fix", "app", "db", "--dry-run"), "netdoctor check app tcp://db:PORT."),
        (("fix", "db", "app", "--dry-run"), "Run netdoctor fix on that node."),
        (("tunnel", "app", "db:8080"), "netdoctor tunnel app tcp://db:8080\n"),
        (("tunnel", "db", "app:80"), "Run netdoctor tunnel on that node."),
        (("enter", "db", "--", "true"), "Run netdoctor enter on that node."),
        (("map", "app", "db"), "netdoctor check app tcp://db:PORT."),
        (("check", "db"), "Run netdoctor check on that node."),
        (("vectors", "bench", "any", "--via", "db"), "Run netdoctor vectors bench on that node."),
    ],
)
def test_every_verb_says_the_same_sentence_and_its_own_next_command(
    nodes: tuple[Node, Node], tmp_path: Path, words: tuple[str, ...], next_command: str
) -> None:
    done = netdoctor(nodes[0], *words, state=tmp_path)
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b""), said
    assert "'db' is on the overlay network ndov, but runs on another node of the Swarm (198.18.214.2)" in said
    assert next_command in said


def test_a_tunnel_goes_through_the_overlay_to_the_other_node(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    """The next command that the refusal names is one that works."""
    words = ["tunnel", "app", "tcp://db:8080", "--format", "json", "--vantage", "netns"]
    environment = {**os.environ, "DOCKER_HOST": nodes[0].host, "NETDOCTOR_STATE_DIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", "netdoctor", *words], stdout=subprocess.PIPE, env=environment, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            at = json.loads(process.stdout.readline())["listen"]
            with socket.create_connection((at["address"], at["port"]), 20) as near:
                near.settimeout(20)
                near.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert near.recv(7, socket.MSG_WAITALL) == b"HTTP/1."
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_a_name_on_no_node_is_not_found(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    status, report = check(nodes[0], "app", "nobody:8080", state=tmp_path)
    assert status == 2
    assert "another node" not in json.dumps(report)
