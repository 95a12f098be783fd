"""Coolify is recognised by its label, never has its file edited, and is told what to press or call."""

from __future__ import annotations

from netdoctor.platforms.coolify import PLATFORM
from netdoctor.platforms.interface import owner_of

from .build import alone, compose, joins

UUID = "qkkkc8kskocgwo0o8c444cgo"


def service(**more: str):
    return compose(
        f"qdrant-{UUID}",
        UUID,
        "qdrant",
        f"/data/coolify/services/{UUID}",
        **{"coolify__managed": "true", "coolify__type": "service", **more},
    )


def test_it_is_coolify_s_although_compose_made_it():
    one = service()
    assert owner_of(one, alone(one)).title == "Coolify"


def test_a_container_that_only_stands_on_its_network_is_not_coolify_s():
    one = compose("qdrant", "stack", "qdrant")
    assert not PLATFORM.recognises(one, alone(one))


def test_for_the_shared_network_the_switch_and_the_same_call_to_its_api_are_named():
    found = PLATFORM.permanence(service(), joins(service(), "coolify"))
    assert not found.patchable
    assert "every deploy" in found.why
    assert "Connect to Predefined Network" in found.text
    assert f"/api/v1/services/{UUID}" in found.text
    assert '{"connect_to_docker_network": true}' in found.text
    assert f"deploy?uuid={UUID}" in found.text


def test_a_container_that_does_not_carry_the_stack_s_host_name_is_told_about_it():
    one = compose("other", UUID, "qdrant", coolify__managed="true", coolify__type="service")
    assert f"reach it as qdrant-{UUID}" in PLATFORM.permanence(one, joins(one, "coolify")).text


def test_for_another_network_the_compose_text_to_paste_into_coolify_is_given():
    found = PLATFORM.permanence(service(), joins(service(), "backend", "vectors"))
    assert "  backend:\n    external: true" in found.text
    assert "aliases:\n          - vectors" in found.text


def test_an_application_has_its_switch_elsewhere():
    one = service(coolify__type="application")
    assert "/api/v1/applications/" in PLATFORM.permanence(one, joins(one, "coolify")).text
    assert "Advanced" in PLATFORM.permanence(one, joins(one, "coolify")).text


def test_a_database_has_a_destination():
    one = service(coolify__type="database")
    assert "destination" in PLATFORM.permanence(one, joins(one, "coolify")).text
