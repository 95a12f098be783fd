"""CasaOS' app folders give it away; its file is exported, edited and installed again."""

from __future__ import annotations

from netdoctor.platforms.casaos import PLATFORM
from netdoctor.platforms.interface import owner_of

from .build import alone, compose, joins


def test_a_folder_of_an_app_is_casaos_s_and_its_file_is_not_edited_in_place():
    one = compose("plex", "plex", "plex", "/var/lib/casaos/apps/plex")
    assert owner_of(one, alone(one)).title == "CasaOS"
    found = PLATFORM.permanence(one, joins(one, "backend"))
    assert not found.patchable
    assert "show local plex --yaml" in found.text
    assert "      - backend" in found.text


def test_another_folder_of_casaos_is_not_an_app():
    one = compose("web", "web", "web", "/DATA/AppData/web")
    assert not PLATFORM.recognises(one, alone(one))
