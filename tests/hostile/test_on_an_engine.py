"""What a real engine lets somebody write into a container, seen by every verb that looks at it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.conftest import in_a_child, netdoctor

from .attack import MARK, SECRET, check_document, raw

pytestmark = pytest.mark.docker
TEXT = f"\x1b]0;t\x07\x1b[31m\u202e\n::error::<script>alert(1)</script>$(touch {MARK})%s{{0}}"
FORMS = ("human", "json", "jsonl", "junit", "sarif", "github", "markdown", "prometheus")


@pytest.fixture(scope="module")
def pair(module_lab):
    """A caller whose labels and variables are an attack, and a server that answers with one; on two networks."""
    near, far = module_lab.network(labels={"x": TEXT, "secret": SECRET}), module_lab.network()
    script = (
        "import socket\ns=socket.create_server(('',8080))\nwhile 1:\n c,_=s.accept()\n c.recv(9)\n"
        f" c.sendall(b'HTTP/1.1 500 \\x1b[31m\\r\\nServer: \\x1b[2J\\r\\n\\r\\npassword={SECRET} \\x1b[31m'); c.close()"
    )
    target = module_lab.container("python", networks=[near, far], command=["python3", "-c", script], word="target")
    app = module_lab.container(
        networks=[near],
        env={
            "API_URL": f"http://user:{SECRET}@{target.name}:8080/{TEXT}",
            "API_KEY": SECRET,
            f"X{TEXT}": TEXT,
        },
        labels={f"k{TEXT}": TEXT, "auth.token": SECRET},
        command=["sh", "-c", f"sleep 3600 # {TEXT} --password {SECRET}"],
        word="app",
    )
    apart = module_lab.container(networks=[far], env={"API_URL": f"http://{app.name}/{TEXT}"}, word="apart")
    module_lab.wait_for_listener(target, 8080)
    return app.name, target.name, apart.name


def held(ended, form=""):
    assert ended.status in (0, 1, 3), ended
    assert (raw(ended.out), raw(ended.err)) == ([], [])
    assert SECRET not in ended.out + ended.err
    assert "itself failed" not in ended.err
    check_document(ended.out, form)
    return ended


def test_reports_of_what_answers_with_an_attack(pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app, target, apart = pair
    for form in FORMS:
        held(netdoctor("check", app, "--format", form, "-v"), form)
    for smuggled in (f"{target}:8080/x\r\nEvil: 1", f"{target}:8080/ HTTP/1.0\n\n"):
        ended = netdoctor("check", app, smuggled)
        assert (ended.status, raw(ended.err)) == (2, []), smuggled
    assert held(netdoctor("check", apart, app)).status == 1
    for form in ("tree", "html", "svg", "dot", "mermaid"):
        held(netdoctor("map", app, target, "--format", form), form)
    assert list(tmp_path.iterdir()) == []


def test_a_fix_its_journal_and_its_undo(pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app, _, apart = pair
    env = {"NETDOCTOR_STATE_DIR": str(tmp_path / "state")}
    for words in (["fix", apart, app, "--yes"], ["fix", apart, app, "--dry-run"], ["undo", "--yes"]):
        for form in ("human", "json") if "--dry-run" in words else ("json",):
            held(netdoctor(*words, "--format", form, env=env), form)
    assert [each.name for each in tmp_path.iterdir()] == ["state"]
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path
            assert SECRET not in path.read_text("utf-8"), path


def test_a_bundle_of_it(pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app, target, _ = pair
    held(netdoctor("bundle", "b.json", app, target))
    text = Path("b.json").read_text("utf-8")
    assert SECRET not in text
    assert json.loads(text)["removed"]
    held(netdoctor("check", "--bundle", "b.json", app, target))


def test_words_for_enter_are_never_a_shells(pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app, _, _ = pair
    ended = in_a_child("enter", app, "--", "printf", "%s", f"$(touch {MARK});`id`")
    if ended.status == 0:
        assert ended.out == f"$(touch {MARK});`id`"
    assert list(tmp_path.iterdir()) == []
