"""``netdoctor tunnel`` on a real engine, through every vantage."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from vantage import peer

from .conftest import in_a_child, settings

pytestmark = pytest.mark.docker
PROGRAM = ["python3", "-c", Path(peer.__file__).read_text("utf-8")]


@pytest.fixture(scope="module")
def pair(module_lab):
    lab = module_lab
    net = lab.network()
    target = lab.container("python", networks=[net], aliases=["target"], command=PROGRAM, word="target")
    app = lab.container("python", networks=[net], command=["sleep", "600"], word="app")
    bare = lab.container("scratch", networks=[net], word="bare")
    lab.wait_for_listener(target, *peer.TCP)
    return app, bare, target


@contextlib.contextmanager
def tunnel(*words: str) -> Iterator[tuple[tuple[str, int], subprocess.Popen[str]]]:
    argv = [sys.executable, "-m", "netdoctor", "tunnel", *words, "--format", "json"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings(PYTHONWARNINGS="error")
    ) as process:
        killer = threading.Timer(60, process.kill)
        killer.start()
        try:
            said = process.stdout.readline()
            assert said, process.stderr.read()
            listen = json.loads(said)["listen"]
            yield (listen["address"], listen["port"]), process
        finally:
            killer.cancel()
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(20)
    assert process.returncode == 0, process.returncode


def talk(at: tuple[str, int], sent: bytes, size: int) -> bytes:
    with socket.create_connection(at, 20) as near:
        near.settimeout(20)
        near.sendall(sent)
        return near.recv(size, socket.MSG_WAITALL)


@pytest.mark.parametrize("vantage", ["netns", "sidecar", "exec"])
def test_every_vantage_carries_many_connections_and_keeps_the_half_close(pair, vantage):
    app, _, target = pair
    with (
        tunnel(app.name, f"{target.name}:{peer.ECHO}", "--vantage", vantage) as (at, _process),
        ThreadPoolExecutor(20) as pool,
    ):
        sent = [f"connection {number} ".encode() * 500 for number in range(20)]
        assert list(pool.map(lambda data: talk(at, data, len(data)), sent)) == sent
    with (
        tunnel(app.name, f"{target.name}:{peer.TAIL}", "--vantage", vantage) as (at, _process),
        socket.create_connection(at, 20) as near,
    ):
        near.sendall(b"all of it")
        near.shutdown(socket.SHUT_WR)
        assert near.recv(100, socket.MSG_WAITALL).startswith(b"9 ")


def test_an_image_without_any_tool_is_tunnelled_from_too(pair):
    _, bare, target = pair
    with tunnel(bare.name, f"{target.name}:{peer.ECHO}") as (at, _process):
        assert at[0] == "127.0.0.1"
        assert talk(at, b"hello", 5) == b"hello"


def test_a_target_made_anew_is_found_at_its_new_address(lab):
    net = lab.network()
    name = lab.name("target")
    app = lab.container("scratch", networks=[net], word="app")
    first = lab.container("python", networks=[net], command=PROGRAM, name=name)
    lab.wait_for_listener(first, peer.ECHO)
    with tunnel(app.name, f"{name}:{peer.ECHO}") as (at, _process):
        assert talk(at, b"one", 3) == b"one"
        lab.api.remove_container(first.id, force=True)
        lab.keep(first)
        lab.container("scratch", networks=[net], word="takes-the-address")
        again = lab.container("python", networks=[net], command=PROGRAM, name=name)
        lab.wait_for_listener(again, peer.ECHO)
        assert talk(at, b"two", 3) == b"two"


def test_an_app_made_anew_is_stood_in_again(lab):
    net = lab.network()
    name = lab.name("app")
    first = lab.container("scratch", networks=[net], name=name)
    target = lab.container("python", networks=[net], command=PROGRAM, word="target")
    lab.wait_for_listener(target, peer.ECHO)
    with tunnel(name, f"{target.name}:{peer.ECHO}") as (at, _process):
        assert talk(at, b"one", 3) == b"one"
        lab.api.remove_container(first.id, force=True)
        lab.keep(first)
        lab.container("scratch", networks=[net], name=name)
        assert talk(at, b"two", 3) == b"two"


def test_a_nameserver_that_is_not_there_is_not_a_name_that_is_not_known(lab):
    app = lab.container("python", command=["sleep", "600"], dns=["127.0.0.9"], word="app")
    ended = in_a_child("tunnel", app.name, "nowhere.example:80", "--timeout", "2")
    assert (ended.status, ended.out) == (3, "")
    assert f"nowhere.example cannot be looked up from inside {app.name}" in ended.err
    assert "no nameserver answers (127.0.0.9: refused)" in ended.err
    assert "does not know the name" not in ended.err


def test_nothing_is_promised_where_the_target_does_not_answer(pair):
    app, _, target = pair
    ended = in_a_child("tunnel", app.name, f"{target.name}:{peer.CLOSED}")
    assert (ended.status, ended.out) == (1, "")
    assert "refused" in ended.err
    assert f"netdoctor check {app.name} {target.name}:{peer.CLOSED}" in ended.err


def test_ctrl_c_ends_it_with_130(pair):
    app, _, target = pair
    argv = [sys.executable, "-m", "netdoctor", "tunnel", app.name, f"{target.name}:{peer.ECHO}"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings(), start_new_session=True
    ) as process:
        killer = threading.Timer(60, process.kill)
        killer.start()
        assert "Ctrl-C" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        status = process.wait()
        killer.cancel()
        assert status == 130
        assert "Traceback" not in process.stderr.read()
