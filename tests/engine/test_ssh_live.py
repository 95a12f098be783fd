"""``ssh://``: everything that works beside the engine works over ssh to it, and nothing is left behind."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import in_a_child, settings
from vantage import peer, site
from vantage.contract import CHECKS, Stand

from netdoctor.engine.client import open_engine
from netdoctor.engine.hosts import resolve_host
from netdoctor.topology.engine import read_topology
from netdoctor.vantage.choose import Vantages

from .over_ssh import Remote, over_ssh

pytestmark = pytest.mark.docker
PROGRAM = ["python3", "-c", Path(peer.__file__).read_text("utf-8")]


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with over_ssh(tmp_path_factory.mktemp("ssh")) as found:
        yield found


@pytest.fixture(scope="module")
def place(module_lab: Any) -> site.Site:
    return site.build(module_lab, ["python"])


@pytest.fixture(scope="module", params=["sidecar", "exec"])
def stand(request: Any, remote: Remote, place: site.Site) -> Iterator[Stand]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", remote.environment["PATH"])
        with open_engine(resolve_host(remote.url)) as engine:
            topology = read_topology(engine)
            with Vantages(engine, topology, preference=request.param) as vantages:
                yield place.stand(vantages.at(site.container(topology, place.sources["python"][0]).ref), "python")
    assert not list(Path(tempfile.gettempdir()).glob("netdoctor-ssh-*/engine.sock"))
    assert not [each for each in threading.enumerate() if each.name == "netdoctor-ssh"]


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_contract(stand: Stand, name: str) -> None:
    CHECKS[name](stand)


@pytest.fixture
def broken(lab: Any) -> tuple[Any, Any]:
    """An app and a target that share no network."""
    one, two = lab.network(), lab.network()
    target = lab.container(networks=[two], command=["httpd", "-f", "-p", "8080"], word="web")
    app = lab.container("python", networks=[one], env={"WEB_URL": f"http://{target.name}:8080"}, word="app")
    return app, target


def test_check_fix_and_undo_over_ssh(remote, broken, tmp_path):
    app, target = broken
    env = {**remote.environment, "NETDOCTOR_HOST": remote.url, "NETDOCTOR_STATE_DIR": str(tmp_path)}
    red = in_a_child("check", app.name, target.name, "--format", "json", env=env)
    found = json.loads(red.out)
    assert (red.status, found["findings"][0]["code"]) == (1, "ND101"), red
    assert in_a_child("fix", app.name, target.name, "--yes", env=env).status == 0
    assert in_a_child("check", app.name, target.name, env=env).status == 0
    assert in_a_child("undo", "--yes", env=env).status == 0
    assert in_a_child("check", app.name, target.name, env=env).status == 1


def test_netns_is_not_even_tried_and_the_reason_is_said(remote, broken):
    app, target = broken
    ended = in_a_child("check", app.name, target.name, env={**remote.environment, "NETDOCTOR_HOST": remote.url})
    assert "netns is not possible (the engine runs on another machine)" in ended.err


def test_enter_and_doctor_over_ssh(remote, broken, tmp_path):
    app, _ = broken
    env = {**remote.environment, "NETDOCTOR_HOST": remote.url, "NETDOCTOR_STATE_DIR": str(tmp_path)}
    entered = in_a_child("enter", app.name, "--", "python3", "-c", "print(6 * 7)", env=env)
    assert (entered.status, entered.out) == (0, "42\n")
    told = in_a_child("doctor", env=env)
    assert told.status == 0
    assert remote.url in told.out


def test_a_tunnel_over_ssh_carries_an_answer_behind_a_half_close(remote, lab):
    net = lab.network()
    target = lab.container("scratch", networks=[net], word="target")
    app = lab.container("python", networks=[net], word="app")
    lab.wait_for_listener(target, 8080)
    argv = [sys.executable, "-m", "netdoctor", "tunnel", app.name, f"{target.name}:8080", "--format", "json"]
    env = {**os.environ, **remote.environment, "NETDOCTOR_HOST": remote.url}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=env) as process:
        try:
            at = json.loads(process.stdout.readline())["listen"]
            with socket.create_connection((at["address"], at["port"]), 20) as near:
                near.settimeout(20)
                near.sendall(b"GET / HTTP/1.0\r\n\r\n")
                near.shutdown(socket.SHUT_WR)
                assert near.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_a_key_that_is_not_let_in_is_said_in_ssh_s_own_words(remote):
    ended = in_a_child("-H", remote.url, env=remote.stranger)
    assert (ended.status, ended.out) == (3, "")
    assert "Permission denied" in ended.err
    assert remote.url in ended.err


def test_nobody_at_the_other_end_is_said_in_ssh_s_own_words(remote):
    ended = in_a_child("-H", "ssh://127.0.0.1:9", env=remote.environment)
    assert ended.status == 3
    assert "Connection refused" in ended.err


def test_without_a_folder_for_its_socket_it_is_one_sentence(remote, tmp_path):
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    ended = in_a_child("-H", remote.url, env={**remote.environment, "TMPDIR": str(deep)})
    assert (ended.status, ended.out) == (3, "")
    assert "too long" in ended.err
    assert "TMPDIR=" in ended.err
    assert not list(deep.iterdir())


def test_no_ssh_outlives_us(remote, broken):
    app, target = broken
    port = remote.url.rpartition(":")[2]
    before = _talking_to(port)
    argv = [sys.executable, "-m", "netdoctor", "-H", remote.url, "check", app.name, target.name]
    with subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=settings(**remote.environment)
    ) as process:
        assert process.wait(60) == 1
    assert _talking_to(port) <= before


def _talking_to(port: str) -> set[str]:
    """The ssh processes of this machine that do; another test's may be among them."""
    found = set()
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"ssh") and port.encode() in words and int(each.parent.name) != os.getpid():
            found.add(each.parent.name)
    return found
