"""Coolify is recognised by its label, never has its file edited, and is told what to press or call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.platforms._http import PanelError
from netdoctor.platforms.coolify import PLATFORM
from netdoctor.platforms.interface import owner_of

from .build import alone, compose, joins
from .panels import Coolify

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


def test_an_application_of_one_container_has_a_destination_too():
    """Coolify names its only service after the uuid."""
    one = compose(f"{UUID}-0815", UUID, f"{UUID}-0815", coolify__managed="true", coolify__type="application")
    assert "destination" in PLATFORM.permanence(one, joins(one, "coolify")).text


def test_a_preview_belongs_to_its_application():
    one = compose(
        "web-7", f"{UUID}-7", "web", coolify__managed="true", coolify__type="application", coolify__pullRequestId="7"
    )
    assert f"/applications/{UUID}" in PLATFORM.permanence(one, joins(one, "coolify")).text


@pytest.mark.parametrize(
    ("part", "where"), [("source", "docker-compose.custom.yml"), ("proxy", "Proxy > Configuration")]
)
def test_what_coolify_itself_is_made_of_is_not_edited_either(part, where):
    one = compose(f"coolify-{part}", part, part, f"/data/coolify/{part}")
    assert owner_of(one, alone(one)).title == "Coolify"
    found = PLATFORM.permanence(one, joins(one, "backend"))
    assert not found.patchable
    assert where in found.text
    assert "external: true" in found.text
    assert not PLATFORM.api.serves(one)


# --- its API -------------------------------------------------------------------------------------------------------


@pytest.fixture
def panel():
    with Coolify() as made:
        made.services[UUID] = {"name": "db", "docker_compose_raw": "services: {}\n", "connect_to_docker_network": 0}
        made.applications[UUID] = {"name": "web", "settings": {"connect_to_docker_network": False}}
        yield made


def test_a_service_is_its_text_and_its_switch(panel, asking):
    held = PLATFORM.api.find(asking(panel, "coolify"), service())
    assert (held.resource, held.text) == (f"services/{UUID}", "services: {}\n")
    assert held.flags == {"connect_to_docker_network": False}


def test_an_application_is_its_switch_only(panel, asking):
    ask = asking(panel, "coolify")
    one = service(coolify__type="application")
    held = PLATFORM.api.find(ask, one)
    assert held.text is None
    wanted = replace(held, flags=PLATFORM.api.switch(held, one, joins(one, "coolify")))
    PLATFORM.api.write(ask, held, wanted)
    assert panel.applications[UUID]["settings"]["connect_to_docker_network"] is True


def test_an_application_whose_switch_an_older_coolify_does_not_show_is_left_to_the_user(panel, asking):
    panel.applications[UUID]["settings"] = {}
    with pytest.raises(PanelError, match="does not show"):
        PLATFORM.api.find(asking(panel, "coolify"), service(coolify__type="application"))


def test_the_text_goes_in_as_base64_and_only_what_changed_is_sent(panel, asking):
    ask = asking(panel, "coolify")
    held = PLATFORM.api.find(ask, service())
    PLATFORM.api.write(ask, held, replace(held, text="services: {a: {image: é}}\n"))
    assert "é" in panel.services[UUID]["docker_compose_raw"] or "\\xE9" in panel.services[UUID]["docker_compose_raw"]
    assert panel.services[UUID]["connect_to_docker_network"] == 0


def test_a_switch_that_an_older_coolify_does_not_show_is_not_relied_upon(panel, asking):
    del panel.services[UUID]["connect_to_docker_network"]
    held = PLATFORM.api.find(asking(panel, "coolify"), service())
    assert PLATFORM.api.switch(held, service(), joins(service(), "coolify")) == {}


def test_the_switch_is_not_taken_for_another_destination_s_network(panel, asking):
    panel.services[UUID]["destination"] = {"network": "inner"}
    held = PLATFORM.api.find(asking(panel, "coolify"), service())
    assert PLATFORM.api.switch(held, service(), joins(service(), "coolify")) == {}
    assert PLATFORM.api.switch(held, service(), joins(service(), "inner")) == {"connect_to_docker_network": True}


def test_a_token_that_may_not_read_the_text_is_told_what_it_lacks(asking):
    with Coolify(abilities=("read", "write")) as panel:
        panel.services[UUID] = {"name": "db", "docker_compose_raw": "services: {}\n"}
        with pytest.raises(PanelError) as caught:
            PLATFORM.api.find(asking(panel, "coolify"), service())
    assert "read:sensitive" in caught.value.hint


def test_another_coolify_knows_nothing_of_it(asking):
    with Coolify() as panel, pytest.raises(PanelError, match="Service not found"):
        PLATFORM.api.find(asking(panel, "coolify"), service())


def test_databases_and_applications_of_one_container_have_no_call():
    single = compose(f"{UUID}-0815", UUID, f"{UUID}-0815", coolify__managed="true", coolify__type="application")
    assert not PLATFORM.api.serves(single)
    assert not PLATFORM.api.serves(service(coolify__type="database"))
    assert PLATFORM.api.serves(service())
    assert PLATFORM.api.serves(service(coolify__type="application"))
