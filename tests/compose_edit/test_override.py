"""The override file: what it says for every kind of service, and that it says no more."""

from __future__ import annotations

import pytest

from netdoctor.compose_edit import EditRefused, override_for

from .truth import load

WEB = "services:\n  web:\n    image: x\n"


def test_a_service_without_networks_keeps_default() -> None:
    assert override_for(WEB.encode(), "web", "shared").decode() == (
        "services:\n  web:\n    networks:\n      - default\n      - shared\n"
        "\nnetworks:\n  shared:\n    external: true\n"
    )


def test_a_service_with_networks_gets_only_the_new_one() -> None:
    text = WEB + "    networks: [a]\nnetworks:\n  a:\n"
    assert load(override_for(text.encode(), "web", "shared"))["services"] == {"web": {"networks": ["shared"]}}


def test_a_network_that_is_declared_under_some_key_is_not_declared_again() -> None:
    text = WEB + "networks:\n  k:\n    external: true\n    name: shared\n"
    assert load(override_for(text.encode(), "web", "shared")) == {"services": {"web": {"networks": ["default", "k"]}}}


def test_a_taken_key_is_left_alone() -> None:
    text = WEB + "networks:\n  shared:\n"
    model = load(override_for(text.encode(), "web", "shared"))
    assert model["networks"] == {"shared-external": {"external": "true", "name": "shared"}}


def test_network_mode_bridge_is_reset() -> None:
    text = override_for((WEB + "    network_mode: bridge\n").encode(), "web", "shared").decode()
    assert "    network_mode: !reset null\n" in text
    assert "default" not in text


def test_the_service_whose_network_is_shared_is_the_one_that_joins() -> None:
    text = WEB + "    network_mode: service:vpn\n  vpn:\n    image: y\n"
    assert list(load(override_for(text.encode(), "web", "shared"))["services"]) == ["vpn"]


def test_an_anchored_body_is_no_obstacle() -> None:
    text = "services:\n  web: &w\n    image: x\n  'on': *w\n"
    assert override_for(text.encode(), "on", "shared").startswith(b'services:\n  "on":\n    networks:\n')


@pytest.mark.parametrize("mode", ["host", "none", "container:x"])
def test_other_network_modes_are_refused(mode: str) -> None:
    with pytest.raises(EditRefused, match="network_mode"):
        override_for((WEB + f"    network_mode: {mode}\n").encode(), "web", "shared")
