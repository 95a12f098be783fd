"""A vantage's sockets, given to a client that speaks on them itself."""

from __future__ import annotations

import gc
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from netdoctor.migration.bounded import BoundedTransport, at_most
from netdoctor.migration.dialled import dialled, gives_sockets
from netdoctor.migration.target import Transport, open_server
from netdoctor.migration.targets.interface import TargetUnreachable, Transient
from netdoctor.migration.targets.rest import RestTarget
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import CannotAsk, Stream

from .lab import Server, records, run_once, server, via_host, write_export

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Counted(HostVantage):
    """The machine itself, with a look at what was dialled."""

    def __init__(self) -> None:
        super().__init__()
        self.dials: list[tuple[str, int, float]] = []

    def dial(self, address, port, timeout):
        self.dials.append((address, port, timeout))
        return super().dial(address, port, timeout)


class Relayed(HostVantage):
    """Its streams are none that could be given away, like those of a helper container."""

    def dial(self, address, port, timeout):
        stream = super().dial(address, port, timeout)

        class Other:
            send, receive, close, close_write = stream.send, stream.receive, stream.close, stream.close_write

        return Other()


@contextmanager
def speaker(reply: bytes = REPLY, *, context: ssl.SSLContext | None = None, each: int = 100) -> Iterator[int]:
    """A server that reads a request's head and answers, ``each`` times a connection, and then ends it."""

    def serve(one: socket.socket) -> None:
        with one:
            try:
                speaking = context.wrap_socket(one, server_side=True) if context else one
                with speaking:
                    speaking.settimeout(10)
                    for _ in range(each):
                        if not speaking.recv(65536):
                            return
                        speaking.sendall(reply)
            except OSError:
                return

    threads = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    one, _ = listening.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=serve, args=(one,)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
            for thread in threads:
                thread.join(11)


def client(vantage: HostVantage, port: int, *, most: float = 4.0) -> httpx.Client:
    return httpx.Client(transport=BoundedTransport(connect=dialled(vantage, "127.0.0.1", port, most=most)), timeout=5)


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_name_that_this_machine_does_not_know_is_spoken_to_where_the_vantage_dials():
    vantage = Counted()
    with speaker() as port, client(vantage, port) as web:
        for _ in range(3):
            assert web.get(f"http://qdrant.invalid:{port}/").text == "hi"
    assert [each[:2] for each in vantage.dials] == [("127.0.0.1", port)]  # kept open for the next request


def test_a_connection_that_the_server_has_ended_is_dialled_anew():
    vantage = Counted()
    with speaker(each=1) as port, client(vantage, port) as web:
        for _ in range(3):
            assert web.get(f"http://q:{port}/").text == "hi"
            time.sleep(0.05)
    assert len(vantage.dials) == 3


def test_the_name_in_the_certificate_is_that_of_the_url(tmp_path, monkeypatch):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=qdrant.internal"]
    words += ["-addext", "subjectAltName=DNS:qdrant.internal", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    before = descriptors()
    with speaker(context=context) as port, client(HostVantage(), port) as web:
        with at_most(5, 10_000):
            assert web.get(f"https://qdrant.internal:{port}/").text == "hi"
        with pytest.raises(httpx.ConnectError, match="certificate"):
            web.get(f"https://other.internal:{port}/")
    assert descriptors() == before


def test_a_dial_that_fails_is_told_with_what_came_of_it():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        port = taken.getsockname()[1]
        target = RestTarget(f"http://q:{port}", connect=dialled(HostVantage(), "127.0.0.1", port, most=4))
        try:
            with pytest.raises(Transient, match=r"^refused \(Connection refused\)$"):
                target.count("c")
        finally:
            target.close()


def test_a_vantage_that_may_not_ask_says_why():
    class Closed(HostVantage):
        def dial(self, address, port, timeout):
            raise CannotAsk("this vantage is closed")

    with client(Closed(), 9) as web, pytest.raises(httpx.ConnectError, match="this vantage is closed"):
        web.get("http://q:9/")


def test_the_shorter_of_both_times_is_what_a_dial_gets():
    vantage = Counted()
    with speaker() as port:
        for given in (1.0, 9.0, None):
            dialled(vantage, "127.0.0.1", port, most=4)(given).close()
    assert [each[2] for each in vantage.dials] == [1.0, 4, 4]


def test_a_stream_that_is_closed_meanwhile_is_an_error_of_the_connection():
    class Swift(HostVantage):
        def dial(self, address, port, timeout):
            stream = super().dial(address, port, timeout)
            stream.close()
            return stream

    before = descriptors()
    with speaker() as port, pytest.raises(OSError, match="file descriptor"):
        dialled(Swift(), "127.0.0.1", port, most=4)(None)
    assert descriptors() == before


def test_only_sockets_are_given_away():
    before = descriptors()
    with speaker() as port:
        for vantage, is_one in ((HostVantage(), True), (Relayed(), False)):
            stream: Stream = vantage.dial("127.0.0.1", port, 4)
            assert gives_sockets(stream) is is_one
            stream.close()
        with pytest.raises(OSError, match="no socket"):
            dialled(Relayed(), "127.0.0.1", port, most=4)(None)
    assert descriptors() == before


@pytest.mark.parametrize("vantage", [HostVantage(), Relayed()], ids=["sockets", "relayed"])
def test_a_migration_over_rest_leaves_no_descriptor_and_no_thread(
    vantage: HostVantage, qdrant: Server, own: str, tmp_path: Path
) -> None:
    export = write_export(tmp_path / "e", [{**thing, "namespace": own} for thing in records(300)])
    before = descriptors(), set(threading.enumerate())
    with open_server(qdrant.address(), vantage=vantage, transport=Transport.REST) as target:
        threads = {thread.name for thread in set(threading.enumerate()) - before[1]}
        assert ("netdoctor-forward" in threads) is isinstance(vantage, Relayed)
        assert run_once(export, target, tmp_path / "l").good
    # Fewer are no fault: what another test left may have ended meanwhile.
    # And a thread that is told to end may take a moment.
    for thread in set(threading.enumerate()) - before[1]:
        thread.join(10)
        assert not thread.is_alive()
    assert descriptors() <= before[0]


def test_a_server_that_goes_away_is_told_as_what_it_is(tmp_path: Path) -> None:
    with server(tmp_path) as running, via_host(running, Transport.REST) as target:
        running.process.kill()
        running.process.wait(10)
        with pytest.raises(Transient):  # what was open is found broken, or ended
            target.count("c")
        with pytest.raises(Transient, match="refused"):
            target.count("c")
        with pytest.raises(TargetUnreachable, match="refused the connection"), via_host(running, Transport.REST):
            pass
