"""Dokploy has no label: its folder, or a Swarm service on its network, gives it away."""

from __future__ import annotations

from netdoctor.platforms.dokploy import PLATFORM
from netdoctor.platforms.interface import owner_of

from .build import alone, compose, container, joins

FOLDER = "/etc/dokploy/compose/shop-a1b2c3/code"


def test_a_compose_project_in_its_folder_is_dokploy_s():
    one = compose("shop-a1b2c3-web-1", "shop-a1b2c3", "web", FOLDER)
    assert owner_of(one, alone(one)).title == "Dokploy"


def test_a_swarm_service_on_its_network_is_dokploy_s_and_elsewhere_it_is_plain_swarm():
    labels = {"com.docker.swarm.service.name": "db-x1", "com.docker.swarm.service.id": "s1"}
    here = container("db-x1.1.t", labels, ("dokploy-network",))
    there = container("db-x1.1.t", labels, ("backend",))
    assert owner_of(here, alone(here)).title == "Dokploy"
    assert owner_of(there, alone(there)).title == "Docker Swarm"


def test_the_folder_is_written_anew_so_the_text_goes_into_the_panel():
    one = compose("shop-a1b2c3-web-1", "shop-a1b2c3", "web", FOLDER)
    found = PLATFORM.permanence(one, joins(one, "dokploy-network"))
    assert not found.patchable
    assert "every deploy" in found.why
    assert "  web:\n    networks:\n      - default\n      - dokploy-network" in found.text


def test_a_swarm_service_gets_its_network_in_the_panel():
    one = container("db-x1.1.t", {"com.docker.swarm.service.name": "db-x1"}, ("dokploy-network",))
    assert '{"Target": "backend"}' in PLATFORM.permanence(one, joins(one, "backend")).text
