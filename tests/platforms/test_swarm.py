"""A Swarm task is never connected for good: its service is updated."""

from __future__ import annotations

from netdoctor.platforms.interface import owner_of
from netdoctor.platforms.swarm import PLATFORM

from .build import alone, container, joins

LABELS = {"com.docker.swarm.service.id": "s1", "com.docker.swarm.service.name": "shop_web"}


def test_a_task_belongs_to_swarm():
    one = container("shop_web.1.x", LABELS)
    assert owner_of(one, alone(one)).title == "Docker Swarm"


def test_the_service_update_is_the_text_and_a_stack_file_needs_it_too():
    one = container("shop_web.1.x", {**LABELS, "com.docker.stack.namespace": "shop"})
    found = PLATFORM.permanence(one, joins(one, "backend"))
    assert found.text.startswith("docker service update --network-add backend shop_web\n")
    assert "stack shop" in found.text
    assert "restarts its tasks" in found.why
