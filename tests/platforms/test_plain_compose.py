"""A plain compose project's file is the user's own, and may be patched."""

from __future__ import annotations

from dataclasses import replace

import yaml

from netdoctor.model import Endpoint
from netdoctor.platforms.interface import compose_text, owner_of
from netdoctor.platforms.plain_compose import PLATFORM

from .build import alone, compose, container, joins


def test_it_is_recognised_by_project_and_service():
    one = compose("shop_web_1", "shop", "web")
    assert owner_of(one, alone(one)).title == "Docker Compose"
    half = container("x", {"com.docker.compose.project": "shop"})
    assert not PLATFORM.recognises(half, alone(half))


def test_it_may_be_patched():
    one = compose("shop_web_1", "shop", "web")
    assert PLATFORM.permanence(one, joins(one)).patchable


def test_the_text_to_paste_is_yaml_that_keeps_default_and_adds_the_network():
    one = compose("shop_web_1", "shop", "web")
    read = yaml.safe_load(compose_text(one, joins(one, "shared", "web", "shop_web_1")))
    assert read == {
        "services": {"web": {"networks": ["default", "shared"]}},
        "networks": {"shared": {"external": True}},
    }


def test_further_aliases_turn_the_list_into_a_mapping():
    one = compose("shop_web_1", "shop", "web")
    read = yaml.safe_load(compose_text(one, joins(one, "shared", "web", "www")))
    assert read["services"]["web"]["networks"] == {"default": {}, "shared": {"aliases": ["www"]}}


def test_names_that_yaml_reads_as_something_else_are_quoted():
    one = compose("x", "shop", "on")
    assert yaml.safe_load(compose_text(one, joins(one, "123")))["services"] == {"on": {"networks": ["default", "123"]}}


def test_the_project_s_own_network_is_listed_under_its_key_and_not_declared_as_somebody_else_s():
    one = compose("shop_web_1", "shop", "web")
    read = yaml.safe_load(compose_text(one, joins(one, "shop_default", "web", "www")))
    assert read == {"services": {"web": {"networks": {"default": {"aliases": ["www"]}}}}}


def test_what_it_is_connected_to_beside_its_own_networks_is_declared_too_so_that_the_text_stands_by_itself():
    one = compose("shop_web_1", "shop", "web")
    one = replace(one, endpoints=(*one.endpoints, Endpoint("b", "shop_back"), Endpoint("x", "by-hand")))
    assert yaml.safe_load(compose_text(one, joins(one, "shared"))) == {
        "services": {"web": {"networks": ["default", "back", "by-hand", "shared"]}},
        "networks": {"by-hand": {"external": True}, "shared": {"external": True}},
    }
