"""Whatever a panel answers, it is one clear sentence; the token goes to its address only, and is never said."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading

import pytest

from netdoctor.errors import UsageError
from netdoctor.platforms._http import LIMIT, Access, Http, PanelError, PanelUnsure, clean_address, clean_token

from .panels import TOKEN, Coolify, hangs_up, says, sleeps


@pytest.fixture
def panel():
    with Coolify() as made:
        made.services["u1"] = {"name": "qdrant", "docker_compose_raw": "services: {}\n"}
        yield made


@pytest.fixture
def naps():
    return []


@pytest.fixture
def opened(naps):
    made = []

    def open_at(address, token=TOKEN, ca_file=None, **more):
        http = Http(
            Access(address, token, ca_file), "Coolify", "/api/v1", {"Authorization": f"Bearer {token}"},
            "NETDOCTOR_COOLIFY", sleep=naps.append, **more,
        )  # fmt: skip
        made.append(http)
        return http

    yield open_at
    for each in made:
        each.close()


def test_an_answer_is_its_json(panel, opened):
    assert opened(panel.address).get("/services/u1")["name"] == "qdrant"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (says(401, {"message": "Unauthenticated."}), r"does not accept the token \(Unauthenticated\)"),
        (says(403, {"message": "Missing required permissions: read"}), "does not allow this .*permissions: read"),
        (says(404, {"message": "Service not found."}), "knows nothing of it"),
        (says(422, {"message": "Validation failed.", "errors": {"a": ["bad"]}}), "refuses this with 422.*a: bad"),
        (says(400, {"message": "m", "details": "d"}), r"400 \(m; d\)"),
        (says(500, {"message": "Server Error"}), "failed with 500"),
        (
            says(302, b"", "text/html", Location="https://elsewhere.test/login"),
            "login.*token does not go there",
        ),
        (says(200, b"<html>login</html>", "text/html"), "does not answer as Coolify's API does .text/html"),
        (says(200, b"{broken", "application/json"), "does not answer as Coolify's API does"),
        (says(200, b"[" * 100_000, "application/json"), "does not answer as Coolify's API does"),
        (says(200, b'"' + b"x" * LIMIT + b'"'), "answers without end"),
        (hangs_up, "broke off its answer"),
        (sleeps(0.8), "did not answer in time"),
    ],
)
def test_each_failure_is_one_sentence_with_a_way_out(panel, opened, fault, said):
    panel.misbehave("GET", "/services", fault)
    with pytest.raises(PanelError, match=said) as caught:
        opened(panel.address, read_timeout=0.4).get("/services/u1")
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert TOKEN not in caught.value.message + caught.value.hint


def test_a_busy_panel_is_asked_again_after_the_time_it_says(panel, opened, naps):
    panel.misbehave("GET", "/services", says(429, {"message": "Too Many Attempts."}, Retry_After="3"))
    panel.misbehave("GET", "/services", says(503))
    assert opened(panel.address).get("/services/u1")["uuid"] == "u1"
    assert naps == [3.0, 1.0]


def test_a_panel_that_stays_busy_or_wants_too_long_a_wait_is_left_alone(panel, opened, naps):
    panel.misbehave("GET", "/services", says(429), times=3)
    with pytest.raises(PanelError, match="too many requests"):
        opened(panel.address).get("/services/u1")
    panel.misbehave("GET", "/services", says(429, Retry_After="3600"))
    with pytest.raises(PanelError, match="too many requests"):
        opened(panel.address).get("/services/u1")
    assert max(naps) <= 10


def test_a_change_is_sent_again_only_where_it_surely_was_not_made(panel, opened):
    panel.misbehave("PATCH", "/services", says(429))
    opened(panel.address).send("PATCH", "/services/u1", {"connect_to_docker_network": True})
    assert panel.changes() == 2
    for fault in (says(502), says(500), hangs_up, says(200, b"<html>", "text/html")):
        panel.asked.clear()
        panel.misbehave("PATCH", "/services", fault)
        with pytest.raises(PanelUnsure):
            opened(panel.address).send("PATCH", "/services/u1", {"connect_to_docker_network": True})
        assert panel.changes() == 1


def test_what_a_panel_says_cannot_steer_the_terminal_or_repeat_the_token(panel, opened):
    panel.misbehave("GET", "/services", says(400, {"message": f"\x1b[31m{TOKEN}\nfake line password=hunter2"}))
    with pytest.raises(PanelError) as caught:
        opened(panel.address).get("/services/u1")
    said = caught.value.message
    assert "\x1b" not in said
    assert "\n" not in said
    assert TOKEN not in said
    assert "hunter2" not in said


def test_a_token_is_not_in_what_can_be_printed_of_the_access():
    assert TOKEN not in repr(Access("https://x.test", TOKEN))


def test_nobody_there(opened):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(PanelError, match="cannot be reached"):
        opened(f"http://127.0.0.1:{port}").get("/services/u1")


def test_a_panel_that_drips_is_given_up(opened):
    """Every byte resets a read timeout; the whole answer has its time."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip():
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        with pytest.raises(PanelError, match="did not answer in time"):
            opened(f"http://127.0.0.1:{server.getsockname()[1]}", read_timeout=0.5).get("/x")
    finally:
        stop.set()
        thread.join(10)
        server.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=panel"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True, timeout=60)
    return f"{folder}/cert.pem", f"{folder}/key.pem"


def test_a_certificate_that_signs_itself_is_refused_until_it_is_named(panel, opened, certificate, tmp_path):
    panel.tls(*certificate)
    with pytest.raises(PanelError, match="signed by nobody") as caught:
        opened(panel.address).get("/services/u1")
    assert "NETDOCTOR_COOLIFY_CA_FILE" in caught.value.hint
    assert opened(panel.address, ca_file=certificate[0]).get("/services/u1")["uuid"] == "u1"
    with pytest.raises(UsageError, match="no file of certificates"):
        opened(panel.address, ca_file=str(tmp_path / "none.pem"))


def test_http_proxies_of_the_environment_do_not_get_the_token(panel, opened, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert opened(panel.address).get("/services/u1")["uuid"] == "u1"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://c.test", "https://c.test"),
        (" https://c.test/ ", "https://c.test"),
        ("https://c.test/api/v1", "https://c.test"),
        ("http://127.0.0.1:8000/panel/api/v1/", "http://127.0.0.1:8000/panel"),
    ],
)
def test_an_address_is_taken_as_people_copy_it(typed, meant):
    assert clean_address(typed, "/api/v1", "X_URL") == meant


@pytest.mark.parametrize(
    "typed",
    ["", "c.test", "ftp://c.test", "https://", "https://a:b@c.test", "https://c.test/?t=1", "http://[::", "http://a b"],
)
def test_what_is_no_address_or_holds_a_secret_is_refused(typed):
    with pytest.raises(UsageError):
        clean_address(typed, "/api/v1", "X_URL")


@pytest.mark.parametrize("typed", ["", "  ", "a b", "a\nb", "tökén", "\x1b[0m"])
def test_what_is_no_token_is_refused_without_being_said(typed):
    with pytest.raises(UsageError) as caught:
        clean_token(typed, "X_TOKEN")
    assert not typed.strip() or typed not in caught.value.message
