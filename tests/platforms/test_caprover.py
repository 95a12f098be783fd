"""CapRover has no compose file; its override merges after its own fields."""

from __future__ import annotations

from netdoctor.platforms.caprover import PLATFORM
from netdoctor.platforms.interface import owner_of

from .build import alone, container, joins


def test_its_label_or_its_old_prefix_gives_it_away_before_swarm_does():
    swarm = {"com.docker.swarm.service.id": "s1", "com.docker.swarm.service.name": "srv-captain--web"}
    one = container("srv-captain--web.1.x", swarm)
    other = container("web.1.x", {"com.caprover.managed": "true", "com.docker.swarm.service.name": "web"})
    assert owner_of(one, alone(one)).title == "CapRover"
    assert owner_of(other, alone(other)).title == "CapRover"


def test_the_override_keeps_the_captain_network_and_adds_the_other():
    one = container("srv-captain--web.1.x", {"com.docker.swarm.service.name": "srv-captain--web"})
    found = PLATFORM.permanence(one, joins(one, "backend"))
    assert not found.patchable
    assert "Apps > web >" in found.text
    assert "- Target: captain-overlay-network\n    - Target: backend" in found.text
