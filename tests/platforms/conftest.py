"""A panel on loopback, and what talks to it."""

from __future__ import annotations

import pytest

from netdoctor.platforms._http import Access, Http
from netdoctor.platforms.interface import PLATFORMS

from .panels import TOKEN


@pytest.fixture
def asking():
    """``asking(panel, "coolify")``: an opened panel."""
    made = []

    def opened(panel, name, token=TOKEN):
        platform = PLATFORMS.get(name)
        http = Http(
            Access(panel.address, token),
            platform.title,
            platform.api.root,
            platform.api.headers(token),
            f"NETDOCTOR_{name.upper()}",
            sleep=lambda _: None,
            read_timeout=10.0,
        )
        made.append(http)
        return http

    yield opened
    for each in made:
        each.close()
