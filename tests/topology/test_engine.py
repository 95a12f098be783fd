"""Every engine's inspect says the same stack in its own way; one topology comes out."""

from __future__ import annotations

import pytest

from netdoctor.model import Endpoint, Fact, PortBinding
from netdoctor.topology.engine import build_topology, read_network

from .inspects import SHAPES, full, stack


@pytest.fixture(params=SHAPES, ids=[shape.name for shape in SHAPES])
def shape(request):
    return request.param


@pytest.fixture
def seen(shape):
    return build_topology(*stack(shape), engine_version=shape.name, endpoint="unix:///x")


def one(seen, name):
    return next(each for each in seen.containers if each.name == name)


def on(seen, name, network) -> Endpoint:
    return next(each for each in one(seen, name).endpoints if each.network_name == network)


def test_containers_are_known_by_name_and_id(seen):
    assert [each.name for each in seen.containers] == ["alone", "app", "db", "ended", "metal", "old", "side"]
    assert seen.container(full("db")) is one(seen, "db")
    assert seen.knows == {Fact.RUNTIME}


def test_endpoints_lead_to_their_networks_by_id_even_where_the_engine_gives_a_name(seen):
    app = one(seen, "app")
    assert [(each.network, each.ipv4) for each in app.endpoints] == [
        (full("front"), "172.18.0.2"),
        (full("back"), "172.19.0.2"),
    ]
    assert [each.name for each in seen.shared_networks(app, one(seen, "db"))] == ["back"]
    assert seen.shared_networks(app, one(seen, "old")) == ()


def test_the_name_set_is_complete_whether_the_engine_tells_it_or_not(seen):
    assert set(on(seen, "db", "back").names) == {"db", "postgres", full("db")[:12]}
    assert on(seen, "db", "back").aliases == ("postgres",)
    assert on(seen, "app", "front").aliases == ("web",)


def test_the_default_bridge_has_no_names(seen):
    (endpoint,) = one(seen, "old").endpoints
    network = seen.network(endpoint.network)
    assert network is not None
    assert network.default_bridge
    assert endpoint.names == ()
    assert endpoint.ipv4 == "172.17.0.2"


def test_only_the_default_bridge_is_one(seen):
    assert [each.name for each in seen.networks if each.default_bridge] == ["bridge"]


def test_a_borrowed_namespace_has_no_endpoints_of_its_own(seen):
    side = one(seen, "side")
    assert side.endpoints == ()
    assert seen.network_owner(side) is one(seen, "app")
    assert len(seen.endpoints_of(side)) == 2
    assert [each.name for each in seen.members(full("back"))] == ["app", "db", "ended"]


def test_host_and_none_mode_share_no_network_with_anybody(seen):
    for name in ("metal", "alone"):
        assert one(seen, name).network_mode == {"metal": "host", "alone": "none"}[name]
        assert seen.shared_networks(one(seen, name), one(seen, name)) == ()
        assert all(not each.names and not each.addresses for each in one(seen, name).endpoints)


def test_a_stopped_container_says_so_and_has_no_address(seen):
    ended = one(seen, "ended")
    assert (ended.state.status, ended.state.running, ended.state.pid, ended.running) == ("exited", False, None, False)
    assert (ended.state.exit_code, ended.state.finished_at, ended.state.restart_count) == (
        137,
        "2026-11-01T00:00:09Z",
        2,
    )
    assert on(seen, "ended", "back").addresses == ()
    assert ended.published == (PortBinding(9000, None, "127.0.0.1"),)


def test_a_running_container_has_its_pid_and_never_finished(seen):
    state = one(seen, "app").state
    assert (state.pid, state.started_at, state.finished_at) == (4711, "2026-11-01T00:00:01Z", None)


def test_health_is_known_where_there_is_a_check_and_none_elsewhere(seen):
    assert one(seen, "db").health is None
    health = one(seen, "app").health
    assert (health.status, health.failing_streak, health.log) == ("unhealthy", 3, ((127, "curl: not found"),))
    assert health.test == ("CMD-SHELL", "curl localhost")


def test_networks_say_what_they_carry(seen):
    front, back = seen.network(full("front")), seen.network(full("back"))
    assert (front.icc, front.internal, back.icc, back.internal) == (False, False, True, True)
    assert (back.subnets, back.gateways) == (("172.19.0.0/24",), ("172.19.0.1",))
    assert front.attachable
    assert front.labels["com.docker.compose.project"] == "shop"


def test_ports_environment_and_command_are_read(seen):
    app = one(seen, "app")
    assert app.exposed == ((53, "udp"), (80, "tcp"))
    assert app.published == (PortBinding(80, 8080), PortBinding(80, 8080, "::"))
    assert app.env("DATABASE_URL") == "postgres://u:pw@postgres:5432/shop"
    assert (app.env("EMPTY"), app.env("ODD"), app.env("NONE")) == ("", "", None)
    assert app.command == ("serve", "--port", "80")
    assert (app.service, app.project) == ("web", "shop")


def test_known_to_be_none_is_empty_and_not_unknown(seen, shape):
    db = one(seen, "db")
    assert (db.exposed, db.published, db.extra_hosts, db.dns) == ((), (), (), ())
    assert db.environment is not None
    assert shape.podman or db.environment == ()


def test_an_address_the_user_fixed_is_told_from_a_chosen_one(seen):
    assert on(seen, "db", "back").user_ipv4 == "172.19.0.3"
    assert on(seen, "app", "back").user_ipv4 is None


def test_the_mode_names_a_network_though_podman_calls_every_one_a_bridge(seen, shape):
    assert one(seen, "app").network_mode == "front"
    assert one(seen, "old").network_mode == shape.default_mode


def test_dockers_bridge_mode_is_left_alone_where_only_another_network_is_left():
    networks = {"front": {"NetworkID": full("front"), "IPAddress": "10.0.0.2"}}
    container = {"Id": full("c"), "Name": "/c", "HostConfig": {"NetworkMode": "bridge"}}
    seen = build_topology([{**container, "NetworkSettings": {"Networks": networks}}], [])
    assert seen.containers[0].network_mode == "bridge"


@pytest.mark.parametrize(
    ("policy", "count", "status", "told"),
    [
        ("always", 3, "stopped", ("restarting", True, True)),
        ("on-failure", 1, "stopped", ("restarting", True, True)),
        ("always", 3, "exited", ("exited", False, False)),
        ("always", 0, "stopped", ("exited", False, False)),
        ("no", 3, "stopped", ("exited", False, False)),
        ("", 3, "stopped", ("exited", False, False)),
    ],
)
def test_podmans_word_between_two_restarts_is_read_as_dockers(policy, count, status, told):
    container = {
        "Id": full("c"),
        "Name": "c",
        "RestartCount": count,
        "State": {"Status": status, "Running": False, "Restarting": False, "ExitCode": 3},
        "HostConfig": {"RestartPolicy": {"Name": policy}},
    }
    state = build_topology([container], []).containers[0].state
    assert (state.status, state.running, state.restarting) == told
    assert (state.exit_code, state.restart_count) == (3, count)


def test_two_networks_of_one_name_stay_apart():
    first, second = ({"Name": "twin", "Id": full(word), "Driver": "bridge"} for word in ("one", "two"))
    container = {
        "Id": full("c"),
        "Name": "/c",
        "NetworkSettings": {"Networks": {"twin": {"NetworkID": full("two"), "IPAddress": "10.0.0.2"}}},
    }
    seen = build_topology([container], [first, second])
    assert seen.containers[0].endpoints[0].network == full("two")


def test_an_endpoint_on_a_network_that_is_gone_keeps_its_stale_id():
    container = {"Id": full("c"), "Name": "/c", "NetworkSettings": {"Networks": {"lost": {"NetworkID": full("old")}}}}
    seen = build_topology([container], [])
    assert seen.containers[0].endpoints[0].network == full("old")
    assert seen.network(full("old")).name == "lost"


@pytest.mark.parametrize(
    "entry",
    [
        {"Id": "x"},
        {"Id": "x", "Config": None, "HostConfig": None, "NetworkSettings": None, "State": None},
        {"Id": "x", "Config": {"Env": None, "Labels": None}, "NetworkSettings": {"Networks": None, "Ports": None}},
        {"Id": "x", "NetworkSettings": {"Networks": {"n": None}, "Ports": {"80/tcp": None}}},
    ],
)
def test_null_is_never_indexed(entry):
    assert len(build_topology([entry], []).containers) == 1


def test_a_network_without_anything_is_still_a_network():
    assert read_network({"Name": "n", "Id": "i"}).driver == "bridge"
    overlay = {"Name": "n", "Id": "i", "Driver": "overlay", "Attachable": False}
    assert not read_network(overlay).attachable
    assert read_network({**overlay, "Attachable": True}).attachable
