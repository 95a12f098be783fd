"""Umbrel's app folders give it away; what lasts there is said as it is: until the next update."""

from __future__ import annotations

import pytest

from netdoctor.platforms.interface import owner_of
from netdoctor.platforms.umbrel import PLATFORM

from .build import alone, compose, joins


@pytest.mark.parametrize("home", ["/home/umbrel/umbrel", "/opt/umbrel"])
def test_a_folder_of_an_app_is_umbrel_s(home):
    one = compose("plex_server_1", "plex", "server", f"{home}/app-data/plex")
    assert owner_of(one, alone(one)).title == "Umbrel"
    found = PLATFORM.permanence(one, joins(one, "backend"))
    assert not found.patchable
    assert f"{home}/app-data/plex/docker-compose.yml" in found.text
    assert "--appId plex" in found.text
    assert "external: true" in found.text


def test_a_project_that_is_only_called_so_is_not():
    one = compose("umbrel_web_1", "umbrel", "web", "/srv/umbrel")
    assert not PLATFORM.recognises(one, alone(one))
