"""``netdoctor watch`` as it is typed: what is wrong is one sentence, secrets stay secret, signals end it cleanly."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from live.running import ROOT, Receiver, environment, watching

from netdoctor.cli import _interrupts
from netdoctor.cli.watch import Duration, Signals, Told
from netdoctor.errors import UsageError

from .conftest import in_a_child, netdoctor

SECRET = "s3cret"
SERVE = ["httpd", "-f", "-p", "8080", "-h", "/etc"]


# --- what was typed wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["--format", "json"], "human or jsonl", "--format jsonl"),
        (["-o", "x"], "writes no report", "stdout"),
        (["--report", "junit=x"], "writes no report", "stdout"),
        (["app", "--project", "p"], "SOURCE cannot go with", "one of these"),
        (["--every", "soon"], "no duration", "--help"),
        (["--every", "0s"], "less than 1 s", "--help"),
        (["--max-latency", "-5ms"], "no duration", "--help"),
        (["--failures", "0"], "0", "--help"),
        (["--metrics", "nowhere"], "no HOST:PORT", "127.0.0.1:9469"),
        (["--metrics", "192.0.2.1:9469"], "cannot be served", "--metrics 127.0.0.1:PORT"),
        (["--webhook-header", f"X: {SECRET}"], "goes with --webhook", "NETDOCTOR_WEBHOOK"),
        (["--webhook", f"ftp://{SECRET}@x/"], "no web address", "http"),
        (["--webhook", "http://x/", "--webhook-header", SECRET], "not NAME: VALUE", "X-Team"),
        (["--alert-command", "no-such-program-anywhere"], "not there", "whole path"),
        (["--alert-command", "'"], "cannot be read", "Quote"),
        (["--expectations", "/nonexistent.yaml"], "/nonexistent.yaml", ""),
        (["nobody-here", "db"], "no container named 'nobody-here'", "netdoctor"),
    ],
)
def test_what_was_typed_wrong(host, words, said, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = netdoctor("watch", "--host", host, *words)
    assert ended.status == 2, ended
    assert said in ended.err
    assert hint in ended.err
    assert SECRET not in ended.err + ended.out


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("100ms", 0.1), ("1.5s", 1.5), ("2", 2.0), ("5m", 300.0), ("5 min", 300.0), ("1H", 3600.0), ("0.25", 0.25)],
)
def test_a_duration_is_written_as_people_write_it(text, seconds):
    assert Duration(0).convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "ms", "1d", "1s2", "nan", "inf", "1e9", "-1", "\u0661s\u0661", "9" * 99])
def test_what_is_no_duration_is_refused(text):
    import click

    with pytest.raises(click.BadParameter):
        Duration(0).convert(text, None, None)


def test_without_an_engine_it_ends_with_nd902(tmp_path):
    ended = in_a_child("watch", "--host", f"unix://{tmp_path}/none.sock")
    assert ended.status == 3
    assert "ND902" in ended.err


def test_a_journal_that_cannot_be_read_is_told_at_the_start(host, tmp_path):
    folder = tmp_path / "FAKE"
    folder.mkdir()
    (folder / "journal.jsonl").write_text('{"netdoctor": "journal", "version": 999, "engine": "FAKE"}\n')
    ended = netdoctor("watch", "--heal", "--host", host, env={"NETDOCTOR_STATE_DIR": str(tmp_path)})
    assert ended.status == 3
    assert "newer netdoctor" in ended.err


def test_a_journal_that_cannot_be_written_is_told_at_the_start(host, tmp_path):
    (tmp_path / "file").write_text("")
    ended = netdoctor("watch", "--heal", "--host", host, env={"NETDOCTOR_STATE_DIR": str(tmp_path / "file")})
    assert ended.status == 3
    assert "journal" in ended.err
    assert "NETDOCTOR_STATE_DIR" in ended.err


def test_two_ends_of_which_one_is_missing_are_waited_for(host, script):
    """A machine that boots: the container comes a second after us."""
    one, two = script.containers[0]["Name"].lstrip("/"), "late-one"
    began = time.monotonic()
    ended = netdoctor("watch", one, f"{two}:80", "--host", host, "--wait", "1")
    assert ended.status == 2
    assert time.monotonic() - began >= 0.4


# --- signals -------------------------------------------------------------------------------------------------------


def test_an_order_to_stop_waits_while_the_engine_is_changed_and_a_second_one_does_not():
    steps = []
    with Signals() as signals:
        with pytest.raises(Told), signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
            steps.append("changed whole")
        assert steps == ["changed whole"]
    with Signals() as signals, pytest.raises(KeyboardInterrupt), signals.held():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        steps.append("never")
    assert steps == ["changed whole"]


def test_an_order_that_had_to_wait_for_a_lock_waits_for_the_engine_too(monkeypatch):
    monkeypatch.setattr(_interrupts, "_knocking", True)
    steps, frames = [], {}
    # A frame like that of the standard library's, in which the first moment is not a good one.
    exec(compile("def acquire(): return sys._getframe()", "threading.py", "exec"), {"sys": sys}, frames)
    with Signals() as signals:
        signals._came(signal.SIGTERM, frames["acquire"]())
        with pytest.raises(Told), signals.held():
            _interrupts.at_a_good_moment(_interrupts._put_off, None)
            steps.append("changed whole")
    assert steps == ["changed whole"]


def test_handlers_are_as_before_afterwards():
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(UsageError), Signals():
        raise UsageError("x")
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before


# --- on a real engine ----------------------------------------------------------------------------------------------


@pytest.fixture
def pair(lab):
    """Two that reach each other, and nobody else's business."""
    net = lab.network()
    db = lab.container(networks=[net], word="db", command=SERVE)
    app = lab.container(networks=[net], word="app")
    lab.wait_for_listener(db, 8080)
    return app, db


QUICK = ["--retry", "300ms", "--failures", "2", "--every", "5s"]


@pytest.mark.docker
def test_failure_and_recovery_reach_a_webhook_and_its_address_stays_secret(lab, pair, tmp_path):
    app, db = pair
    keep = tmp_path / "keep.sh"
    keep.write_text(f"#!/bin/sh\ncat >> {tmp_path}/got\n")
    keep.chmod(0o755)
    with Receiver() as receiver:
        environment = {
            "NETDOCTOR_WEBHOOK": receiver.url,
            "NETDOCTOR_WEBHOOK_HEADER": "Authorization: Bearer s3cret-header\nX-Team: storage",
            "NETDOCTOR_ALERT_COMMAND": str(keep),
        }
        words = [app.name, f"{db.name}:8080/hosts", *QUICK, "-v"]
        with watching(*words, env=environment) as watch:
            watch.ready()
            lab.api.kill(db.id)
            watch.wait_for(lambda: watch.events("failure"), "the failure to be told")
            watch.wait_for(lambda: receiver.got, "the webhook")
            lab.api.start(db.id)
            watch.wait_for(lambda: watch.events("recovery"), "the recovery to be told")
            assert watch.end() == 0
            said = "".join([*watch.out, *watch.err])
        events = [inner["event"] for each in receiver.got for inner in each.get("alerts", [each])]
        assert events == ["failure", "recovery"]
        first = receiver.got[0]
        assert first["findings"][0]["code"] == "ND501"
        assert first["connection"] == f"{app.name} -> {db.name}:8080/hosts"
        assert {each["authorization"] for each in receiver.headers} == {"Bearer s3cret-header"}
        assert {each["x-team"] for each in receiver.headers} == {"storage"}
    assert SECRET not in said
    got = [json.loads(line) for line in (tmp_path / "got").read_text().splitlines()]
    assert got == receiver.got


@pytest.mark.docker
def test_when_nobody_reads_it_any_more_it_ends_unless_it_has_more_to_do(lab, pair):
    app, db = pair
    words = [sys.executable, "-m", "netdoctor", "watch", app.name, f"{db.name}:8080/hosts", *QUICK]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with (
        subprocess.Popen(words, env=environment(), **pipes) as idle,
        subprocess.Popen([*words, "--metrics", "127.0.0.1:0"], env=environment(), **pipes) as busy,
    ):
        try:
            for each in (idle, busy):
                assert each.stdout is not None and each.stderr is not None
                while b"holds" not in each.stderr.readline():
                    assert each.poll() is None
                each.stdout.close()
            lab.api.kill(db.id)
            assert idle.wait(60) == 0
            time.sleep(1)
            assert busy.poll() is None
            busy.terminate()
            assert busy.wait(60) == 0
            assert b"Traceback" not in idle.stderr.read() + busy.stderr.read()
        finally:
            idle.kill()
            busy.kill()


@pytest.mark.docker
def test_slow_answers_are_an_alert(lab):
    slow = (
        "import http.server, time\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        time.sleep(0.5); self.send_response(200); self.end_headers()\n"
        "http.server.ThreadingHTTPServer(('', 8080), H).serve_forever()\n"
    )
    net = lab.network()
    db = lab.container("python", networks=[net], word="slow", command=["python3", "-c", slow])
    app = lab.container(networks=[net], word="app")
    lab.wait_for_listener(db, 8080)
    with watching(app.name, f"{db.name}:8080/", *QUICK, "--max-latency", "400ms") as watch:
        watch.wait_for(lambda: watch.events("slow"), "the alert")
        assert watch.end(signal.SIGINT) == 130
        (alert,) = watch.events("slow")
    assert alert["latency"] >= 0.5
    assert alert["max_latency"] == 0.4
    assert not watch.events("failure")


@pytest.mark.docker
@pytest.mark.parametrize("vantage", ["sidecar", "exec"])
def test_its_own_doing_is_no_reason_to_look(lab, vantage):
    """Every check starts a helper or an exec, whose events come back to us."""
    net = lab.network()
    lab.image("probe")
    db = lab.container(networks=[net], word="db", command=SERVE)
    app = lab.container("python", networks=[net], word="app")
    lab.wait_for_listener(db, 8080)
    words = [app.name, f"{db.name}:8080/hosts", "--vantage", vantage, "--every", "1s", "--metrics", "127.0.0.1:0"]
    with watching(*words, env={"NETDOCTOR_PROBE_IMAGE": "netdoctor-lab/probe:1"}) as watch:
        watch.wait_for(lambda: "metrics" in watch.said, "the metrics")
        watch.wait_for(lambda: watch.metric("netdoctor_watch_checks_total") >= 3, "three checks")
        assert watch.metric("netdoctor_edge_holds") == 1
        if vantage == "sidecar":
            assert watch.metric("netdoctor_watch_events_ignored_total") > 0
        assert watch.end() == 0
    assert not [line for line in watch.alerts if line.get("event")]
    helpers = lab.api.containers(all=True, filters={"label": f"netdoctor.for={app.id}"})
    assert helpers == []


def composes() -> list[str]:
    """Every Compose that is here, by its command."""
    found = {os.path.realpath(path): path for path in ("/usr/bin/docker-compose",) if Path(path).exists()}
    for each in os.environ.get("PATH", "").split(os.pathsep):
        path = Path(each, "docker-compose")
        if path.is_file() and os.access(path, os.X_OK):
            found.setdefault(os.path.realpath(path), str(path))
    plugin = (
        subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if shutil.which("docker")
        else None
    )
    return [*found.values(), *(["docker compose"] if plugin is not None and plugin.returncode == 0 else [])]


@pytest.mark.docker
@pytest.mark.parametrize("compose", composes() or [str(ROOT / "compose" / "compose.sh")])
def test_a_recreation_by_compose_is_healed_and_undo_takes_it_back(lab, compose, tmp_path):
    shared = lab.network("shared")
    db = lab.container(networks=[shared], word="db", command=SERVE)
    lab.container(networks=[shared], word="bystander")
    lab.wait_for_listener(db, 8080)
    project = lab.name("stack")
    file = tmp_path / "compose.yaml"
    file.write_text(
        "services:\n  app:\n    image: netdoctor-lab/busybox:1\n    command: [sleep, '3600']\n"
        "    stop_signal: SIGKILL\n"
        f"    environment:\n      DB_URL: http://{db.name}:8080/hosts\n"
    )

    def run(*words: str) -> str:
        done = subprocess.run(
            [*compose.split(), "-p", project, "-f", str(file), *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def networks() -> set[str]:
        return set(lab.api.inspect_container(run("ps", "-q", "app"))["NetworkSettings"]["Networks"])

    state = {"NETDOCTOR_STATE_DIR": str(tmp_path / "state")}
    try:
        run("up", "-d")
        name = lab.api.inspect_container(run("ps", "-q", "app"))["Name"].lstrip("/")
        fixed = in_a_child("fix", name, f"{db.name}:8080/hosts", "--yes", "--move", "source", env=state)
        assert fixed.status == 0, fixed
        with watching("--project", project, "--heal", *QUICK, env=state) as watch:
            watch.ready()
            run("up", "-d", "--force-recreate")
            watch.wait_for(lambda: watch.events("healed"), "the heal")
            assert shared.name in networks()
            assert watch.end() == 0
        assert in_a_child("check", name, f"{db.name}:8080/hosts", env=state).status == 0
        undone = in_a_child("undo", "--yes", env=state)
        assert undone.status == 0, undone
        assert shared.name not in networks()
    finally:
        run("down", "-t", "0")
