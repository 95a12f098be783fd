"""``netdoctor map``: a picture from a bundle or an engine, and one sentence where there is none."""

from __future__ import annotations

import pytest
from rules.build import container, network, topology

from netdoctor.topology.bundle import write_bundle

from .conftest import in_a_child, netdoctor

NET, OTHER = network("shared"), network("other")


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "b.json"
    app = container("app", NET, environment=(("QDRANT_URL", "http://qdrant:6333"),))
    write_bundle(path, topology(app, container("qdrant", OTHER), NET, OTHER))
    return str(path)


def test_a_bundle_is_drawn_without_an_engine(bundle):
    ended = netdoctor("-H", "unix:///nonexistent", "map", "--bundle", bundle, "--no-ask")
    assert ended.status == 0
    assert "shared" in ended.out
    assert "app" in ended.out


def test_the_picture_goes_to_a_file_whole(bundle, tmp_path):
    path = tmp_path / "map.dot"
    ended = netdoctor("map", "--bundle", bundle, "--format", "dot", "-o", str(path))
    assert (ended.status, ended.out) == (0, "")
    assert path.read_text("utf-8").startswith("digraph")


def test_a_way_that_does_not_exist_lists_those_that_do(bundle):
    ended = netdoctor("map", "--bundle", bundle, "--format", "jpeg")
    assert ended.status == 2
    assert "dot" in ended.err
    assert "tree" in ended.err


def test_an_engine_that_does_not_answer_is_one_sentence():
    ended = netdoctor("-H", "unix:///nonexistent", "map")
    assert (ended.status, ended.out) == (3, "")


@pytest.mark.docker
def test_the_incident_on_a_real_engine_is_red_with_its_cause(lab):
    one, two = lab.network(), lab.network()
    target = lab.container(networks=[two], command=["httpd", "-f", "-p", "8080"], word="web")
    app = lab.container(networks=[one], env={"WEB_URL": f"http://{target.name}:8080"}, word="app")
    ended = in_a_child("map", app.name, target.name)
    assert ended.status == 0
    assert f"BROKEN {app.name} -> {target.name}:8080" in ended.out
    assert "ND101" in ended.out
