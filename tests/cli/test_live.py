"""``netdoctor check`` on a real engine: as root and as a member of the docker group, with containers that misbehave."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from formats.test_json import PUBLISHED
from jsonschema import Draft202012Validator
from somebody import as_nobody

from .conftest import Ended, in_a_child, settings

pytestmark = pytest.mark.docker

HTTPD = ["httpd", "-f", "-p", "8080", "-h", "/tmp"]
SECRET = "hunter2Sup3rSecret"


@pytest.fixture
def member(engine) -> tuple[str, ...]:
    """The words that make a command run as an unprivileged member of the socket's group."""
    socket = engine.host.socket_path
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("becoming another user needs root and setpriv")
    if socket is None or not socket.stat().st_mode & 0o060:
        pytest.skip("the engine's socket is not open to a group")
    return as_nobody(socket.stat().st_gid)


def check(*words: str, before: tuple[str, ...] = ()) -> Ended:
    return in_a_child("check", *words, before=before, cwd="/")


def document(*words: str, before: tuple[str, ...] = ()) -> tuple[int, dict]:
    ended = check(*words, "--format", "json", before=before)
    found = json.loads(ended.out)
    Draft202012Validator(PUBLISHED).validate(found)
    return ended.status, found


def pair(lab, *, shared: bool = True):
    """An app that wants a web server, on one network or on two."""
    net = lab.network()
    other = net if shared else lab.network()
    web = lab.container(networks=[other], aliases=["web"], command=HTTPD, word="web")
    env = {"WEB_URL": f"http://u:{SECRET}@{web.name}:8080/x", "API_KEY": SECRET}
    app = lab.container(networks=[net], env=env, word="app")
    lab.wait_for_listener(web, 8080)
    return app, web


def test_a_connection_that_works_holds_on_every_rung(lab):
    app, web = pair(lab)
    status, found = document(app.name, web.name)
    assert status == 0
    (edge,) = found["edges"]
    assert [(step["layer"], step["outcome"]) for step in edge["steps"]] == [
        (layer, "connected") for layer in ("membership", "dns", "ping", "tcp", "http")
    ]
    assert (found["verdict"], edge["reverse"]["verdict"], edge["origin"]) == ("holds", "holds", "environment WEB_URL")
    assert found["unjudged"] == []
    ended = check(app.name, web.name)
    assert ended.out.splitlines()[0].endswith("HOLDS")
    assert SECRET not in ended.out + ended.err + json.dumps(found)


def test_two_without_a_common_network_have_one_cause_and_the_next_command(lab):
    app, web = pair(lab, shared=False)
    began = time.monotonic()
    ended = check(app.name, web.name)
    assert time.monotonic() - began < 8
    assert ended.status == 1
    assert "ND101 no shared network (error, certain)" in ended.out
    assert ended.out.count("\nND") == 1
    assert ended.out.rstrip().splitlines()[-1] == f"Next: netdoctor fix {app.name} {web.name} --persist"
    status, found = document(app.name, web.name)
    assert (status, [each["code"] for each in found["findings"]]) == (1, ["ND101"])


def test_a_path_that_is_missing_is_an_http_error(lab):
    app, web = pair(lab)
    status, found = document(app.name, f"{web.name}:8080/none")
    assert status == 1
    assert found["edges"][0]["steps"][-1]["evidence"]["status"] == 404
    assert document(app.name, f"{web.name}:8080")[0] == 0


def test_a_port_that_nobody_listens_on_lists_those_that_are(lab):
    app, web = pair(lab)
    status, found = document(app.name, f"{web.name}:9999")
    assert status == 1
    (finding,) = found["findings"]
    assert finding["code"] == "ND303"
    assert "8080" in finding["cause"]


@pytest.mark.parametrize("shared", [True, False])
def test_a_member_of_the_docker_group_gets_the_same_verdict(lab, member, shared):
    app, web = pair(lab, shared=shared)
    status, found = document(app.name, web.name, before=member)
    as_root, root_found = document(app.name, web.name)
    assert (status, found["verdict"]) == (as_root, root_found["verdict"]) == ((0, "holds") if shared else (1, "broken"))
    assert [each["code"] for each in found["findings"]] == [each["code"] for each in root_found["findings"]]
    assert set(found["edges"][0]["vantages"]) <= {"sidecar", "exec"}
    assert found["notices"]
    ended = check(app.name, web.name, before=member)
    assert "netns is not possible" in ended.err
    assert "sudo" in ended.err
    lab.wait_until(lambda: not helpers(lab, app, web), "the helpers to be gone", 10)


def helpers(lab, *beside) -> list[str]:
    found = lab.api.containers(all=True, filters={"label": "netdoctor.for"})
    return [each["Id"] for each in found if each["Labels"]["netdoctor.for"] in {one.id for one in beside}]


@pytest.mark.parametrize("vantage", ["netns", "sidecar", "exec"])
def test_the_vantage_that_was_asked_for_is_taken(lab, vantage):
    if vantage == "netns" and os.geteuid() != 0:
        pytest.skip("entering a namespace needs root")
    app, web = pair(lab)
    status, found = document(app.name, web.name, "--vantage", vantage)
    assert (status, found["edges"][0]["vantages"]) == (0, [vantage])
    assert bool(found["notices"]) == (vantage != "netns")


def test_a_stopped_target_is_the_cause(lab):
    app, web = pair(lab)
    lab.api.stop(web.id, timeout=0)
    status, found = document(app.name, web.name)
    assert status == 1
    assert found["findings"][0]["code"] == "ND501"


def test_from_a_stopped_container_nothing_can_be_asked(lab):
    app, web = pair(lab)
    lab.api.stop(app.id, timeout=0)
    status, found = document(app.name, web.name)
    assert (status, found["verdict"]) == (3, "unknown")
    assert "is not running" in found["edges"][0]["reason"]
    assert {each["code"] for each in found["unjudged"]} >= {"dns", "tcp"}


def test_a_restarting_container_says_so(lab):
    net = lab.network()
    web = lab.container(networks=[net], command=HTTPD)
    loop = lab.container(networks=[net], command=["sh", "-c", "exit 1"], restart_policy={"Name": "always"})
    lab.wait_until(lambda: lab.seen(loop).state.restart_count >= 3, "a restart loop")
    lab.wait_until(lambda: lab.seen(loop).state.restarting, "it to be between restarts")
    status, found = document(loop.name, f"{web.name}:8080")
    assert status == 3
    assert "restarting" in found["edges"][0]["reason"] or "running" in found["edges"][0]["reason"]
    status, found = document(web.name, f"{loop.name}:8080")
    assert status in (1, 3)
    assert found["verdict"] != "holds"


def during(lab, words, change, *, seen: float = 1.0) -> tuple[int, dict]:
    """Run a check, and change something while it waits for an answer that does not come."""
    child = subprocess.Popen(
        [sys.executable, "-m", "netdoctor", "check", *words, "--format", "json", "--timeout", "3"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings(),
    )  # fmt: skip
    timer = threading.Timer(seen, change)
    timer.start()
    out, err = child.communicate(timeout=60)
    timer.join()
    assert "Traceback" not in err
    found = json.loads(out)
    Draft202012Validator(PUBLISHED).validate(found)
    return child.returncode, found


def test_a_target_that_vanishes_meanwhile_is_unknown_by_its_name(lab):
    app, web = pair(lab)
    lab.iptables(web, "-A", "INPUT", "-p", "tcp", "--dport", "8080", "-j", "DROP")

    def vanish() -> None:
        lab.api.remove_container(web.id, force=True)

    lab.keep(web)
    status, found = during(lab, [app.name, web.name], vanish, seen=2.0)
    (edge,) = found["edges"]
    assert (status, edge["verdict"]) == (3, "unknown")
    assert edge["edge"].startswith(f"{app.name} -> {web.name}")
    assert "has been removed" in edge["reason"]


def test_a_target_that_restarts_meanwhile_is_asked_again(lab):
    app, web = pair(lab)
    lab.iptables(web, "-A", "INPUT", "-p", "tcp", "--dport", "8080", "-j", "DROP")
    status, found = during(lab, [app.name, web.name], lambda: lab.api.restart(web.id, timeout=0), seen=2.0)
    assert (status, found["verdict"]) == (0, "holds")


def test_a_filtered_target_that_does_not_move_is_broken(lab):
    app, web = pair(lab)
    lab.iptables(web, "-A", "INPUT", "-p", "tcp", "--dport", "8080", "-j", "DROP")
    status, found = document(app.name, web.name, "--timeout", "1")
    assert (status, found["verdict"]) == (1, "broken")
    assert "ND304" in {each["code"] for each in found["findings"]}


def test_waiting_for_a_server_that_is_not_up_yet(lab):
    net = lab.network()
    late = lab.container(networks=[net], command=["sh", "-c", "sleep 3; exec httpd -f -p 8080 -h /tmp"])
    app = lab.container(networks=[net])
    assert document(app.name, f"{late.name}:8080")[0] == 1
    status, found = document(app.name, f"{late.name}:8080", "--wait", "20")
    assert (status, found["verdict"]) == (0, "holds")


def test_from_the_host_as_people_try_it_first(lab):
    app, web = pair(lab, shared=False)
    status, found = document("host", f"{web.name}:8080")
    assert (status, found["edges"][0]["vantages"]) == (0, ["host"])
    assert found["edges"][0]["source"]["kind"] == "host"
    assert document(app.name, web.name)[0] == 1


def test_one_name_checks_every_edge_that_touches_it(lab):
    app, web = pair(lab)
    for word in (app.name, web.name):
        status, found = document(word)
        assert status == 0
        assert [(edge["source"]["name"], edge["target"]["name"]) for edge in found["edges"]] == [(app.name, web.name)]


def test_bare_netdoctor_shows_what_is_there_and_names_the_next_command(lab):
    app, web = pair(lab, shared=False)
    ended = in_a_child(cwd="/")
    assert ended.status == 0
    assert f"{app.name} -> {web.name}" in ended.out
    assert "Next: netdoctor check " in ended.out
    assert SECRET not in ended.out


def test_a_bundle_judges_the_same_without_an_engine(lab, tmp_path):
    app, web = pair(lab, shared=False)
    path = str(tmp_path / "b.json")
    assert in_a_child("bundle", path, app.name, web.name).status == 0
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/x"}
    ended = in_a_child("check", app.name, web.name, "--bundle", path, "--format", "json", env=nowhere)
    found = json.loads(ended.out)
    assert (ended.status, [each["code"] for each in found["findings"]]) == (1, ["ND101"])
    assert SECRET not in (tmp_path / "b.json").read_text()


def test_an_image_without_a_shell_is_asked_all_the_same(lab):
    net = lab.network()
    web = lab.container(networks=[net], command=HTTPD, word="web")
    bare = lab.container("scratch", networks=[net])
    lab.wait_for_listener(web, 8080)
    assert document(bare.name, f"{web.name}:8080")[0] == 0
