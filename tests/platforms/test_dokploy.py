"""Dokploy has no label: its folder, or a Swarm service on its network, gives it away."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netdoctor.platforms._http import PanelError
from netdoctor.platforms.dokploy import PLATFORM
from netdoctor.platforms.interface import owner_of

from .build import alone, compose, container, joins
from .panels import Dokploy

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


def test_its_own_network_is_kept_in_the_text_for_a_swarm_service():
    """Dokploy attaches its own network only where none is set."""
    one = container("db-x1.1.t", {"com.docker.swarm.service.name": "db-x1"}, ("dokploy-network",))
    text = PLATFORM.permanence(one, joins(one, "backend")).text
    assert json.loads(text.splitlines()[-1]) == [{"Target": "dokploy-network"}, {"Target": "backend"}]


def test_dokploy_s_own_services_are_in_no_page_of_dokploy():
    one = container("dokploy.1.t", {"com.docker.swarm.service.name": "dokploy"}, ("dokploy-network",))
    found = PLATFORM.permanence(one, joins(one, "backend"))
    assert found.text == "docker service update --network-add backend dokploy"


# --- its API -------------------------------------------------------------------------------------------------------

ONE = compose("shop-a1b2c3-web-1", "shop-a1b2c3", "web", FOLDER)
STACK = {"name": "shop", "appName": "shop-a1b2c3", "sourceType": "raw", "composeFile": "services: {}\n"}


@pytest.mark.parametrize("search", [True, False], ids=["with search", "before there was a search"])
def test_a_stack_is_found_by_its_app_name(asking, search):
    with Dokploy(search=search) as panel:
        panel.compose |= {"c1": dict(STACK), "c2": {**STACK, "appName": "my-shop-a1b2c3"}}
        held = PLATFORM.api.find(asking(panel, "dokploy"), ONE)
        assert (held.resource, held.text) == ("compose/c1", "services: {}\n")
        PLATFORM.api.write(asking(panel, "dokploy"), held, replace(held, text="services: {a: }\n"))
        assert panel.compose["c1"]["composeFile"] == "services: {a: }\n"


@pytest.mark.parametrize(
    ("stacks", "said"),
    [
        ({}, "knows no compose project"),
        ({"c1": {**STACK, "sourceType": "github"}}, "comes from a repository"),
        ({"c1": {**STACK, "composeFile": None}}, "does not give the compose text"),
        ({"c1": dict(STACK), "c2": dict(STACK)}, "knows no compose project"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_reason(asking, stacks, said):
    with Dokploy() as panel:
        panel.compose |= stacks
        with pytest.raises(PanelError, match=said) as caught:
            PLATFORM.api.find(asking(panel, "dokploy"), ONE)
        assert caught.value.hint


def test_an_application_is_left_to_dokploy():
    one = container("db-x1.1.t", {"com.docker.swarm.service.name": "db-x1"}, ("dokploy-network",))
    assert not PLATFORM.api.serves(one)
    assert PLATFORM.api.serves(ONE)
