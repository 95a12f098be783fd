"""Which services let in whoever reaches them: by image, variables and command."""

from __future__ import annotations

import pytest

from netdoctor.fixes.exposure import open_door
from netdoctor.model import Container


def made(image, environment=(), command=()):
    return Container("id", "x", image=image, environment=tuple(environment), command=tuple(command))


@pytest.mark.parametrize(
    "one",
    [
        made("qdrant/qdrant:v1.16.1"),
        made("registry.local:5000/mongo@sha256:abc"),
        made("redis:7", command=("redis-server",)),
        made("postgres:16", [("POSTGRES_HOST_AUTH_METHOD", "trust")]),
        made("mysql", [("MYSQL_ALLOW_EMPTY_PASSWORD", "1")]),
    ],
)
def test_open(one):
    assert open_door(one)


@pytest.mark.parametrize(
    "one",
    [
        made("qdrant/qdrant", [("QDRANT__SERVICE__API_KEY", "k")]),
        made("mongo", [("MONGO_INITDB_ROOT_USERNAME", "root")]),
        made("redis", command=("redis-server", "--requirepass", "x")),
        made("redis", command=("redis-server", "/etc/redis.conf")),
        made("postgres:16", [("POSTGRES_PASSWORD", "x")]),
        made("my-app"),
        Container("id", "unknown", image="qdrant/qdrant", environment=None),
    ],
)
def test_closed_or_not_known(one):
    assert open_door(one) is None
