"""A peer that drips, floods or lies is answered in time, and is no crash."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from netdoctor.live import metrics
from netdoctor.live.deliver import DeliveryFailed, Webhook
from netdoctor.live.tunnel import parse_place
from netdoctor.model import Outcome, Ref, Topology
from netdoctor.probes.greeting import Greeting, GreetingProbe
from netdoctor.probes.http import Http, HttpProbe
from netdoctor.probes.interface import World
from netdoctor.vantage.host import HostVantage

from .attack import raw

AT = Ref("host", "host")


@contextmanager
def peer(first: bytes, again: bytes = b"", pause: float = 0.05):
    """Says ``first`` to whoever comes, then ``again`` for ever."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while not ended.is_set():
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                with one:
                    try:
                        one.sendall(first)
                        while again and not ended.wait(pause):
                            one.sendall(again)
                        one.shutdown(socket.SHUT_WR)
                        one.settimeout(0.5)
                        while one.recv(65536):
                            pass
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def world(timeout: float = 1.0) -> World:
    vantage = HostVantage()
    return World(Topology(frozenset(), (), ()), lambda _: vantage, timeout, time.monotonic)


@pytest.mark.parametrize(
    ("first", "again", "outcome"),
    [
        (b"HTTP/1.1 " + b"9" * 5000 + b" x\r\n\r\n", b"", Outcome.WRONG_SERVICE),
        (b"HTTP/1.1 \xb2\xb9\xb2 x\r\n\r\n", b"", Outcome.WRONG_SERVICE),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", Outcome.TIMED_OUT),
        (b"HTTP/1.1 200 " + b"A" * 200_000, b"A" * 60_000, Outcome.CONNECTED),
        (b"HTTP/1.1 500 \x1b[31m\xe2\x80\xae\r\n\r\n\x1b[31m", b"", Outcome.HTTP_ERROR),
        (b"\0" * 1000, b"", Outcome.WRONG_SERVICE),
    ],
    ids=["digits", "superscripts", "drip", "flood", "escapes", "nul"],
)
def test_http(first, again, outcome):
    with peer(first, again) as port:
        began = time.monotonic()
        found = HttpProbe().ask(Http(AT, "127.0.0.1", port, "x", strict=True), world())
        assert time.monotonic() - began < 10
    assert found.outcome is outcome, found


def test_a_tls_record_that_comes_byte_by_byte_is_not_waited_for_with_each():
    with peer(b"\x16\x03\x03\x40\x00", b"\0", 0.05) as port:
        for probe, question in (
            (HttpProbe(), Http(AT, "127.0.0.1", port, "x", tls=True)),
            (GreetingProbe(), Greeting(AT, "127.0.0.1", port, "redis", tls=True)),
        ):
            began = time.monotonic()
            found = probe.ask(question, world(0.5))
            assert time.monotonic() - began < 8
            assert found.outcome is not Outcome.CONNECTED


def test_a_reader_of_the_metrics_that_never_ends_holds_up_neither_the_next_nor_the_end(monkeypatch):
    monkeypatch.setattr(metrics, "PATIENCE", 0.5)
    stop = threading.Event()
    with metrics.MetricsServer("127.0.0.1", 0, metrics.Numbers) as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as slow:

            def drip() -> None:
                try:
                    slow.sendall(b"GET /metrics HTTP/1.1\r\n")
                    while not stop.wait(0.05):
                        slow.sendall(b"X")
                except OSError:
                    return

            dripping = threading.Thread(target=drip, daemon=True)
            dripping.start()
            time.sleep(0.1)
            with socket.create_connection(("127.0.0.1", port), timeout=8) as good:
                good.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                assert good.recv(100).startswith(b"HTTP/1.0 200")
            stop.set()
            dripping.join(5)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 500 \x1b[31m\r\nContent-Length: 5\r\n\r\n\x1b[31m", b"\x1b[31m\0\r\n\r\n", b""],
    ids=["500", "junk", "nothing"],
)
def test_a_webhook_is_told_of_by_its_status_only(answer):
    with peer(answer) as port, pytest.raises(DeliveryFailed) as failed:
        Webhook(f"http://127.0.0.1:{port}/hunter2S3cretZq").send({"a": 1}, 3)
    assert raw(failed.value.message) == []
    assert "hunter2" not in failed.value.message
    assert "31m" not in failed.value.message


def test_a_webhook_whose_body_never_ends_is_not_read():
    with peer(b"HTTP/1.1 200 OK\r\n\r\n", b"A" * 60_000, 0.01) as port:
        began = time.monotonic()
        Webhook(f"http://127.0.0.1:{port}/").send(json.loads("{}"), 3)
        assert time.monotonic() - began < 10


def test_a_tunnel_is_on_loopback_unless_told():
    for text in ("0", ":0", "localhost:0", "127.0.0.1:0", "[::1]:0"):
        assert parse_place(text).loopback, text
    assert not parse_place("0.0.0.0:0").loopback
    assert not parse_place("[::]:0").loopback
