"""Alerts arrive at a webhook and at a command, or it is said that they did not; where to is never said."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from netdoctor.errors import UsageError
from netdoctor.live.alerts import Alert, Outbox
from netdoctor.live.deliver import Command, Courier, DeliveryFailed, Webhook

from .running import Receiver

DOCUMENT = {"schema": "netdoctor.alert/1", "event": "failure", "text": "a fails"}
SECRET = "s3cret"


def alert(about: str = "a", event: str = "failure") -> Alert:
    return Alert(event, about, f"{about} {event}", "2026-01-02T03:04:05+00:00")


@pytest.fixture
def receiver():
    with Receiver() as made:
        yield made


def test_a_webhook_gets_json_and_its_headers(receiver):
    Webhook(receiver.url, ["Authorization: Bearer s3cret", "X-Team: a: b"]).send(DOCUMENT, 10)
    assert receiver.got == [DOCUMENT]
    (headers,) = receiver.headers
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["x-team"] == "a: b"


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_any_other_answer_is_a_failure_and_no_redirect_is_followed(receiver, status):
    receiver.answers = [status]
    with pytest.raises(DeliveryFailed, match=f"HTTP {status}") as failed:
        Webhook(receiver.url).send(DOCUMENT, 10)
    assert SECRET not in failed.value.message
    assert len(receiver.headers) == 1


def test_nobody_there_and_nobody_answering_are_failures_that_name_no_address(receiver):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{silent.getsockname()[1]}/s3cret"
        with pytest.raises(DeliveryFailed) as refused:
            Webhook(closed).send(DOCUMENT, 10)
        silent.listen(1)
        with pytest.raises(DeliveryFailed) as late:
            Webhook(closed).send(DOCUMENT, 0.2)
    for each in (refused, late):
        assert SECRET not in each.value.message
        assert "127.0.0.1" not in each.value.message
        assert each.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["", "s3cret", "ftp://s3cret/x", "http://", "http://[s3cret", "https:s3cret", "http://a:s3cret/"]
)
def test_what_is_no_web_address_is_refused_unseen(url):
    with pytest.raises(UsageError) as refused:
        Webhook(url)
    assert SECRET not in refused.value.message + refused.value.hint


@pytest.mark.parametrize("header", ["s3cret", ": s3cret", "X: s3cret\r\nY: 1", "X: s3cret\u00e9", "\u00e9: s3cret"])
def test_what_is_no_header_is_refused_unseen(header):
    with pytest.raises(UsageError) as refused:
        Webhook("http://127.0.0.1/", [header])
    assert SECRET not in refused.value.message + refused.value.hint


def script(folder: Path, body: str) -> str:
    path = folder / "it's mine.py"
    path.write_text(f"import json, os, sys, time\nfolder = {str(folder)!r}\n{body}")
    return f'{sys.executable} "{path}"'


def test_a_command_gets_the_alert_on_its_stdin_and_no_shell_reads_it(tmp_path, monkeypatch):
    monkeypatch.setenv("NETDOCTOR_WEBHOOK", "http://s3cret")
    keep = "open(folder + '/got', 'w').write(json.dumps([sys.argv[1:], sys.stdin.read(), dict(os.environ)]))"
    command = script(tmp_path, keep) + " --to 'ops; touch x' $HOME `id` *"
    Command(command).send(DOCUMENT, 30)
    words, given, environment = json.loads((tmp_path / "got").read_text())
    assert words == ["--to", "ops; touch x", "$HOME", "`id`", "*"]
    assert json.loads(given) == DOCUMENT
    assert not [name for name in environment if name.startswith("NETDOCTOR_")]


def test_a_command_that_does_not_read_or_says_a_lot_is_no_trouble(tmp_path):
    Command("true").send({"text": "x" * 10_000_000}, 30)
    Command(script(tmp_path, "print('x' * 10_000_000); print('y' * 10_000_000, file=sys.stderr)")).send(DOCUMENT, 30)


def test_a_command_that_fails_is_a_failure(tmp_path):
    with pytest.raises(DeliveryFailed, match="ended with 3"):
        Command(script(tmp_path, "sys.exit(3)")).send(DOCUMENT, 30)


def test_a_command_that_hangs_is_ended_with_everything_it_started(tmp_path):
    start = "import subprocess\np = subprocess.Popen(['sleep', '300'])\n"
    hang = f"{start}open(folder + '/pid', 'w').write(str(p.pid))\ntime.sleep(300)"
    began = time.monotonic()
    with pytest.raises(DeliveryFailed, match="did not end"):
        Command(script(tmp_path, hang)).send(DOCUMENT, 3)
    assert time.monotonic() - began < 60
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "text", ["", "   ", "'open", "/nonexistent/program", "no-such-program-anywhere", "/etc/passwd x"]
)
def test_what_is_no_command_is_refused_at_once(text):
    with pytest.raises(UsageError):
        Command(text)


def until(condition, what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_the_courier_tries_again_and_says_when_it_gives_up(receiver):
    told: list[str] = []
    receiver.answers = [500, 503]
    outbox = Outbox(gather=0, burst=100)
    with Courier([Webhook(receiver.url)], outbox, tell=told.append, again=(0.01, 0.01)) as courier:
        courier.put(alert("first"))
        until(lambda: courier.sent == 1, "the first")
        assert told == []
        receiver.answers = [500] * 3
        courier.put(alert("second"))
        until(lambda: courier.failed == 1, "the second")
        courier.put(alert("third"))
        until(lambda: courier.sent == 2, "the third")
    assert [each["text"] for each in receiver.got] == ["first failure", "third failure"]
    assert told == ["warning: the webhook did not take an alert: it answered HTTP 500"]


def test_a_slow_receiver_holds_up_nobody_and_gets_a_summary_of_what_came_meanwhile(receiver):
    receiver.late = 0.5
    with Courier([Webhook(receiver.url)], Outbox(gather=0, burst=100)) as courier:
        courier.put(alert("edge 0"))
        until(lambda: receiver.headers, "the first to be on its way")
        began = time.monotonic()
        for number in range(1, 200):
            courier.put(alert(f"edge {number}"))
        assert time.monotonic() - began < 0.5
        until(lambda: courier.sent == 2, "the summary")
    assert [each["event"] for each in receiver.got] == ["failure", "summary"]
    assert receiver.got[1]["counts"] == {"failure": 199}


def test_what_waits_at_the_end_is_sent(receiver):
    with Courier([Webhook(receiver.url)], Outbox(gather=3600)) as courier:
        courier.put(alert())
    assert [each["text"] for each in receiver.got] == ["a failure"]


def test_the_end_does_not_wait_for_a_command_that_hangs_and_leaves_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr("netdoctor.live.deliver.GRACE", 0.3)
    hang = script(tmp_path, "open(folder + '/pid', 'w').write(str(os.getpid()))\ntime.sleep(300)")
    before = threading.active_count()
    with Courier([Command(hang)], Outbox(gather=0)) as courier:
        courier.put(alert())
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the command to start")
        pid = int((tmp_path / "pid").read_text())
    until(lambda: not _runs(pid), "its end")
    until(lambda: threading.active_count() <= before, "the thread's end")


def test_without_a_receiver_nothing_is_kept_and_no_thread_runs():
    before = threading.active_count()
    with Courier([]) as courier:
        courier.put(alert())
        assert threading.active_count() <= before
    assert (courier.sent, courier.merged) == (0, 0)


def test_every_channel_gets_it_whatever_the_others_do(receiver, tmp_path):
    other = Command(script(tmp_path, "sys.exit(1)"))
    with Courier([other, Webhook(receiver.url)], Outbox(gather=0), again=()) as courier:
        courier.put(alert())
        until(lambda: courier.sent == 1, "the webhook")
    assert courier.failed == 1
