"""Portainer keeps stacks under numbers in its own volume."""

from __future__ import annotations

import pytest

from netdoctor.platforms.interface import owner_of
from netdoctor.platforms.portainer import PLATFORM

from .build import alone, compose, joins


@pytest.mark.parametrize("folder", ["/data/compose/12", "/data/compose/12/v3"])
def test_a_numbered_stack_folder_is_portainer_s(folder):
    one = compose("shop_web_1", "shop", "web", folder)
    assert owner_of(one, alone(one)).title == "Portainer"


def test_a_folder_that_only_looks_a_bit_like_it_is_the_user_s_own():
    one = compose("shop_web_1", "shop", "web", "/data/compose/shop")
    assert owner_of(one, alone(one)).title == "Docker Compose"


def test_the_stack_editor_is_named_with_the_lines_to_add():
    one = compose("shop_web_1", "shop", "web", "/data/compose/12")
    found = PLATFORM.permanence(one, joins(one))
    assert not found.patchable
    assert "Stacks > shop > Editor" in found.text
    assert "external: true" in found.text
