"""ND112 is said where a name hides two networks: an old id and a new one."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Connect, Disconnect, Endpoint, Network, Outcome, State, Verdict
from netdoctor.rules.nd101_no_shared_network import RULE as ND101
from netdoctor.rules.nd112_stale_network import RULE

from .build import container, network, story, topology

NEW = network("shared")
OLD_ID = "0123456789abcdef"
APP = container("app", NEW)


def stopped(*, on=OLD_ID, status="exited", aliases=("db",)):
    state = State(status, running=status == "running", error=f"network {on} not found")
    return replace(container("store", state=state), endpoints=(Endpoint(on, "shared", aliases=aliases),))


def told(target, *networks, source=APP):
    seen = topology(source, target, *networks)
    return story(seen, source, target, name="store", port=80).dns(Outcome.RESOLVER_FAILED)


def test_a_stopped_container_that_means_an_id_that_is_gone():
    lost = Network(OLD_ID, "shared", driver="unknown")
    (finding,) = told(stopped(), lost, NEW).judged(RULE)
    assert finding.cause.startswith("store cannot start: it means the old shared (id 0123456789ab)")
    assert finding.remedies[0].advice == (
        "docker network disconnect -f shared store && docker network connect --alias db shared store && "
        "docker start store"
    )


def test_two_networks_of_one_name():
    twin = Network("twin-id", "shared")
    one, other = container("app", NEW), container("store", twin)
    seen = told(other, NEW, twin, source=one)
    (head,) = judge_edge(seen.case, [ND101, RULE], Verdict.BROKEN)
    assert head.code == "ND112" and [each.code for each in head.suppressed] == ["ND101"]
    leave, join = head.remedies[0].operations
    assert isinstance(leave, Disconnect) and (leave.container, leave.network) == (one.id, NEW.id)
    assert isinstance(join, Connect) and join.network == "twin-id"
    assert not head.remedies[0].safe


def test_a_name_that_is_there_under_no_other_id_is_another_code():
    assert told(stopped(), Network(OLD_ID, "shared", driver="unknown")).judged(RULE) == ()


def test_a_stopped_container_with_its_own_network_has_another_cause():
    assert told(stopped(on=NEW.id), NEW).judged(RULE) == ()


def test_a_running_container_is_merely_newer_than_the_list():
    lost = Network(OLD_ID, "shared", driver="unknown")
    assert told(stopped(status="running"), lost, NEW).judged(RULE) == ()


def test_one_common_network_is_enough():
    assert told(container("store", NEW), NEW).judged(RULE) == ()
