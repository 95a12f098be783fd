"""Learned on a real engine, checked, broken, suppressed; a container that is replaced while it is asked."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from .conftest import netdoctor

pytestmark = pytest.mark.docker

PORT = 8080
SERVE = ["httpd", "-f", "-p", str(PORT), "-h", "/etc"]


def labels(project: str, service: str) -> dict[str, str]:
    return {"com.docker.compose.project": project, "com.docker.compose.service": service}


def stack(lab: Any) -> tuple[str, Any, Any, Any]:
    """app and db on one network, apart on another; the app's environment names the db."""
    project = f"ndtest-{lab.suffix}"
    net, far = lab.network("net"), lab.network("far")
    db = lab.container(networks=[net], aliases=["db"], command=SERVE, labels=labels(project, "db"), word="db")
    env = {"DB_URL": f"http://user:hunter2Sup3rSecret@db:{PORT}/hosts"}
    app = lab.container(networks=[net], aliases=["app"], env=env, labels=labels(project, "app"), word="app")
    apart = lab.container(networks=[far], labels=labels(project, "apart"), word="apart")
    lab.wait_for_listener(db, PORT)
    return project, app, db, apart


def test_learn_check_break_suppress(lab: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project, _app, db, _ = stack(lab)
    learned = netdoctor("expect", "--learn", "--project", project, "--timeout", "1")
    assert learned.status == 0, learned
    text = (tmp_path / "netdoctor.yaml").read_text()
    assert "hunter2" not in text + learned.err
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("- ")]
    assert len(lines) == 1 and f":{PORT}" in lines[0], text
    checked = netdoctor("check", "--project", project, "--format", "json")
    assert checked.status == 0, checked
    lab.api.stop(db.id, timeout=0)
    broken = netdoctor("check", "--project", project, "--format", "json", "--timeout", "1")
    assert broken.status == 1
    code = json.loads(broken.out)["findings"][0]["code"]
    name = lines[0].removeprefix("- ").split(" -> ")
    (tmp_path / "netdoctor.yaml").write_text(
        f"version: 1\nexpectations:\n- from: {name[0]}\n  to: {name[1]}\n"
        f"  suppress: [{{code: {code}, reason: night shift, until: 2999-01-01}}]\n"
    )
    accepted = netdoctor("check", "--project", project, "--timeout", "1")
    assert accepted.status == 0, accepted
    assert "night shift" in accepted.out


def test_without_a_file_the_environment_says_what_to_ask(
    lab: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project, app, db, _ = stack(lab)
    checked = netdoctor("check", "--project", project, "--format", "json")
    assert checked.status == 0, checked
    (edge,) = json.loads(checked.out)["edges"]
    assert (edge["source"]["name"], edge["target"]["name"], edge["origin"]) == (app.name, db.name, "environment DB_URL")
    assert "hunter2" not in checked.out


def test_all_pairs_of_a_project(lab: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project, app, db, apart = stack(lab)
    checked = netdoctor("check", "--all", "--project", project, "--format", "json", "--timeout", "1")
    verdicts = {
        (edge["source"]["name"], edge["target"]["name"]): edge["verdict"] for edge in json.loads(checked.out)["edges"]
    }
    assert verdicts == {(app.name, db.name): "holds", (apart.name, db.name): "broken"}
    assert checked.status == 1
    assert [each["code"] for each in json.loads(checked.out)["findings"]] == ["ND101"]


@pytest.mark.parametrize("what", ["restart", "remove"])
def test_a_target_that_goes_away_while_it_is_asked_is_no_finding(
    lab: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The far network swallows the dial, so the run is still waiting when the target goes."""
    monkeypatch.chdir(tmp_path)
    near, far = lab.network("near"), lab.network("far")
    web = lab.container(networks=[near], word="web")
    db = lab.container(networks=[far], command=SERVE, word="db")
    lab.wait_for_listener(db, PORT)
    (tmp_path / "netdoctor.yaml").write_text(f"version: 1\nexpectations:\n- {web.name} -x> {db.name}:{PORT}\n")

    def go() -> None:
        time.sleep(0.9)
        if what == "restart":
            lab.api.restart(db.id, timeout=0)
        else:
            lab.api.remove_container(db.id, force=True)

    going = threading.Thread(target=go)
    going.start()
    checked = netdoctor("check", "--format", "json", "--timeout", "3")
    going.join()
    (edge,) = json.loads(checked.out)["edges"]
    # Restarted: asked once more, and then it holds or is unknown; removed: there is nothing left to ask.
    assert edge["verdict"] in (("holds", "unknown") if what == "restart" else ("unknown",)), edge
    assert checked.status == (0 if edge["verdict"] == "holds" else 3)
    if what == "remove":
        assert "has been removed" in edge["reason"] or "changed" in edge["reason"]
