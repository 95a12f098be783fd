"""Joined connections are carried by a process of their own, which goes when its owner goes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netdoctor.migration.forwarder import Forwarder
from netdoctor.migration.pump import Pump
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.sockets import SocketStream


@contextmanager
def echo() -> Iterator[int]:
    """Gives back what it is sent, until the other side has ended."""

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(peer,), daemon=True).start()

    def answer(peer: socket.socket) -> None:
        with peer:
            while data := peer.recv(65536):
                peer.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def connected(path: str) -> socket.socket:
    near = socket.socket(socket.AF_UNIX)
    near.settimeout(10)
    near.connect(path)
    return near


def exchange(near: socket.socket, data: bytes) -> bytes:
    near.sendall(data)
    got = b""
    while len(got) < len(data):
        piece = near.recv(65536)
        if not piece:
            break
        got += piece
    return got


def over(near: socket.socket) -> bool:
    """Whether the other side has ended, in order or not."""
    try:
        return near.recv(1) == b""
    except ConnectionResetError:
        return True


def children() -> set[int]:
    mine: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            mine |= {int(child) for child in (task / "children").read_text().split()}
    return mine


def test_a_process_of_its_own_carries_the_connection_and_is_gone_afterwards():
    before = children()
    with (
        echo() as port,
        Forwarder(HostVantage(), "127.0.0.1", port) as forwarder,
        connected(forwarder.path) as near,
    ):
        assert exchange(near, b"x" * 1_000_000) == b"x" * 1_000_000
        assert len(children() - before) == 1
        near.shutdown(socket.SHUT_WR)
        assert near.recv(1) == b""
    assert children() == before


def test_the_end_of_the_forwarder_breaks_what_is_under_way():
    with echo() as port, Forwarder(HostVantage(), "127.0.0.1", port) as forwarder:
        near = connected(forwarder.path)
        assert exchange(near, b"one") == b"one"
    with near:
        assert over(near)


def test_without_the_process_connections_are_carried_here():
    before = children()
    with echo() as port, Forwarder(HostVantage(), "127.0.0.1", port) as forwarder:
        with connected(forwarder.path) as near:
            assert exchange(near, b"one") == b"one"
            (child,) = children() - before
            os.kill(child, signal.SIGKILL)
            assert over(near)
        with connected(forwarder.path) as near:
            assert exchange(near, b"two" * 1000) == b"two" * 1000
    assert children() == before


def test_a_pump_that_cannot_be_started_takes_nothing(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    pump = Pump()
    one, other = socket.socketpair()
    far, end = socket.socketpair()
    stream = SocketStream(far)
    try:
        assert pump.take(one, stream) is False
        stream.send(b"still here")
        assert end.recv(20) == b"still here"
    finally:
        pump.close()
        stream.close()
        for each in (one, other, end):
            each.close()


def test_it_ends_when_its_owner_is_killed():
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from netdoctor.migration.pump import Pump; import time\n"
            "pump = Pump(); pump.start(); print(pump._process.pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        child = int(owner.stdout.readline())
        owner.kill()
    deadline = time.monotonic() + 20
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    """One that has ended may still wait for whoever collects such processes here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
