"""ND703: who asks the engine in a version that it refuses knows no backend; recorded for engines the lab has not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Outcome
from netdoctor.rules.nd703_engine_api import RULE

from .build import container, network, story, topology

NET = network("edge")
OLD, NEW = ("1.12", "1.41"), ("1.44", "1.52")
LABELS = {"traefik.enable": "true"}


def told(apis, image="traefik:v3.1", name="proxy", labels=LABELS, backwards=False, environment=()):
    proxy = container(name, NET, image=image, environment=environment)
    api = container("api", NET, labels=labels)
    seen = replace(topology(NET, proxy, api), engine_apis=apis)
    ends = (api, proxy) if backwards else (proxy, api)
    return story(seen, *ends, name=ends[1].name, port=80, protocol="http").works()


@pytest.mark.parametrize("image", ["traefik:v3.1", "traefik:2.10", "docker.io/library/traefik:v3.6.0", "traefik:v2"])
def test_an_old_traefik_on_a_new_engine_knows_no_backend(image):
    (finding,) = told(NEW, image).judged(RULE)
    assert finding.confidence is Confidence.LIKELY and finding.caller_fails
    assert "too old" in finding.cause and "min-api-version" in finding.remedies[0].advice


@pytest.mark.parametrize("image", ["traefik:v3.6.1", "traefik:v3", "traefik:v3.6", "traefik:latest", "traefik", "x:1"])
def test_one_that_negotiates_or_may_is_no_finding(image):
    assert told(NEW, image).judged(RULE) == ()


def test_an_old_engine_takes_it():
    assert told(OLD).judged(RULE) == ()
    assert told(None).judged(RULE) == ()


@pytest.mark.parametrize(("pinned", "apis", "word"), [("1.99", OLD, "too new"), ("1.24", NEW, "too old")])
def test_a_version_set_by_hand_is_certain(pinned, apis, word):
    (finding,) = told(apis, "traefik:v3.6.1", environment=(("DOCKER_API_VERSION", pinned),)).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN and word in finding.cause


def test_a_version_within_the_range_or_of_nobodys_concern_is_no_finding():
    assert told(OLD, environment=(("DOCKER_API_VERSION", "1.41"),)).judged(RULE) == ()
    bystander = (("DOCKER_API_VERSION", "1.99"),)
    assert told(OLD, "app:1", name="app", labels={}, environment=bystander).judged(RULE) == ()


def test_an_app_that_asks_through_a_socket_proxy():
    environment = (("DOCKER_API_VERSION", "1.99"), ("DOCKER_HOST", "tcp://api:2375"))
    assert len(told(OLD, "app:1", name="app", labels={}, environment=environment).judged(RULE)) == 1


def test_who_asks_the_proxy_and_gets_an_error_has_the_same_cause():
    failing = told(NEW, labels={}, backwards=True).http(Outcome.HTTP_ERROR, status=404)
    (finding,) = failing.judged(RULE)
    assert not finding.caller_fails
    assert "ND404" in RULE.suppresses
    assert told(NEW, labels={}, backwards=True).judged(RULE) == ()
