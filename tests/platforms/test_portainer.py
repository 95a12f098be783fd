"""Portainer keeps stacks under numbers in its own volume."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.platforms._http import PanelError
from netdoctor.platforms.interface import owner_of
from netdoctor.platforms.portainer import PLATFORM

from .build import alone, compose, joins
from .panels import Portainer


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


# --- its API -------------------------------------------------------------------------------------------------------

ONE = compose("shop_web_1", "shop", "web", "/data/compose/12/v3")
STACK = {"Id": 12, "Name": "shop", "Type": 2, "EndpointId": 3, "Env": [{"name": "A", "value": "b"}], "GitConfig": None}


@pytest.fixture
def panel():
    with Portainer() as made:
        made.stacks["12"] = dict(STACK)
        made.files["12"] = "services: {}\n"
        yield made


def test_a_stack_is_its_text_and_goes_to_its_environment_with_its_variables(panel, asking):
    ask = asking(panel, "portainer")
    held = PLATFORM.api.find(ask, ONE)
    assert (held.resource, held.text) == ("stacks/12", "services: {}\n")
    assert "'value'" not in repr(held)
    PLATFORM.api.write(ask, held, replace(held, text="services: {a: }\n"))
    assert panel.files["12"] == "services: {a: }\n"
    assert panel.stacks["12"]["Env"] == STACK["Env"]


def test_the_name_is_compared_as_compose_writes_it(panel, asking):
    panel.stacks["12"]["Name"] = "Sh.op"
    assert PLATFORM.api.find(asking(panel, "portainer"), ONE)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"Name": "other"}, "Stack 12 of that Portainer is other"),
        ({"GitConfig": {"URL": "https://git.test/x"}}, "comes from a repository"),
        ({"Type": 3}, "none that takes a compose text"),
        ({"EndpointId": 0}, "none that takes a compose text"),
        ({"Id": 13}, "not about stack 12"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_reason(panel, asking, more, said):
    panel.stacks["12"] |= more
    with pytest.raises(PanelError, match=said) as caught:
        PLATFORM.api.find(asking(panel, "portainer"), ONE)
    assert caught.value.hint


def test_a_stack_of_another_portainer_is_not_there(panel, asking):
    with pytest.raises(PanelError, match="knows nothing of it"):
        PLATFORM.api.find(asking(panel, "portainer"), compose("x", "shop", "web", "/data/compose/99"))
