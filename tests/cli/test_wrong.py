"""Whatever is wrong is one clear sentence, the next thing to do, and the right exit status; never a traceback."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from pathlib import Path

import pytest
from fake_engine import Answer
from somebody import as_nobody
from topology.inspects import full

from .conftest import in_a_child, netdoctor

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")


def sentence(ended) -> str:
    """What is said on stderr, first line; there is a hint below it."""
    first, *rest = ended.err.splitlines()
    assert first.startswith("netdoctor: ")
    assert rest and rest[0].startswith("  ")
    return first


@pytest.mark.parametrize(
    ("words", "status", "said", "hint"),
    [
        (["app", "qdrant"], 2, "'app' is no netdoctor command", "netdoctor check app qdrant"),
        (["app", "qdrant; rm -rf /"], 2, "no netdoctor command", "netdoctor check app 'qdrant; rm -rf /'"),
        (["chekc"], 2, "'chekc' is no netdoctor command", "Did you mean: netdoctor check\n"),
        (["chek", "app", "api"], 2, "no netdoctor command", "Did you mean: netdoctor check app api\n"),
        (["common"], 2, "no netdoctor command", "check"),
        (["check", "--frobnicate"], 2, "--frobnicate", "netdoctor check --help"),
        (["--frobnicate"], 2, "--frobnicate", "netdoctor --help"),
        (["check", "a", "b", "c"], 2, "c", "netdoctor check --help"),
        (["check", "--timeout", "soon", "a", "b"], 2, "soon", "--help"),
        (["check", "--timeout", "0", "a", "b"], 2, "0", "--help"),
        (["check", "--fail-on", "never", "a", "b"], 2, "never", "--help"),
        (["check", "--format", "yaml", "a", "b"], 2, "no format 'yaml'", "human, json"),
        (["check", "--only", "ND999", "a", "b"], 2, "no rule ND999", "netdoctor explain --list"),
        (["check", "--skip", "nd101,nope", "a", "b"], 2, "no rule NOPE", "netdoctor explain --list"),
        (["check", "--vantage", "moon", "a", "b"], 2, "no vantage 'moon'", "auto"),
        (["check", "--context", "nope", "a", "b"], 2, "context 'nope', which does not exist", "docker context ls"),
        (["check", "-H", "ftp://x", "a", "b"], 2, "no engine address", "unix:///path"),
        (["-H", "tcp://x", "--context", "y", "check", "a", "b"], 2, "Both --host and --context", "one of them"),
        (["check", "--bundle", "/nonexistent/b.json", "a", "b"], 2, "cannot be read", "netdoctor bundle"),
        (["explain", "ND999"], 2, "no code 'ND999'", "netdoctor explain --list"),
        (["\x1b[31m"], 2, "x1b[31m' is no netdoctor command", "check"),
    ],
)
def test_what_was_typed_wrong(words, status, said, hint):
    ended = netdoctor(*words)
    assert ended.status == status
    assert said in sentence(ended)
    assert hint in ended.err
    assert ended.out == ""
    assert "\x1b" not in ended.err


def test_bad_options_are_refused_before_any_engine_is_asked(tmp_path):
    for option in (["--format", "yaml"], ["--only", "ND999"], ["--vantage", "moon"]):
        assert netdoctor("check", "-H", f"unix://{tmp_path}/none", *option, "a", "b").status == 2


@pytest.mark.parametrize("asked", [netdoctor, in_a_child])
def test_a_missing_socket(asked):
    ended = asked("check", "a", "b", "-H", "unix:///nonexistent/docker.sock")
    assert ended.status == 3
    assert sentence(ended) == (
        "netdoctor: ND902 No Docker Engine at unix:///nonexistent/docker.sock (from --host): the socket does not exist."
    )


def test_a_closed_port_names_the_variable_that_said_it():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        ended = netdoctor("check", "a", "b", env={"DOCKER_HOST": url})
    assert ended.status == 3
    assert f"{url} (from DOCKER_HOST) does not answer: connection refused" in sentence(ended)


@AS_ROOT
@pytest.mark.parametrize("closed", ["socket", "folder"])
@pytest.mark.parametrize("words", [("check", "a", "b"), ()])
def test_permission_denied_names_the_socket_and_the_way_out(closed, words):
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        Path(folder).chmod(0o755 if closed == "socket" else 0o700)
        path = f"{folder}/docker.sock"
        server.bind(path)
        server.listen()
        Path(path).chmod(0o660)
        ended = in_a_child(*words, "-H", f"unix://{path}", before=as_nobody(), cwd="/")
    assert ended.status == 3
    assert sentence(ended).startswith("netdoctor: ND903 You may not use the Docker Engine")
    assert path in ended.err and "sudo" in ended.err and "group" in ended.err


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["check", "apq", "db"], "no container named 'apq'", "Did you mean app?"),
        (["check", "app", "zzz"], "no container named 'zzz'", "netdoctor"),
        (["check", "app", "app:80"], "the same container", "two containers"),
        (["check", "app", "db:0"], "'0'", "1 to 65535"),
        (["check", "app", ""], "empty container name", "netdoctor"),
        (["check", "db"], "No connection to or from db is declared", "netdoctor check SOURCE TARGET"),
        (["check", "app", "outside.example"], "has no port", "HOST:PORT"),
    ],
)
def test_what_no_container_answers_to(host, script, words, said, hint):
    if words == ["check", "db"]:
        script.containers[:] = [each for each in script.containers if each["Id"] == full("db")]
    ended = netdoctor(*words, "-H", host)
    assert ended.status == 2
    assert said in sentence(ended)
    assert hint in ended.err


def test_an_ambiguous_name_lists_the_candidates(host, script):
    for container, project in zip(script.containers[:2], "pq", strict=True):
        container["Config"]["Labels"] = {"com.docker.compose.service": "twin", "com.docker.compose.project": project}
    ended = netdoctor("check", "twin", "old", "-H", host)
    assert ended.status == 2
    assert "'twin' names 2 containers: app (p/twin), db (q/twin)" in sentence(ended)
    assert "project/service" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ["check", "a", "b", "-H", "unix:///nonexistent/x"],
        ["check", "nobody", "b"],
        ["check", "--frobnicate"],
        ["app", "qdrant"],
        ["check", "--only", "ND999", "a", "b"],
    ],
)
@pytest.mark.parametrize("how", ["after", "before", "variable", "equals"])
def test_in_json_an_error_is_a_whole_document_on_stdout(words, how, host):
    words = list(words) if "-H" in words else [*words, "-H", host]
    placed = {
        "after": [*words, "--format", "json"],
        "before": ["--format", "json", *words],
        "equals": [*words, "--format=json"],
        "variable": words,
    }[how]
    ended = netdoctor(*placed, env={"NETDOCTOR_FORMAT": "json"} if how == "variable" else None)
    document = json.loads(ended.out)
    assert document["verdict"] == "unknown"
    assert document["error"]["status"] == ended.status != 0
    assert document["error"]["message"] and document["error"]["hint"]
    assert document["error"]["message"] in ended.err


@pytest.mark.parametrize("special", ["/version", "/networks", "/containers/json"])
@pytest.mark.parametrize("cut", [0, 1, 20])
def test_an_engine_that_cuts_its_answer(host, script, special, cut):
    script.special[special] = Answer([{"Id": "x" * 64, "Name": "n" * 64}], cut=cut)
    ended = netdoctor("check", "app", "db", "-H", host)
    assert ended.status == 3
    assert "ND902" in sentence(ended)
    assert "broke off its answer" in ended.err


def test_an_engine_that_cuts_one_inspect(host, script):
    script.special[f"/containers/{full('db')}/json"] = Answer({"Id": "x"}, cut=3)
    ended = netdoctor("check", "app", "db", "-H", host)
    assert (ended.status, "ND902" in ended.err) == (3, True)


def test_a_slow_engine_is_waited_for(host, script):
    script.special["/networks"] = Answer(script.networks, late=1.0)
    assert netdoctor("-H", host).status == 0


def test_an_engine_error_keeps_the_engines_words(host, script):
    script.special["/containers/json"] = Answer({"message": "disk is full, http://u:hunter2@x"}, 500)
    ended = netdoctor("check", "app", "db", "-H", host)
    assert ended.status == 3
    assert "Could not list the containers: disk is full, http://***@x" in ended.err


def test_json_that_no_engine_would_say(host, script):
    for body in ([1], {"a": 1}, "text", None):
        script.special["/networks"] = Answer(body)
        assert netdoctor("check", "app", "db", "-H", host).status == 3


def test_a_context_that_is_current_and_gone_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"currentContext": "lost"}')
    ended = netdoctor("check", "a", "b", env={"DOCKER_CONFIG": str(tmp_path)})
    assert ended.status == 2
    assert "config.json names the Docker context 'lost'" in sentence(ended)


def test_a_password_in_the_engines_address_is_not_repeated():
    ended = netdoctor("check", "a", "b", "-H", "tcp://u:hunter2@127.0.0.1:9")
    assert ended.status != 0
    assert "hunter2" not in ended.err + ended.out
