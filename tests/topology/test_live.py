"""What the topology says of a real engine is what that engine does."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from docker.errors import APIError

from netdoctor.errors import EngineRefused, Gone
from netdoctor.model import Outcome, PortBinding
from netdoctor.probes.dns import Dns
from netdoctor.probes.interface import PROBES, World
from netdoctor.topology.bundle import read_bundle, write_bundle
from netdoctor.topology.engine import read_topology
from netdoctor.topology.names import find_container
from netdoctor.vantage.choose import Vantages

pytestmark = pytest.mark.docker


def resolved(lab, seen, caller, name: str) -> Outcome:
    with Vantages(lab.engine, seen) as vantages:
        world = World(seen, vantages.at, 2.0, time.monotonic)
        observation = PROBES.get("dns").ask(Dns(seen.container(caller.id).ref, name), world)
    return observation.outcome


def test_every_name_that_is_predicted_resolves(lab):
    net = lab.network()
    caller = lab.container(networks=[net])
    target = lab.container(networks=[net], aliases=["vectors", "Mixed-Case"])
    seen = lab.topology()
    names = seen.container(target.id).endpoint_on(net.id).names
    assert {target.name, "vectors", "mixed-case", target.id[:12]} <= set(names)
    assert {name: resolved(lab, seen, caller, name) for name in names} == dict.fromkeys(names, Outcome.CONNECTED)
    assert resolved(lab, seen, caller, f"vectors.{net.name}") is Outcome.CONNECTED


def test_a_hostname_is_a_name_exactly_where_the_engine_answers_to_it(lab):
    net = lab.network()
    caller = lab.container(networks=[net])
    made = lab.api.create_container(
        lab.image("busybox"), command=["sleep", "3600"], name=lab.name("named"), hostname="my-own-hostname",
        labels={"netdoctor.test": lab.suffix},
        host_config=lab.api.create_host_config(network_mode=net.id),
    )  # fmt: skip
    lab._containers.append(made["Id"])
    lab.api.start(made["Id"])
    seen = lab.topology()
    predicted = "my-own-hostname" in seen.container(made["Id"]).endpoint_on(net.id).names
    answered = resolved(lab, seen, caller, "my-own-hostname") is Outcome.CONNECTED
    assert predicted is answered


def test_networks_modes_and_namespaces(lab):
    net, inner, closed = lab.network(), lab.network(internal=True), lab.network(icc=False)
    app = lab.container(networks=[net, inner])
    side = lab.container(mode=f"container:{app.id}")
    metal, alone, old = (lab.container(mode=mode) for mode in ("host", "none", "bridge"))
    seen = lab.topology()

    def one(made):
        return seen.container(made.id)

    assert [each.network for each in one(app).endpoints] == [net.id, inner.id] or {
        each.network for each in one(app).endpoints
    } == {net.id, inner.id}
    assert seen.network(inner.id).internal and not seen.network(net.id).internal
    assert not seen.network(closed.id).icc and seen.network(net.id).icc
    assert seen.network_owner(one(side)).id == app.id
    assert seen.endpoints_of(one(side)) == one(app).endpoints
    assert (one(metal).network_mode, one(alone).network_mode) == ("host", "none")
    assert seen.shared_networks(one(metal), one(alone)) == ()
    (endpoint,) = one(old).endpoints
    assert seen.network(endpoint.network).default_bridge
    assert endpoint.names == ()


def test_states_ports_and_environment(lab):
    net = lab.network()
    up = lab.container(
        networks=[net], env={"QDRANT_URL": "http://x:1"}, port_bindings={"8080/tcp": ("127.0.0.1", None)}
    )
    down = lab.container(networks=[net], command=["false"])
    lab.wait_until(lambda: not lab.seen(down).state.running, "it to end")
    paused = lab.container(networks=[net])
    lab.api.pause(paused.id)
    try:
        seen = lab.topology()
        assert seen.container(up.id).env("QDRANT_URL") == "http://x:1"
        assert seen.container(up.id).running and seen.container(up.id).state.pid
        state = seen.container(down.id).state
        assert (state.status, state.running, state.pid, state.exit_code) == ("exited", False, None, 1)
        assert seen.container(down.id).endpoint_on(net.id).addresses == ()
        assert seen.container(paused.id).state.paused and not seen.container(paused.id).running
    finally:
        lab.api.unpause(paused.id)
    exposed = lab.api.create_container(
        lab.image("busybox"), command=["sleep", "3600"], ports=[8080], name=lab.name("published"),
        labels={"netdoctor.test": lab.suffix},
        host_config=lab.api.create_host_config(network_mode=net.id, port_bindings={8080: ("127.0.0.1", None)}),
    )  # fmt: skip
    lab._containers.append(exposed["Id"])
    lab.api.start(exposed["Id"])
    found = lab.topology().container(exposed["Id"])
    assert found.exposed == ((8080, "tcp"),)
    (binding,) = found.published
    assert binding == PortBinding(8080, binding.host_port, "127.0.0.1")
    assert binding.host_port


def test_two_networks_of_one_name_stay_apart(lab):
    first = lab.network()
    a = lab.container(networks=[first])
    b = lab.container(networks=[lab.network()])
    try:
        second = lab.network(name=first.name)
        lab.api.connect_container_to_network(b.id, second.id)
    except APIError as error:
        pytest.skip(f"this engine refuses two networks of one name: {error}")
    seen = lab.topology()
    assert seen.shared_networks(seen.container(a.id), seen.container(b.id)) == ()


def test_containers_are_found_the_way_people_name_them(lab):
    labels = {"com.docker.compose.project": f"p{lab.suffix}", "com.docker.compose.service": f"svc-{lab.suffix}"}
    made = lab.container(labels=labels)
    seen = lab.topology()
    for word in (made.name, made.id, made.id[:12], f"svc-{lab.suffix}", f"p{lab.suffix}/svc-{lab.suffix}"):
        assert find_container(seen, word).id == made.id


def test_a_real_topology_survives_a_bundle(lab, tmp_path):
    net = lab.network()
    made = lab.container(networks=[net], env={"API_KEY": "hunter2Sup3rSecret"})
    seen = lab.topology()
    write_bundle(tmp_path / "b", seen)
    assert "hunter2" not in (tmp_path / "b").read_text()
    back, _ = read_bundle(tmp_path / "b")
    assert [each.id for each in back.containers] == [each.id for each in seen.containers]
    assert back.container(made.id).endpoints == seen.container(made.id).endpoints
    assert back.networks == seen.networks


@pytest.mark.parametrize(
    ("work", "error"),
    [
        (lambda engine, net, app: engine.inspect_container("0" * 64), Gone),
        (lambda engine, net, app: engine.connect("0" * 64, app), Gone),
        (lambda engine, net, app: engine.connect(net, "0" * 64), Gone),
        (lambda engine, net, app: engine.connect(net, app), EngineRefused),
        (lambda engine, net, app: engine.remove_network(net), EngineRefused),
        (lambda engine, net, app: engine.read_file(app, "/nonexistent"), Gone),
        (lambda engine, net, app: engine.read_file(app, "/etc"), EngineRefused),
    ],
)
def test_what_the_engine_refuses_is_an_error_of_ours(lab, work: Callable, error):
    net = lab.network()
    app = lab.container(networks=[net])
    with pytest.raises(error) as caught:
        work(lab.engine, net.id, app.id)
    assert caught.value.message.startswith("Could not ")


def test_reading_while_containers_come_and_go(lab):
    """Listing and inspect are two requests: what vanished between them is left out, nothing fails."""
    import threading

    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            made = lab.api.create_container(lab.image("busybox"), name=lab.name("churn"), labels={"x": "y"})
            lab.api.remove_container(made["Id"], force=True)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(10):
            assert read_topology(lab.engine).containers is not None
    finally:
        stop.set()
        thread.join(30)
