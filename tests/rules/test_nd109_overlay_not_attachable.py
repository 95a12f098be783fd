"""ND109 is said of overlays that plain containers may not join."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Endpoint, Outcome, State
from netdoctor.rules.nd109_overlay_not_attachable import RULE

from .build import container, network, story, topology

CLOSED = network("closed", driver="overlay", scope="swarm", attachable=False)
OPEN = network("open", driver="overlay", scope="swarm")
NET = network("net")
TASK = {"com.docker.swarm.task.id": "t", "com.docker.swarm.service.id": "s", "com.docker.swarm.service.name": "api"}


def told(source, target):
    seen = topology(source, target, CLOSED, OPEN, NET)
    return story(seen, source, target, name="api", port=80).dns(Outcome.RESOLVER_FAILED)


def waiting(error="", status="created", on=CLOSED):
    bare = container("api", network_mode=on.name, state=State(status, error=error))
    return replace(bare, endpoints=(Endpoint(on.id, on.name),))


def test_a_service_on_a_closed_overlay_and_a_plain_container():
    (finding,) = told(container("app", NET), container("api.1.x", CLOSED, labels=TASK)).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == "api.1.x is only on closed, which app may not join: the overlay is not attachable."
    assert "docker service update --network-add closed-open api" in finding.remedies[0].advice


@pytest.mark.parametrize("error", ["... network closed not manually attachable", "not in the right scope: local", ""])
def test_a_container_that_could_not_start_for_it(error):
    (finding,) = told(container("app", NET), waiting(error)).judged(RULE)
    assert finding.cause.startswith("api could not start: the engine says that closed is not")


def test_the_caller_may_be_the_one_that_could_not_start():
    (finding,) = told(waiting("not manually attachable"), container("db", NET)).judged(RULE)
    assert finding.about[0] == container("api").ref


@pytest.mark.parametrize(
    "target",
    [
        container("api.1.x", OPEN, labels=TASK),
        container("api.1.x", CLOSED, NET, labels=TASK),
        container("api", NET),
        waiting(on=OPEN),
        waiting("killed", status="exited", on=NET),
    ],
)
def test_an_overlay_that_may_be_joined_or_a_common_network_is_no_obstacle(target):
    assert told(container("app", NET), target).judged(RULE) == ()


def test_between_two_services_it_is_a_matter_of_their_networks():
    other = container("app.1.y", NET, labels={**TASK, "com.docker.swarm.service.id": "o"})
    assert told(other, container("api.1.x", CLOSED, labels=TASK)).judged(RULE) == ()
