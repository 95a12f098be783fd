"""What an HTTP request meets: an answer, an error, TLS, another service, silence."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.model import HOST, Outcome
from netdoctor.probes.http import Http
from netdoctor.probes.interface import PROBES, CannotAsk, World
from netdoctor.vantage.fake import FakeVantage, Peer
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import DialFailed

from .site import AT, NET, ask, topology

PROBE = PROBES.get("http")
HEALTHZ = Http(AT, "10.0.0.2", 6333, "qdrant", "/healthz", strict=True)


def says(*parts: bytes, hangs_up: bool = True, greeting: bytes = b"") -> FakeVantage:
    """A peer that answers any request with these bytes."""
    return FakeVantage(dials={("10.0.0.2", 6333): Peer(greeting, lambda _: b"".join(parts), hangs_up=hangs_up)})


def answer(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers])
    return head.encode() + b"\r\n\r\n" + body


def test_a_good_answer():
    observation = ask(PROBE, HEALTHZ, says(answer("200 OK", b"healthz check passed", "Server: actix")))
    assert observation.outcome is Outcome.CONNECTED
    evidence = observation.evidence
    assert (evidence.status, evidence.phrase, evidence.server, evidence.start) == (
        200, "OK", "actix", "healthz check passed",
    )  # fmt: skip
    assert PROBE.describe(HEALTHZ, observation) == "/healthz: 200 OK"


def test_the_request_is_the_callers():
    heard = []

    def hear(data):
        heard.append(data)
        return answer()

    vantage = FakeVantage(dials={("10.0.0.2", 6333): Peer(b"", hear, hangs_up=True)})
    ask(PROBE, HEALTHZ, vantage)
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == "GET /healthz HTTP/1.1"
    assert "Host: qdrant:6333" in lines
    assert "Connection: close" in lines
    assert [stream.closed for stream in vantage.streams] == [True]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_an_error_fails_a_path_that_was_asked_for_and_not_a_guessed_one(status):
    said = answer(f"{status} Hm")
    assert ask(PROBE, HEALTHZ, says(said)).outcome is Outcome.HTTP_ERROR
    guessed = Http(AT, "10.0.0.2", 6333, "qdrant")
    assert ask(PROBE, guessed, says(said)).outcome is Outcome.CONNECTED


def test_a_redirect_is_an_answer():
    assert ask(PROBE, HEALTHZ, says(answer("302 Found"))).outcome is Outcome.CONNECTED


@pytest.mark.parametrize(
    ("location", "leads"),
    [
        ("/login", ""),
        ("login?next=//evil/", ""),
        ("", ""),
        ("http://qdrant:6333/dashboard", ""),
        ("http://QDRANT:6333", ""),
        ("https://qdrant/", "https://qdrant:443"),
        ("//cdn.example/x", "http://cdn.example:80"),
        ("HTTPS://shop.example:8443/a?token=hunter2", "https://shop.example:8443"),
        ("http://user:hunter2@localhost:3000/login", "http://localhost:3000"),
        ("http://[fd00::2]:80/", "http://[fd00::2]:80"),
        ("http://localhost:0/", ""),
        ("http://localhost:99999/", ""),
        ("http://a b/", ""),
        ("http://-x/", ""),
        ("http://a\\@b/", ""),
        ("ftp://x/", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_a_redirect_to_another_place_is_noted_without_its_path(location, leads):
    observation = ask(PROBE, HEALTHZ, says(answer("302 Found", b"", f"Location: {location}")))
    assert observation.outcome is Outcome.CONNECTED
    assert observation.evidence.sends_to == leads


def test_a_location_that_is_no_redirect_leads_nowhere():
    created = says(answer("201 Created", b"", "Location: http://elsewhere:1/"))
    assert ask(PROBE, HEALTHZ, created).evidence.sends_to == ""


@pytest.mark.parametrize("said", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x15\x03\x03\x00\x02\x01\x00"])
def test_a_tls_alert(said):
    assert ask(PROBE, HEALTHZ, says(said)).outcome is Outcome.TLS_MISMATCH


def test_a_server_that_wants_https_and_says_so():
    said = answer("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n")
    assert ask(PROBE, HEALTHZ, says(said)).outcome is Outcome.TLS_MISMATCH


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"-ERR unknown command\r\n",
        b"\x00\x00\x12\x04\x00",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"\xff\xff\xff\xff\xff",
        b"x",
    ],
)
def test_another_service(said):
    observation = ask(PROBE, HEALTHZ, says(said))
    assert observation.outcome is Outcome.WRONG_SERVICE
    assert observation.evidence.status is None


def test_a_greeting_is_recognised_although_the_peer_then_waits():
    waiting = FakeVantage(dials={("10.0.0.2", 6333): Peer(b"SSH-2.0-x\r\n")})
    began = time.monotonic()
    observation = ask(PROBE, HEALTHZ, waiting, timeout=5.0)
    assert observation.outcome is Outcome.WRONG_SERVICE
    assert observation.evidence.start.startswith("SSH-2.0")
    assert time.monotonic() - began < 2


def test_a_close_without_a_word():
    assert ask(PROBE, HEALTHZ, says()).outcome is Outcome.RESET


def test_a_reset():
    vantage = FakeVantage(dials={("10.0.0.2", 6333): Peer(resets=True)})
    assert ask(PROBE, HEALTHZ, vantage).outcome is Outcome.RESET


@pytest.mark.parametrize("tls", [False, True])
def test_silence(tls):
    vantage = FakeVantage(dials={("10.0.0.2", 6333): Peer()})
    observation = ask(PROBE, Http(AT, "10.0.0.2", 6333, "qdrant", tls=tls), vantage, timeout=0.1)
    assert observation.outcome is Outcome.TIMED_OUT
    assert "no HTTP answer" in observation.evidence.detail
    assert vantage.streams[0].closed


def test_half_an_answer_is_not_one():
    vantage = FakeVantage(dials={("10.0.0.2", 6333): Peer(b"", lambda _: b"HTTP/1.1 200 OK\r\nServ")})
    assert ask(PROBE, HEALTHZ, vantage, timeout=0.1).outcome is Outcome.TIMED_OUT


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.NO_ROUTE])
def test_a_dial_that_fails_keeps_its_outcome(outcome):
    vantage = FakeVantage(dials={("10.0.0.2", 6333): DialFailed(outcome, "why", errno=1)})
    observation = ask(PROBE, HEALTHZ, vantage)
    assert (observation.outcome, observation.evidence.errno) == (outcome, 1)


def test_a_dial_that_could_not_be_tried():
    with pytest.raises(CannotAsk):
        ask(PROBE, HEALTHZ, FakeVantage(dials={("10.0.0.2", 6333): CannotAsk("x")}))


def test_secrets_in_the_answer_are_redacted():
    said = answer("500 no", b'{"error": "bad", "password": "hunter2Sup3r"}')
    evidence = ask(PROBE, HEALTHZ, says(said)).evidence
    assert "hunter2" not in str(evidence)


def test_a_head_without_end_is_not_read_for_ever():
    endless = FakeVantage(dials={("10.0.0.2", 6333): Peer(b"", lambda _: b"HTTP/1.1 200 OK\r\n" + b"a" * 200_000)})
    assert ask(PROBE, HEALTHZ, endless, timeout=2).outcome is Outcome.CONNECTED


@given(st.binary(max_size=300))
def test_any_bytes_are_some_outcome(said):
    assert ask(PROBE, HEALTHZ, says(said)).known


@given(st.binary(max_size=60), st.binary(max_size=200))
def test_any_http_like_bytes_are_some_outcome(line, rest):
    assert ask(PROBE, HEALTHZ, says(b"HTTP/1.1 ", line, b"\r\n", rest, b"\r\n\r\n")).known


# --- on real sockets of this machine ----------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.headers["Host"].encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        return


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        return


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=qdrant"]
    made += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    try:
        subprocess.run(made, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("no openssl here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def real(port, path="/", *, tls=False, host="qdrant"):
    world = World(topology(NET), lambda _: HostVantage(), 3.0, time.monotonic)
    return PROBE.ask(Http(HOST, "127.0.0.1", port, host, path, tls=tls, strict=True), world)


def test_a_real_server_answers():
    with serving() as port:
        observation = real(port)
        assert (observation.outcome, observation.evidence.status) == (Outcome.CONNECTED, 200)
        assert real(port, "/missing").outcome is Outcome.HTTP_ERROR
        assert real(port, tls=True).outcome is Outcome.TLS_MISMATCH


def test_a_real_tls_server_answers_whatever_its_certificate(certificate):
    with serving(certificate) as port:
        observation = real(port, tls=True)
        assert (observation.outcome, observation.evidence.status) == (Outcome.CONNECTED, 200)
        assert real(port, tls=True, host="127.0.0.1").outcome is Outcome.CONNECTED
        assert real(port, tls=True, host="my_app").outcome is Outcome.CONNECTED
        plain = real(port)
        assert plain.outcome in (Outcome.TLS_MISMATCH, Outcome.RESET)


def test_a_real_silent_server_times_out():
    world = World(topology(NET), lambda _: HostVantage(), 0.3, time.monotonic)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        for tls in (False, True):
            question = Http(HOST, "127.0.0.1", server.getsockname()[1], "x", tls=tls)
            assert PROBE.ask(question, world).outcome is Outcome.TIMED_OUT


def test_a_server_that_drips_does_not_stretch_the_time():
    """A TLS hello, answered with one byte of a record again and again."""
    world = World(topology(NET), lambda _: HostVantage(), 0.5, time.monotonic)
    ended = threading.Event()

    def drip(server):
        near, _ = server.accept()
        with near:
            near.recv(4096)
            near.sendall(b"\x16\x03\x03\x40\x00")
            while not ended.is_set():
                try:
                    near.sendall(b"x")
                except OSError:
                    return
                time.sleep(0.05)

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        began = time.monotonic()
        observation = PROBE.ask(Http(HOST, "127.0.0.1", server.getsockname()[1], "x", tls=True), world)
        assert time.monotonic() - began < 2
        assert observation.outcome is Outcome.TIMED_OUT
        ended.set()
        thread.join(5)
