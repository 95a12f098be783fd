"""The table of answers takes what four engines say, and nothing else of what a netdoctor can be told."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
from topology.inspects import SHAPES, Shape, full, stack

from netdoctor.engine import told
from netdoctor.engine.shapes import Unusable
from netdoctor.engine.told import usable

ONE = f"/v1.41/containers/{'a' * 64}/json"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_what_engines_say_is_taken_as_it_is(shape: Shape) -> None:
    containers, networks = stack(shape)
    for each in containers:
        assert usable("GET", ONE, each) is each
    assert usable("GET", "/v1.41/networks", networks) is networks


def test_podman_leaves_networks_out_where_there_are_none_and_only_there() -> None:
    app, *_ = stack(SHAPES[3])[0]
    del app["NetworkSettings"]["Networks"]
    with pytest.raises(Unusable, match="NetworkSettings has no Networks"):
        usable("GET", ONE, app)
    for mode in ("host", "none", "slirp4netns:allow_host_loopback=true", "private", f"container:{full('db')}"):
        app["HostConfig"]["NetworkMode"] = mode
        usable("GET", ONE, app)


@pytest.mark.parametrize("key", ["Id", "Name", "State", "Config", "HostConfig", "NetworkSettings"])
def test_nothing_is_concluded_from_half_an_inspect(key: str) -> None:
    for wrong in (None, [], "x", 5):
        app = copy.deepcopy(stack(SHAPES[0])[0][0]) | {key: wrong}
        if not (key == "Name" and wrong == "x") and not (key == "Id" and wrong == "x"):
            with pytest.raises(Unusable, match=key):
                usable("GET", ONE, app)


def test_an_id_never_leads_anywhere_else() -> None:
    for wrong in ("../networks", "..", "a/json", "a%2fb", "a?x", "a\nb", "\x1b[31m", "", "\ud800"):
        with pytest.raises(Unusable):
            usable("GET", "/v1.41/containers/json", [{"Id": wrong}])


def test_a_version_becomes_a_part_of_every_path() -> None:
    for wrong in ("1.41/../..", "latest", "", 1.41, None, "1.41\n"):
        with pytest.raises(Unusable):
            usable("GET", "/version", {"ApiVersion": wrong})
    assert usable("GET", "/version", {"ApiVersion": "1.41"})


READ = {
    "version": "GET /version",
    "info": "GET /info",
    "containers": "GET /containers/json",
    "inspect_container": "GET /containers/a/json",
    "stats": "GET /containers/a/stats",
    "create_container_from_config": "POST /containers/create",
    "exec_create": "POST /containers/a/exec",
    "exec_inspect": "GET /exec/a/json",
    "networks": "GET /networks",
    "create_network": "POST /networks/create",
    "inspect_network": "GET /networks/a",
    "inspect_image": "GET /images/a:1/json",
    "services": "GET /services",
    "inspect_service": "GET /services/a",
    "update_service": "POST /services/a/update",
    "tasks": "GET /tasks",
}
UNREAD = {"create_host_config", "create_container_config", "start", "remove_container", "pull", "remove_network"}
UNREAD |= {"connect_container_to_network", "disconnect_container_from_network", "get", "head", "close"}


def test_every_answer_that_is_read_has_its_line() -> None:
    room = Path(told.__file__).parent
    asked = {name for file in room.glob("*.py") for name in re.findall(r"\bapi\.([a-z]\w+)\(", file.read_text("utf-8"))}
    assert asked <= READ.keys() | UNREAD
    for name in asked & READ.keys():
        method, path = READ[name].split(" ")
        with pytest.raises(Unusable):
            usable(method, f"/v1.41{path}", "nothing of the kind")
