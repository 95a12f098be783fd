"""Who owns a container: every platform's own marks, told apart from all the others."""

from __future__ import annotations

import pytest
import yaml

from netdoctor.platforms.interface import PLATFORMS, compose_text, name_of, owner_of

from .build import alone, compose, container, joins

SWARM = {"com.docker.swarm.service.id": "s", "com.docker.swarm.service.name": "web", "com.docker.swarm.task.id": "t"}
MARKS = {
    "Coolify": [
        compose("web-u1", "u1", "web", "/data/coolify/services/u1", coolify__managed="true", coolify__type="service"),
        # Built in a container that is gone: its paths say nothing.
        compose("web-u1", "u1", "web", "/artifacts/d41d8", coolify__managed="true", coolify__type="application"),
        compose("pg-u2", "u2", "u2", "/data/coolify/databases/u2", coolify__managed="true", coolify__type="database"),
        container("web.1.t", {**SWARM, "coolify.managed": "true"}, ("coolify-overlay",)),
    ],
    "CapRover": [
        container("srv-captain--web.1.t", {**SWARM, "com.docker.swarm.service.name": "srv-captain--web"}),
        container("web.1.t", {**SWARM, "com.caprover.managed": "true"}, ("captain-overlay-network",)),
    ],
    "Dokploy": [
        compose("shop-web-1", "shop", "web", "/etc/dokploy/compose/shop/code"),
        container("web.1.t", SWARM, ("dokploy-network",)),
    ],
    "Portainer": [
        compose("shop-web-1", "shop", "web", "/data/compose/12"),
        compose("shop-web-1", "shop", "web", "/data/compose/12/9f8e7d"),
    ],
    "Umbrel": [compose("plex_server_1", "plex", "server", "/home/umbrel/umbrel/app-data/plex")],
    "CasaOS": [compose("plex", "plex", "plex", "/var/lib/casaos/apps/plex")],
    "Docker Swarm": [container("web.1.t", {**SWARM, "com.docker.stack.namespace": "shop"}, ("backend",))],
    "Docker Compose": [
        compose("shop-web-1", "shop", "web"),
        # They only stand on a platform's network.
        compose("shop-web-1", "shop", "web", "/srv/coolify/app"),
        compose("shop-web-1", "shop", "web", "/data/composer/12"),
    ],
    "docker run": [container("web"), container("web", networks=("dokploy-network",))],
}
EACH = [(title, one) for title, ones in MARKS.items() for one in ones]


@pytest.mark.parametrize(("title", "one"), EACH, ids=[f"{title}-{i}" for i, (title, _) in enumerate(EACH)])
def test_each_is_recognised_and_no_other_takes_it(title, one):
    assert owner_of(one, alone(one)).title == title


def test_every_platform_is_tried():
    assert set(MARKS) == {each.title for each in PLATFORMS}


@pytest.mark.parametrize(("title", "one"), EACH, ids=[f"{title}-{i}" for i, (title, _) in enumerate(EACH)])
def test_only_the_user_s_own_compose_file_may_be_edited_and_every_other_says_why_and_what_to_do(title, one):
    found = owner_of(one, alone(one)).permanence(one, joins(one, "backend"))
    assert found.patchable == (title == "Docker Compose")
    assert found.patchable or (found.why and "backend" in found.text)


def test_a_platform_is_called_by_its_registered_name():
    assert {name_of(each) for each in PLATFORMS} == set(PLATFORMS.names())


@pytest.mark.parametrize("name", ["on", "1e3", "a b", "ünï", "x:y", '"q"', "a\\b", "-x"])
def test_the_text_to_paste_is_yaml_whatever_the_names_are(name):
    one = compose("x", "shop", name)
    read = yaml.safe_load(compose_text(one, joins(one, name)))
    assert read["services"] == {name: {"networks": ["default", name]}}
    assert read["networks"] == {name: {"external": True}}
