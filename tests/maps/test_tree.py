"""The tree says who is where, and what keeps whom from whom, within the width it is given."""

from __future__ import annotations

import pytest

from netdoctor.maps.interface import MAPS

from .pictures import EMPTY, HOSTILE, INCIDENT, crowd


def drawn(picture, *, color=False, width=100) -> str:
    return MAPS.get("tree").draw(picture, color=color, width=width)


def test_the_incident_is_visible_at_a_glance():
    assert (
        drawn(INCIDENT)
        == """\
Docker Engine 20.10.24
├── coolify  10.0.1.0/24
│   ├── app  10.0.1.2  as app  (running, healthy)
│   └── old  (exited)
├── q8s0wk4  10.0.2.0/24  [internal]
│   └── qdrant  10.0.2.2  as qdrant
├── on no network of their own
│   └── metal  host networking
├── outside Docker's networks
│   └── api.example.com
└── connections
    ├── BROKEN app -> qdrant:6333
    │   ├── ND101 app and qdrant share no network.
    │   └── fix: Connect qdrant
    ├── ?      app -> old:80
    │   └── old does not run
    ├── ok     app -> api.example.com:443
    └── -      metal -> app
"""
    )


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(len(line) for line in drawn(crowd(), width=width).splitlines()) <= width


def test_colour_only_where_it_is_wanted():
    assert "\x1b" not in drawn(INCIDENT)
    assert "\x1b[1;31mBROKEN" in drawn(INCIDENT, color=True)


def test_a_name_is_no_markup():
    assert "<script>alert(1)</script>" in drawn(HOSTILE, width=400)


def test_an_empty_engine_is_its_title():
    assert drawn(EMPTY) == "nothing\n"
