"""A platform's stack on a real engine: fixed live, told over the platform's API, taken back; its file never touched."""

from __future__ import annotations

import uuid

import pytest
import yaml
from platforms.panels import TOKEN, Coolify, Portainer, says

from .live import PORT, SERVE

pytestmark = pytest.mark.docker

TEXT = "services:\n  qdrant:\n    image: x\n    environment:\n      API_KEY: hunter2-never-shown\n"


@pytest.fixture
def made(lab, tmp_path):
    """App on a shared network, qdrant as Coolify labels it on its own; the file is there, as on Coolify's server."""
    name = uuid.uuid4().hex[:24]
    folder = tmp_path / "data" / "coolify" / "services" / name
    folder.mkdir(parents=True)
    (folder / "docker-compose.yml").write_text(TEXT)
    shared, own = lab.network("shared"), lab.network("zz-own")
    lab.container(networks=[shared], word="bystander")
    app = lab.container(networks=[shared], word="app")
    labels = {
        "com.docker.compose.project": name,
        "com.docker.compose.service": "qdrant",
        "com.docker.compose.project.working_dir": str(folder),
        "com.docker.compose.project.config_files": str(folder / "docker-compose.yml"),
        "coolify.managed": "true",
        "coolify.type": "service",
    }
    qdrant = lab.container(networks=[own], word="qdrant", command=SERVE, labels=labels)
    lab.wait_for_listener(qdrant, PORT)
    edge = [app.name, f"{qdrant.name}:{PORT}/hosts", "--network", shared.name, "--persist"]
    return name, folder / "docker-compose.yml", shared, edge


@pytest.fixture
def panel(made, monkeypatch):
    with Coolify() as server:
        server.services[made[0]] = {"name": "db", "docker_compose_raw": TEXT, "connect_to_docker_network": False}
        monkeypatch.setenv("NETDOCTOR_COOLIFY_URL", server.address)
        monkeypatch.setenv("NETDOCTOR_COOLIFY_TOKEN", TOKEN)
        yield server


def test_fixed_told_and_taken_back(made, panel, netdoctor, state):
    name, file, shared, edge = made
    shown = netdoctor("fix", *edge, "--apply", "--dry-run")
    assert panel.changes() == 0
    assert f"+      - {shared.name}" in shown.out
    said = netdoctor("fix", *edge, "--apply", "--yes")
    assert said.status == 0, said
    assert "told over its API and read back" in " ".join(said.out.split())
    assert yaml.safe_load(panel.services[name]["docker_compose_raw"])["services"]["qdrant"]["networks"] == [
        "default",
        shared.name,
    ]
    assert file.read_text() == TEXT, "Coolify's own file is never touched"
    again = netdoctor("fix", *edge, "--apply", "--yes")
    assert again.status == 0
    assert "says it already" in " ".join(again.out.split())
    undone = netdoctor("undo", "--yes")
    assert undone.status == 0, undone
    assert yaml.safe_load(panel.services[name]["docker_compose_raw"]) == yaml.safe_load(TEXT)
    assert netdoctor("check", *edge[:2]).status == 1
    everything = "".join(each.out + each.err for each in (shown, said, again, undone))
    everything += next(state.rglob("journal.jsonl")).read_text()
    assert TOKEN not in everything
    assert "hunter2" not in shown.out + said.out + undone.out


def test_a_platform_that_says_no_leaves_the_fix_live_and_gives_the_lines(made, panel, netdoctor):
    name, *_, edge = made
    panel.misbehave("PATCH", "/services", says(422, {"message": "Validation failed.", "errors": {"x": ["no"]}}))
    said = netdoctor("fix", *edge, "--apply", "--yes")
    assert said.status == 1
    assert "LIVE fixed. NOT permanent: paste this" in said.out
    assert "x: no" in " ".join(said.out.split())
    assert panel.services[name]["docker_compose_raw"] == TEXT
    assert netdoctor("check", *edge[:2]).status == 0
    assert netdoctor("undo", "--yes").status == 0


def test_an_undo_that_the_platform_refuses_changes_nothing_and_can_be_repeated(made, panel, netdoctor):
    name, _, _, edge = made
    assert netdoctor("fix", *edge, "--apply", "--yes").status == 0
    panel.misbehave("GET", "/services", says(401), times=1)
    refused = netdoctor("undo", "--yes")
    assert refused.status == 1
    assert "does not accept the token" in " ".join(refused.out.split())
    assert netdoctor("check", *edge[:2]).status == 0, "nothing was taken back"
    assert netdoctor("undo", "--yes").status == 0
    assert yaml.safe_load(panel.services[name]["docker_compose_raw"]) == yaml.safe_load(TEXT)


def test_without_an_address_or_a_token_it_is_refused_before_anything_is_changed(made, netdoctor, monkeypatch):
    *_, edge = made
    said = netdoctor("fix", *edge, "--apply", "--yes")
    assert said.status == 2
    assert "NETDOCTOR_COOLIFY_URL" in said.err
    monkeypatch.setenv("NETDOCTOR_COOLIFY_URL", "http://127.0.0.1:9")
    assert netdoctor("fix", *edge, "--apply", "--yes").status == 2
    assert netdoctor("check", *edge[:2]).status == 1, "nothing was changed"


def test_a_token_from_a_file_and_one_that_cannot_be_read(made, panel, netdoctor, monkeypatch, tmp_path):
    *_, edge = made
    monkeypatch.delenv("NETDOCTOR_COOLIFY_TOKEN")
    monkeypatch.setenv("NETDOCTOR_COOLIFY_TOKEN_FILE", str(tmp_path / "token"))
    assert netdoctor("fix", *edge, "--apply", "--dry-run").status == 2
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert f"+      - {made[2].name}" in netdoctor("fix", *edge, "--apply", "--dry-run").out


def test_apply_goes_with_persist(netdoctor):
    assert netdoctor("fix", "--apply").status == 2


def test_portainer_deploys_at_once_and_the_new_container_is_asked_again(lab, netdoctor, monkeypatch):
    shared, own = lab.network("shared"), lab.network("zz-own")
    lab.container(networks=[shared], word="bystander")
    app = lab.container(networks=[shared], word="app")
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "qdrant",
        "com.docker.compose.project.working_dir": "/data/compose/12",
    }
    qdrant = lab.container(networks=[own], word="qdrant", command=SERVE, labels=labels)
    lab.wait_for_listener(qdrant, PORT)
    edge = [app.name, f"{qdrant.name}:{PORT}/hosts", "--network", shared.name, "--persist", "--apply"]

    def deploys(stack, text):
        """As Portainer does: the container is made anew, on the networks of its text."""
        listed = yaml.safe_load(text)["services"]["qdrant"].get("networks", [])
        lab.api.remove_container(qdrant.name, force=True)
        nets = [own, shared] if shared.name in listed else [own]
        lab.container(networks=nets, name=qdrant.name, command=SERVE, labels=labels, aliases=["qdrant"])
        return True

    with Portainer() as panel:
        panel.stacks["12"] = {"Id": 12, "Name": "shop", "Type": 2, "EndpointId": 3, "Env": [], "GitConfig": None}
        panel.files["12"] = TEXT
        panel.deploys = deploys
        monkeypatch.setenv("NETDOCTOR_PORTAINER_URL", panel.address)
        monkeypatch.setenv("NETDOCTOR_PORTAINER_TOKEN", TOKEN)
        held = netdoctor("fix", *edge, "--dry-run")
        assert "--disruptive" in held.out
        said = netdoctor("fix", *edge, "--disruptive", "--yes")
        assert said.status == 0, said
        assert shared.name in panel.files["12"]
        assert netdoctor("check", *edge[:2]).status == 0, "the one that was made anew"
        assert netdoctor("undo", "--yes").status == 0
        assert panel.files["12"] == TEXT
        assert netdoctor("check", *edge[:2]).status == 1
