"""ND110 is said of a stopped container whose network the engine does not have."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.model import Endpoint, Fact, Network, State
from netdoctor.rules.nd110_network_missing import RULE

from .build import container, network, story, topology

NET = network("net")
APP = container("app", NET)
STOPPED = State("exited", exit_code=137, error="network 0123 not found")


def store(*endpoints, state=STOPPED):
    return replace(container("store", state=state), endpoints=endpoints)


def told(target, *things, source=APP):
    # As the engine's reader does it: a network that only a container knows is there, without a driver.
    lost = [Network(e.network, e.network_name, driver="unknown") for e in target.endpoints if e.network != NET.id]
    return story(topology(source, target, NET, *lost, *things), source, target, name="store", port=80)


def test_a_network_that_was_never_made():
    (finding,) = told(store(Endpoint("shared", "shared"), state=State("created"))).judged(RULE)
    assert finding.cause == "store cannot start: there is no network shared on this engine."
    assert finding.remedies[0].advice == "docker network create shared && docker start store"


def test_a_network_that_was_removed_must_be_left_before_the_new_one_is_joined():
    (finding,) = told(store(Endpoint("0123", "shared", aliases=("db",)))).judged(RULE)
    assert finding.remedies[0].advice == (
        "docker network create shared && docker network disconnect -f shared store && "
        "docker network connect --alias db shared store && docker start store"
    )
    assert "state of store: exited, network 0123 not found" in finding.evidence


def test_it_explains_that_the_target_does_not_run():
    assert "ND501" in RULE.suppresses


def test_the_caller_s_network_may_be_the_missing_one():
    source = store(Endpoint("shared", "shared"))
    lost = Network("shared", "shared", driver="unknown")
    seen = topology(source, APP, NET, lost)
    (finding,) = story(seen, source, APP, name="app", port=80).judged(RULE)
    assert finding.about[0] == source.ref


def test_a_running_container_s_network_is_merely_newer_than_the_list():
    running = store(Endpoint("shared", "shared"), state=State("running", running=True))
    assert told(running).judged(RULE) == ()


def test_a_stopped_container_with_its_network_has_another_cause():
    assert told(store(Endpoint(NET.id, "net"))).judged(RULE) == ()


def test_a_network_of_that_name_that_is_there_is_another_code():
    assert told(store(Endpoint("0123", "shared")), Network("4567", "shared")).judged(RULE) == ()


def test_files_cannot_know_what_an_engine_has():
    assert RULE.needs == {Fact.RUNTIME}
