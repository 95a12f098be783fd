"""Options work before and after the verb and as variables; the report goes where it should."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_engine import Answer, fake_engine

from netdoctor.cli.main import run
from netdoctor.version import __version__

from .conftest import in_a_child, netdoctor, settings

CHECK = ("check", "app", "db:5432")


def asked(host, *words, env=None):
    """A check on the fake engine: nobody can stand in its containers, so it is unknown."""
    return netdoctor(*words, env={"DOCKER_HOST": host, **(env or {})})


def test_the_version():
    ended = in_a_child("--version")
    assert (ended.status, ended.out, ended.err) == (0, f"netdoctor {__version__}\n", "")


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_lists_the_verbs(word):
    ended = netdoctor(word)
    assert ended.status == 0
    assert re.search(r"^  check +\S", ended.out, re.MULTILINE)


def test_nobody_to_stand_there_is_unknown_and_says_why(host):
    ended = asked(host, *CHECK)
    assert ended.status == 3
    assert ended.out.splitlines()[0].endswith("UNKNOWN")
    assert "Next: netdoctor explain ND901" in ended.out or "ND901" in ended.out


@pytest.mark.parametrize(
    "words", [("--format", "json", *CHECK), (*CHECK, "--format", "json"), ("check", "--format=json", *CHECK[1:])]
)
def test_an_option_works_before_and_after_the_verb(host, words):
    assert json.loads(asked(host, *words).out)["verdict"] == "unknown"


def test_what_stands_after_the_verb_wins_over_what_stands_before_and_both_over_the_variable(host):
    def form(*words, variable):
        return "{" if asked(host, *words, env={"NETDOCTOR_FORMAT": variable}).out.startswith("{") else "text"

    assert form(*CHECK, variable="json") == "{"
    assert form("--format", "json", *CHECK, variable="human") == "{"
    assert form("--format", "human", *CHECK, variable="json") == "text"
    assert form("--format", "json", *CHECK, "--format", "human", variable="json") == "text"


@pytest.mark.parametrize(
    ("variable", "value", "status"),
    [
        ("NETDOCTOR_EXIT_ZERO", "1", 0),
        ("NETDOCTOR_ONLY", "ND101,nd201", 3),
        ("NETDOCTOR_ONLY", "ND999", 2),
        ("NETDOCTOR_SKIP", "ND101 ND201", 3),
        ("NETDOCTOR_TIMEOUT", "0.5", 3),
        ("NETDOCTOR_TIMEOUT", "soon", 2),
        ("NETDOCTOR_VANTAGE", "moon", 2),
        ("NETDOCTOR_FAIL_ON", "never", 2),
        ("NETDOCTOR_HOST", "unix:///nonexistent/x", 3),
        ("NETDOCTOR_BUNDLE", "/nonexistent/x", 2),
    ],
)
def test_every_option_has_its_variable(host, variable, value, status):
    assert asked(host, *CHECK, env={variable: value}).status == status


def test_exit_zero_reports_all_the_same(host):
    ended = asked(host, *CHECK, "--exit-zero")
    assert ended.status == 0
    assert "UNKNOWN" in ended.out


def test_quiet_leaves_only_the_report(host):
    assert asked(host, *CHECK, "-q").err == ""


def test_colour_is_for_terminals_unless_asked_for(host):
    assert "\x1b[" not in asked(host, *CHECK).out
    assert "\x1b[" in asked(host, *CHECK, "--color", "always").out
    assert "\x1b[" not in asked(host, *CHECK, "--color", "never").out
    assert "\x1b[" in asked(host, *CHECK, "--color", "always", env={"NO_COLOR": "1"}).out
    assert "\x1b[" not in asked(host, *CHECK, "--color=always", "--format=json").out


def on_a_terminal(host, *words, **env):
    """Its output, with a terminal as stdout."""
    near, far = os.openpty()
    clean = {**settings(DOCKER_HOST=host), "TERM": "xterm", **env}
    argv = [sys.executable, "-m", "netdoctor", *words]
    child = subprocess.Popen(argv, stdout=far, stderr=subprocess.DEVNULL, env=clean)
    os.close(far)
    said = b""
    try:
        while data := os.read(near, 65536):
            said += data
    except OSError:
        pass
    finally:
        os.close(near)
        child.wait(30)
    return said.decode()


def test_a_terminal_gets_colour_but_for_no_color_and_dumb_ones(host):
    assert "\x1b[" in on_a_terminal(host, *CHECK)
    assert "\x1b[" not in on_a_terminal(host, *CHECK, NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(host, *CHECK, TERM="dumb")
    assert "\x1b[" in on_a_terminal(host, *CHECK, NO_COLOR="")


def test_the_report_goes_whole_to_a_file(host, tmp_path):
    target = tmp_path / "report.json"
    ended = asked(host, *CHECK, "--format", "json", "-o", str(target))
    assert (ended.status, ended.out) == (3, "")
    assert json.loads(target.read_text())["verdict"] == "unknown"
    assert [each.name for each in tmp_path.iterdir() if each.suffix != ".sock"] == ["report.json"]
    assert asked(host, *CHECK, "-o", "-").out.startswith("app -> db")


@pytest.mark.parametrize("where", ["missing/report", "folder", ""])
def test_a_file_that_cannot_be_written(host, tmp_path, where):
    (tmp_path / "folder").mkdir()
    ended = asked(host, *CHECK, "-o", str(tmp_path / where) if where else "")
    assert ended.status == 2
    assert "The report cannot be written to" in ended.err
    assert {each.name for each in tmp_path.iterdir()} == {"folder", "engine.sock"}
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_device_named_as_output_stays_a_device(host):
    assert asked(host, *CHECK, "-o", "/dev/null").status == 3
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def shell(host, command):
    done = subprocess.run(
        ["bash", "-c", command.replace("netdoctor", f"{sys.executable} -m netdoctor")],
        capture_output=True, text=True, timeout=60, check=False, env=settings(DOCKER_HOST=host),
    )  # fmt: skip
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("form", ["human", "json"])
def test_a_reader_that_goes_away_changes_no_exit_status(host, form):
    done = shell(host, f"netdoctor check app db:5432 --format {form} | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.strip() == "3"
    assert "failed" not in done.stderr


def test_a_reader_that_goes_away_from_an_error(host):
    done = shell(host, "netdoctor check nobody db --format json | true; echo ${PIPESTATUS[0]}")
    assert done.stdout.strip() == "2"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said(host):
    done = shell(host, "netdoctor check app db:5432 > /dev/full; echo $?")
    assert done.stdout.strip() == "2"
    assert "cannot be written to stdout: No space left on device" in done.stderr


def test_a_closed_stdout_is_no_crash(host):
    done = shell(host, "netdoctor check app db:5432 >&-; echo $? >&2")
    assert done.stderr.strip().splitlines()[-1] == "3"


def test_what_the_terminals_encoding_cannot_say_is_escaped(host, script):
    script.containers[0]["Config"]["Env"] = ["DB_URL=http://postgres:1/ü\udcff日本"]
    ended = in_a_child("check", "app", env={"DOCKER_HOST": host, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert ended.status == 3


def test_bytes_that_are_no_text_are_no_crash(host):
    done = shell(host, "netdoctor check $'app\\xff' db; echo $?")
    assert done.stdout.strip() == "2"


def test_an_interruption_is_130_and_leaves_a_whole_document(tmp_path, script):
    script.special["/networks"] = Answer([], late=20)
    with fake_engine(tmp_path / "e.sock", script) as url:
        child = subprocess.Popen(
            [sys.executable, "-m", "netdoctor", *CHECK, "--format", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=settings(DOCKER_HOST=url),
            # A test run in a shell's background inherits an ignored SIGINT, and so would the child.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 20
            while "/networks" not in script.asked and time.monotonic() < deadline:
                time.sleep(0.02)
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=20)
        finally:
            child.kill()
            child.communicate()
    assert child.returncode == 130
    assert err.strip() == "netdoctor: interrupted"
    assert json.loads(out)["error"]["status"] == 130


INTERRUPTED_WHILE_IT_LOADS = """
import os, signal, sys
module = sys.argv[1]

class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Impatient())
from netdoctor.cli.%s import main
sys.argv[1:] = ["--version"]
main()
"""


@pytest.mark.parametrize("program", ["_start", "plugin"])
@pytest.mark.parametrize("module", ["click", "netdoctor.cli.settings"])
def test_ctrl_c_before_anything_is_loaded_is_no_traceback_either(program, module):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_IT_LOADS % program, module],
        capture_output=True,
        text=True,
        timeout=60,
        env=settings(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "netdoctor: interrupted\n")


@pytest.mark.parametrize("pause", [0.0, 0.002, 0.01])
def test_an_impatient_user_sees_no_traceback(tmp_path, script, pause):
    script.special["/networks"] = Answer([], late=20)
    with fake_engine(tmp_path / "e.sock", script) as url:
        child = subprocess.Popen(
            [sys.executable, "-m", "netdoctor", *CHECK, "--format", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=settings(DOCKER_HOST=url),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 20
            while "/networks" not in script.asked and time.monotonic() < deadline:
                time.sleep(0.02)
            for _ in range(40):
                if child.poll() is not None:
                    break
                child.send_signal(signal.SIGINT)
                time.sleep(pause)
            _, err = child.communicate(timeout=20)
        finally:
            child.kill()
            child.communicate()
    assert child.returncode in (130, -signal.SIGINT)
    assert err.strip() in ("netdoctor: interrupted", "")


def test_waiting_asks_again_until_the_time_is_up(host, script):
    began = time.monotonic()
    ended = asked(host, *CHECK, "--wait", "1.5")
    assert ended.status == 3
    assert 1.0 < time.monotonic() - began < 10
    assert script.asked.count("/containers/json") >= 2


def test_waiting_takes_a_container_that_appears_meanwhile(tmp_path, script):
    db = script.containers.pop(1)

    def listing():
        if script.asked.count("/containers/json") == 2:
            script.containers.append(db)
        return Answer([{"Id": each["Id"]} for each in script.containers])

    script.special["/containers/json"] = listing
    with fake_engine(tmp_path / "e.sock", script) as url:
        assert asked(url, *CHECK).status == 2
        script.asked.clear()
        script.containers.remove(db) if db in script.containers else None
        assert asked(url, *CHECK, "--wait", "3").status == 3


def test_bare_netdoctor_is_an_overview_and_always_0(host, script):
    for container in script.containers:
        container["Config"]["Env"] = ["DB_URL=http://old:1"] if container["Name"] == "/app" else None
    ended = asked(host)
    assert (ended.status, ended.err) == (0, "")
    assert "app -> old" in ended.out
    assert ended.out.rstrip().splitlines()[-1] == "Next: netdoctor check app old"
    assert all(len(line) <= 80 for line in ended.out.splitlines()[1:])
    document = json.loads(asked(host, "--format", "json").out)
    assert document["edges"][0]["verdict"] == "unknown"
    assert document["edges"][0]["edge"] == "app -> old"


def test_the_overview_tells_names_that_no_container_has(host, script):
    script.containers[0]["Config"]["Env"] = ["CACHE_URL=redis://nobody:6379"]
    out = asked(host).out
    assert "Names in an environment that no container has:\n  app -> nobody  (environment CACHE_URL)" in out
    assert out.rstrip().splitlines()[-1] == "Next: netdoctor check app nobody"
    edges = json.loads(asked(host, "--format", "json").out)["edges"]
    assert "not asked: no container has that name" in [edge["reason"] for edge in edges]


def test_an_engine_without_containers_has_an_overview_too(host, script):
    script.containers.clear()
    ended = asked(host)
    assert (ended.status, "No containers here." in ended.out) == (0, True)


def test_check_without_names_asks_every_declared_edge(host):
    ended = asked(host, "check", "--format", "json")
    assert [edge["edge"] for edge in json.loads(ended.out)["edges"]] == ["app -> db:5432"]


def test_a_secret_in_a_containers_settings_is_in_no_output(host, script):
    secret = "hunter2Sup3rSecret"
    script.containers[0]["Config"]["Env"] = [f"DATABASE_URL=postgres://u:{secret}@postgres:5432/x", f"API_KEY={secret}"]
    for words in ((), ("check", "app"), (*CHECK, "-v"), (*CHECK, "--format", "json")):
        ended = asked(host, *words)
        assert secret not in ended.out + ended.err


def test_in_process_the_status_is_returned(host, capsys, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", host)
    monkeypatch.delenv("NETDOCTOR_FORMAT", raising=False)
    assert run(["--version"]) == 0
    assert run([*CHECK, "--exit-zero"]) == 0
    assert run(["nonsense"]) == 2
    assert capsys.readouterr().err.startswith("netdoctor: ")


def test_a_failure_of_our_own_is_3_and_asks_for_a_report(host, capsys, monkeypatch):
    def boom(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setenv("DOCKER_HOST", host)
    monkeypatch.setattr("netdoctor.cli.check.edges_for", boom)
    assert run([*CHECK, "--format", "json"]) == 3
    said = capsys.readouterr()
    assert "netdoctor itself failed: ZeroDivisionError" in said.err
    assert "NETDOCTOR_DEBUG=1" in said.err
    assert json.loads(said.out)["error"]["status"] == 3
    monkeypatch.setenv("NETDOCTOR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run([*CHECK])


@pytest.mark.parametrize(
    "variable",
    [{"NETDOCTOR_PROJECT": "shop"}, {"NETDOCTOR_ALL": "1"}, {"NETDOCTOR_DRIFT": "1"}],
    ids=lambda one: next(iter(one)),
)
def test_a_variable_that_is_set_for_all_runs_contradicts_no_source(variable):
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/d.sock", **variable}
    for verb in ("check", "watch"):
        ended = netdoctor(verb, "app", "db", env=nowhere)
        assert "cannot go with" not in ended.err
        assert "ND902" in ended.err  # it went on to the engine
    option = "--" + next(iter(variable)).removeprefix("NETDOCTOR_").lower()
    typed = netdoctor("check", "app", "db", option, *(["shop"] if option == "--project" else []), env=nowhere)
    assert (typed.status, "cannot go with" in typed.err) == (2, True)


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "1e400", "1000001"])
@pytest.mark.parametrize(
    "words",
    [
        ("check", "a", "b", "--timeout"),
        ("check", "a", "b", "--wait"),
        ("migrate", "x", "--patience"),
        ("migrate", "x", "--request-timeout"),
        ("vectors", "snapshot", "list", "x", "--patience"),
        ("watch", "--every"),
    ],
    ids=" ".join,
)
def test_a_time_that_nobody_can_wait_is_refused(words, value):
    ended = netdoctor(*words, value)
    assert ended.status == 2
    assert f"Invalid value for '{words[-1]}'" in ended.err


def test_a_path_that_nobody_can_use_is_one_sentence_even_where_nobody_expects_it(tmp_path):
    ended = netdoctor("migrate", "x.json", "--to", "http://127.0.0.1:9", "--ledger", f"{tmp_path}/{'x' * 300}")
    assert ended.status == 2
    assert len(ended.err) < 1000
    assert "itself failed" not in ended.err


def test_a_path_of_our_own_that_cannot_be_used_is_not_blamed_on_who_typed(monkeypatch):
    from netdoctor.cli import overview

    def broken(_settings):
        raise PermissionError(13, "Permission denied", "/proc/1/ours")

    monkeypatch.setattr(overview, "overview", broken)
    ended = netdoctor("-v")
    assert ended.status == 3
    assert "netdoctor itself failed: PermissionError" in ended.err
    assert netdoctor("--host", "/proc/1").status == 2


def test_a_nul_is_refused_in_one_place():
    for words in (("check", "a\0b", "c"), ("bundle", "a\0b"), ("lint", "-f", "\0")):
        ended = netdoctor(*words)
        assert (ended.status, ended.out) == (2, "")
        assert "An argument has a NUL in it" in ended.err


def test_a_reader_of_the_report_may_be_a_process(tmp_path):
    script = f"{sys.executable} -m netdoctor explain ND101 -o >(cat > {tmp_path}/got); wait; cat {tmp_path}/got"
    script += f"; {sys.executable} -m netdoctor explain ND101 -o /dev/stdout | cat"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=settings(), timeout=60)
    assert done.stdout.count("ND101") >= 2, done
    assert done.stderr == ""
