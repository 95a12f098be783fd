"""Links are read as the engine tells them: the container's own on the default bridge, an endpoint's elsewhere."""

from __future__ import annotations

import pytest
from rules.build import container

from netdoctor.model import Link
from netdoctor.topology.links import linked

DB = container("db")
APP = container("app")


def links_of(*, host=None, networks=None):
    entry = {"Id": APP.id, "HostConfig": {"Links": host}, "NetworkSettings": {"Networks": networks}}
    app, db = linked([(entry, APP), ({"Id": DB.id}, DB)])
    assert (app.id, db) == (APP.id, DB)
    return app.links


@pytest.mark.parametrize(
    ("told", "names"),
    [
        (["/db:/app/database"], ["database", "db"]),
        (["/db:/app/db"], ["db"]),
        (["/db:/app/Database"], ["database", "db"]),
        (["/gone:/app/database"], []),
        (["nonsense", ":", "/db:"], ["db"]),
        ([], []),
        (None, []),
    ],
)
def test_on_the_default_bridge_the_alias_and_the_name_lead_to_the_other(told, names):
    assert links_of(host=told) == tuple(Link(name, DB.id) for name in names)


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({"net": {"Links": ["db:database"]}}, ["database"]),
        ({"net": {"Links": ["db"]}}, ["db"]),
        ({"net": {"Links": [f"{DB.id}:database"]}, "more": {"Links": [f"{DB.short_id}:store"]}}, ["database", "store"]),
        ({"net": {"Links": ["gone:database"]}}, []),
        ({"net": {"Links": None}, "more": None}, []),
        ({"net": {"Links": ["app:me"]}}, []),
    ],
)
def test_on_a_network_of_its_own_a_link_is_the_endpoints(told, names):
    assert links_of(networks=told) == tuple(Link(name, DB.id) for name in names)
