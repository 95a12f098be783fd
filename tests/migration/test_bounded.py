"""HTTP whose answers end: in time, in size, head and body."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from netdoctor.migration.bounded import BoundedTransport, at_most, whole
from netdoctor.migration.targets.interface import TargetUnreachable
from netdoctor.migration.targets.rest import RestTarget

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def speaker(first: bytes, again: bytes = b"", pause: float = 0.0, family: str = "") -> Iterator[str]:
    """Answers each connection with ``first`` and then ``again`` for ever; its URL, or the socket ``family``."""
    ended = threading.Event()

    def answer(one: socket.socket) -> None:
        with one:
            try:
                one.recv(65536)
                one.sendall(first)
                while again and not ended.is_set():
                    one.sendall(again)
                    ended.wait(pause)
            except OSError:
                return

    with socket.create_server(family or ("127.0.0.1", 0), family=socket.AF_UNIX if family else socket.AF_INET) as made:
        made.settimeout(0.1)
        threads = []

        def serve() -> None:
            while not ended.is_set():
                try:
                    one, _ = made.accept()
                except OSError:
                    continue
                threads.append(threading.Thread(target=answer, args=(one,)))
                threads[-1].start()

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield "" if family else f"http://127.0.0.1:{made.getsockname()[1]}"
        finally:
            ended.set()
            serving.join(5)
            for each in threads:
                each.join(5)


def get(url: str, uds: str | None = None) -> httpx.Response:
    with httpx.Client(transport=BoundedTransport(uds=uds), timeout=5) as client:
        return client.get(url)


def test_what_is_short_and_quick_is_an_answer_as_of_any_client(tmp_path):
    said = OK + b"Content-Length: 2\r\nX-A: b\r\n\r\nhi"
    with speaker(said) as url, at_most(5, 1000):
        answer = get(url)
    assert (answer.status_code, answer.text, answer.headers["x-a"]) == (200, "hi", "b")
    with speaker(said, family=str(tmp_path / "s")):
        assert get("http://qdrant:6333", str(tmp_path / "s")).text == "hi"


@pytest.mark.parametrize("first", [OK, OK + b"Content-Length: 9999\r\n\r\n", b""], ids=["head", "body", "line"])
def test_bytes_that_come_one_by_one_are_given_up_in_time(first):
    with speaker(first, b"X: y\r\n" if first == OK else b"H", 0.05) as url:
        began = time.monotonic()
        with at_most(0.5, 1_000_000), pytest.raises(httpx.ReadTimeout):
            get(url)
        assert time.monotonic() - began < 5


def test_a_body_without_an_end_is_given_up_at_its_size():
    with speaker(OK + b"\r\n", b"A" * 65536) as url, at_most(30, 1_000_000), pytest.raises(httpx.ReadError):
        get(url)


def test_the_bound_is_the_threads_own_and_ends_with_its_block():
    body = b"A" * 5000
    with speaker(OK + b"Content-Length: 5000\r\n\r\n" + body) as url:
        with at_most(5, 100), pytest.raises(httpx.ReadError):
            get(url)
        assert get(url).content == body


def test_what_is_compressed_unasked_is_not_unpacked():
    packed = zlib.compress(b"\0" * 50_000_000, wbits=31)
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with speaker(head + packed) as url, pytest.raises(httpx.DecodingError):
        get(url)


def test_a_reply_of_another_transport_is_bounded_when_it_is_read_whole():
    packed = zlib.compress(b"\0" * 50_000_000, wbits=31)
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    for said, again, seconds, how in (
        (head + packed, b"", 30, httpx.ReadError),
        (OK + b"Content-Length: 9999\r\n\r\n", b"A", 0.3, httpx.ReadTimeout),
    ):
        with (
            speaker(said, again, 0.05) as url,
            httpx.Client() as client,
            client.stream("GET", url) as reply,
            pytest.raises(how),
        ):
            whole(reply, seconds, 1_000_000)


def test_nobody_there_is_told_in_httpxs_words():
    with socket.create_server(("127.0.0.1", 0)) as made:
        url = f"http://127.0.0.1:{made.getsockname()[1]}"
    with pytest.raises(httpx.ConnectError):
        get(url)


def test_a_server_in_qdrants_place_that_never_ends_is_none():
    for first, again in ((OK, b"X: y\r\n"), (OK + b"\r\n", b"A" * 65536)):
        with speaker(first, again, 0.05 if first == OK else 0.0) as url:
            target = RestTarget(url, timeout=1)
            try:
                with pytest.raises(TargetUnreachable):
                    target.health()
            finally:
                target.close()


def test_a_server_with_a_certificate_of_its_own_is_trusted_where_the_environment_says_so(tmp_path, monkeypatch):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)

        def serve() -> None:
            for _ in range(2):
                one, _ = made.accept()
                with one:
                    try:
                        with context.wrap_socket(one, server_side=True) as wrapped:
                            wrapped.recv(65536)
                            wrapped.sendall(OK + b"Content-Length: 2\r\n\r\nhi")
                    except OSError:
                        continue

        serving = threading.Thread(target=serve)
        serving.start()
        url = f"https://localhost:{made.getsockname()[1]}"
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        with pytest.raises(httpx.ConnectError, match="certificate"):
            get(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        with at_most(5, 10_000):
            assert get(url).text == "hi"
        serving.join(10)
