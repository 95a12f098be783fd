"""What a command line says of whom its program dials."""

from __future__ import annotations

import pytest
from rules.build import container, network, topology

from netdoctor.edges.arguments import all_edges, edges_between
from netdoctor.edges.commanded import commanded_edges

NET, OTHER = network("net"), network("other")
DB, REDIS, API = (container(name, NET) for name in ("db", "redis", "api"))


def said(*command, **fields):
    caller = container("app", NET, command=command, **fields)
    return caller, topology(NET, OTHER, caller, DB, REDIS, API)


def named(*command, **fields):
    caller, seen = said(*command, **fields)
    return [(seen.container(edge.target).name, edge.port, edge.origin) for edge in commanded_edges(seen, caller)]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["celery", "-A", "shop", "-b", "redis://:s3cret@redis:6380/0", "worker"], ("redis", 6380, "command")),
        (["app", "--db-host=db", "--db-port=5433"], ("db", 5433, "command --db-host")),
        (["app", "--db.host", "db"], ("db", None, "command --db.host")),
        (["psql", "-h", "db", "-p", "5433", "-U", "shop"], ("db", 5433, "command -h")),
        (["redis-cli", "-h", "redis", "ping"], ("redis", None, "command -h")),
        (["java", "-Dspring.datasource.url=jdbc:postgresql://db:5432/shop"],
         ("db", 5432, "command -Dspring.datasource.url")),
        (["./wait-for-it.sh", "db:5432", "--", "app"], ("db", 5432, "command")),
        (["curl", "-s", "http://api:8080/v1/hook"], ("api", 8080, "command")),
        (["sh", "-c", "until nc -z db 5432; do sleep 1; done; exec app"], ("db", 5432, "command")),
        (["sh", "-c", "DB_HOST=db DB_PORT=5433 exec app"], ("db", 5433, "command DB_HOST")),
        (["sh", "-c", "sleep 1\nwget -qO- http://api:8080/ | cat"], ("api", 8080, "command")),
        (["socat", "TCP-LISTEN:6379,fork,reuseaddr", "TCP:redis:6379"], ("redis", 6379, "command")),
        (["redis-server", "--replicaof", "redis", "6379"], ("redis", 6379, "command")),
        (["exporter", "--redis.addr=redis:6379"], ("redis", 6379, "command --redis.addr")),
    ],
)  # fmt: skip
def test_who_is_dialled_by_a_command_line(command, expected):
    assert named(*command) == [expected]


@pytest.mark.parametrize(
    "command",
    [
        ["nginx", "-g", "daemon off;"],
        ["app", "--host", "0.0.0.0", "--port", "8000"],
        ["app", "--host", "localhost"],
        ["app", "--listen-address=db:5432"],
        ["app", "--bind", "redis"],
        ["gunicorn", "api:app"],
        ["docker-entrypoint.sh", "redis:7"],
        ["chown", "-R", "api:1000", "/data"],
        ["sh", "-c", "chown api:1000 /data && exec su-exec api:1000 app"],
        ["run", "--user", "api:1000"],
        ["curl", "http://nobody:8080/"],
        ["curl", "http://host.docker.internal:8080/"],
        ["sh", "-c", "echo 'no end"],
        ["sh", "-c", "x" * 100_000],
        ["sh", *["-c " + "echo; " * 600] * 20, "-c nc db 5432"],
        ["api", "db", "redis"],
        ["api:99999", "--x=", "--", "-", "="],
    ],
)
def test_what_only_looks_like_it(command):
    assert named(*command) == []


def test_its_own_name_is_nobody_else():
    assert named("etcd", "--advertise-client-urls", "http://app:2379") == []


def test_a_secret_beside_the_name_stays_where_it_is():
    caller, seen = said("sh", "-c", "curl http://shop:hunter2@api:8080/delete?token=hunter2")
    (edge,) = commanded_edges(seen, caller)
    assert "hunter2" not in repr(edge)
    assert (edge.path, edge.said_path) == (None, None), "and nothing is asked that only a script asks"


def test_the_environment_comes_first_and_a_name_alone_says_no_more_than_a_name_with_a_port():
    environment = (("DATABASE_URL", "postgres://db:5432/shop"),)
    _, seen = said("app", "--db-host=db", "--cache=redis://redis:6379", environment=environment)
    assert [(e.origin, e.port) for e in all_edges(seen)] == [
        ("environment DATABASE_URL", 5432),
        ("command --cache", 6379),
    ]


def test_the_port_of_the_command_line_is_that_of_a_typed_pair():
    _, seen = said("app", "--api=http://api:8080")
    (edge,) = edges_between(seen, "app", "api")
    assert (edge.port, edge.protocol, edge.origin) == (8080, "http", "command --api")
    (typed,) = edges_between(seen, "app", "api:9090")
    assert typed.port == 9090


def test_who_is_on_no_common_network_is_meant_all_the_same():
    caller = container("app", OTHER, command=("celery", "-b", "redis://redis:6379"))
    (edge,) = all_edges(topology(NET, OTHER, caller, REDIS))
    assert edge.basis == caller.ref.at("command")
