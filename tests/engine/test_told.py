"""The table of answers takes what four engines say, and nothing else of what a netdoctor can be told."""

from __future__ import annotations

import copy

import pytest
from topology.inspects import SHAPES, Shape, full, stack

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


def test_what_is_asked_without_a_line_in_the_table_is_refused() -> None:
    with pytest.raises(Unusable, match="nobody has said"):
        usable("GET", "/v1.41/volumes", {})
