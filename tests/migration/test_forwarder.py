"""A unix socket that comes out elsewhere: half-close kept, nothing left behind."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netdoctor.migration.forwarder import Forwarder, sweep
from netdoctor.model import Outcome
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import CannotAsk, DialFailed


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that reads until the end of the request, answers with its length and ``answer``, and ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    got = 0
                    while data := peer.recv(65536):
                        got += len(data)
                    peer.sendall(str(got).encode() + answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def ask(path: str, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as near:
        near.settimeout(10)
        near.connect(path)
        near.sendall(request)
        near.shutdown(socket.SHUT_WR)
        answer = b""
        while data := near.recv(65536):
            answer += data
        return answer


def forwarding_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("netdoctor-forward")]


def settled() -> bool:
    deadline = time.monotonic() + 5
    while forwarding_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not forwarding_threads()


def test_a_megabyte_goes_through_and_the_half_close_is_kept() -> None:
    with answering(b"!" * 300_000) as port, Forwarder(HostVantage(), "127.0.0.1", port) as forwarder:
        request = os.urandom(1 << 20)
        for _ in range(3):
            assert ask(forwarder.path, request) == str(1 << 20).encode() + b"!" * 300_000


def test_connections_run_side_by_side() -> None:
    with answering(b"") as port, Forwarder(HostVantage(), "127.0.0.1", port) as forwarder:
        with socket.socket(socket.AF_UNIX) as idle:
            idle.connect(forwarder.path)
            idle.sendall(b"waiting")
            # The server takes one at a time, so end the idle one while a second waits behind it.
            answers: list[bytes] = []
            second = threading.Thread(target=lambda: answers.append(ask(forwarder.path, b"12345")))
            second.start()
            idle.shutdown(socket.SHUT_WR)
            assert idle.recv(10) == b"7"
            second.join(5)
        assert answers == [b"5"]


def test_only_we_may_enter_and_nothing_stays() -> None:
    forwarder = Forwarder(HostVantage(), "127.0.0.1", 9)
    folder = Path(forwarder.path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    forwarder.close()
    forwarder.close()
    assert not folder.exists()
    assert settled()


def test_closing_breaks_open_connections() -> None:
    with answering(b"") as port:
        forwarder = Forwarder(HostVantage(), "127.0.0.1", port)
        with socket.socket(socket.AF_UNIX) as near:
            near.settimeout(5)
            near.connect(forwarder.path)
            near.sendall(b"x")
            time.sleep(0.1)
            forwarder.close()
            assert near.recv(1) == b""
    assert settled()


def test_a_dial_that_fails_is_told_and_ends_the_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound, not listening: refuses
        with Forwarder(HostVantage(), "127.0.0.1", port) as forwarder:
            with pytest.raises(OSError) as caught:
                answer = ask(forwarder.path, b"x")
                raise ConnectionResetError(answer.decode() or "ended")
            assert isinstance(caught.value, ConnectionError)
            assert isinstance(forwarder.last_failure, DialFailed)
            assert forwarder.last_failure.outcome is Outcome.REFUSED


class NoHalfClose(HostVantage):
    """A vantage whose streams, like those of some exec recipes, can only be ended in both directions."""

    def dial(self, address: str, port: int, timeout: float):  # type: ignore[no-untyped-def]
        stream = super().dial(address, port, timeout)

        class Whole:
            send, receive, close = stream.send, stream.receive, stream.close

            def close_write(self) -> None:
                raise CannotAsk("cannot half-close")

        return Whole()


def test_a_vantage_that_cannot_half_close_ends_the_connection() -> None:
    with answering(b"") as port, Forwarder(NoHalfClose(), "127.0.0.1", port) as forwarder:
        assert ask(forwarder.path, b"12345") == b""
    assert settled()


def test_what_a_killed_run_left_is_swept_and_what_lives_is_not(tmp_path: Path) -> None:
    with Forwarder(HostVantage(), "127.0.0.1", 9) as living:
        dead = Path(living.path).parent.with_name(f"netdoctor-forward-dead{os.getpid()}")
        dead.mkdir(0o700)
        try:
            with socket.socket(socket.AF_UNIX) as gone:
                gone.bind(str(dead / "s"))
                gone.listen()
            sweep()
            assert dead.exists()  # too young to be sure
            os.utime(dead, (1, 1))
            os.utime(Path(living.path).parent, (1, 1))
            sweep()
            assert not dead.exists()
            assert Path(living.path).exists()
        finally:
            shutil.rmtree(dead, ignore_errors=True)


def test_a_long_temporary_folder_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with answering(b"!") as port, Forwarder(HostVantage(), "127.0.0.1", port) as forwarder:
        assert ask(forwarder.path, b"12") == b"2!"
