"""Whom a caller is to a server, by its environment: never its password, and nobody where it does not say."""

from __future__ import annotations

import pytest
from rules.build import container

from netdoctor.model.login import Login, login_of, owner_of


def found(environment, host="db", port=5432):
    return login_of(container("app", environment=tuple(environment.items())), host, port, 5432)


@pytest.mark.parametrize(
    ("environment", "user", "database"),
    [
        ({"DATABASE_URL": "postgres://ann:pa55word@db:5432/shop"}, "ann", "shop"),
        ({"DATABASE_URL": "postgres://ann@db/shop?sslmode=prefer"}, "ann", "shop"),
        ({"U": "postgresql+asyncpg://ann:p@ss:w/o@rd@db/shop"}, "ann", "shop"),
        ({"U": "postgresql://an%6E:x@DB/sh%6Fp"}, "ann", "shop"),
        ({"U": "'postgres://ann:x@db/shop'"}, "ann", "shop"),
        ({"U": "postgres://ann:x@db"}, "ann", "ann"),
        ({"U": "postgres://ann:x@one:5432,db:5432/shop"}, "ann", "shop"),
        ({"U": "jdbc:postgresql://db:5432/shop?user=ann&password=x"}, "ann", "shop"),
        ({"SPRING_DATASOURCE_URL": "jdbc:postgresql://db/shop", "SPRING_DATASOURCE_USERNAME": "ann"}, "ann", "shop"),
        ({"DSN": "host=db port=5432 user=ann password=x dbname=shop"}, "ann", "shop"),
        ({"ConnectionStrings__Default": "Host=db;Username=ann;Password=x;Database=shop"}, "ann", "shop"),
        ({"DB_HOST": "db", "DB_USER": "ann", "DB_NAME": "shop"}, "ann", "shop"),
        ({"DB_HOST": "db", "DB_PORT": "5432", "DB_USERNAME": "ann", "DB_DATABASE": "shop"}, "ann", "shop"),
        ({"POSTGRES_HOST": "db:5432", "POSTGRES_USER": "ann", "POSTGRES_DB": "shop"}, "ann", "shop"),
        ({"PGHOST": "db", "PGUSER": "ann", "PGDATABASE": "shop"}, "ann", "shop"),
        ({"db_host": "db", "db_user": "ann", "db_name": "shop"}, "ann", "shop"),
    ],
)
def test_the_ways_in_which_people_write_it(environment, user, database):
    login = found(environment)
    assert login is not None
    assert (login.user, login.database, login.own) == (user, database, True)
    assert login.variable in environment
    assert "pa55word" not in repr(login)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"DATABASE_URL": "postgres://ann:x@other/shop"},
        {"DATABASE_URL": "postgres://ann:x@db:6432/shop"},
        {"DATABASE_URL": "http://ann:x@db:5432/shop"},
        {"DATABASE_URL": "postgres://db/shop"},
        {"DATABASE_URL": "postgres://${DB_USER}:x@db/shop"},
        {"DATABASE_URL": "postgres://***@db/shop"},
        {"DATABASE_URL": "postgres://" + "a" * 64 + ":x@db/shop"},
        {"DATABASE_URL": "postgres://a%00b:x@db/shop"},
        {"DATABASE_URL": "postgres://a%0Ab:x@db/shop"},
        {"DATABASE_URL": "postgres://ann@db/shop" + " " * 5000},
        {"DB_HOST": "db"},
        {"DB_HOST": "db", "DB_PORT": "6432", "DB_USER": "ann"},
        {"NOTE": "db", "NOTE_USER": "ann"},
    ],
)
def test_nobody_where_it_does_not_say(environment):
    assert found(environment) is None


def test_half_a_word_is_not_the_callers_own():
    assert found({"DB_HOST": "db", "DB_USER": "ann"}) == Login("ann", "", False, "DB_HOST")


@pytest.mark.parametrize(
    "more",
    [
        {"U": "postgres://ann:x@db/shop?options=endpoint%3Dx"},
        {"U": "postgres://ann:x@db/shop?sslcert=/c.pem"},
        {"U": "postgres://ann:x@db/shop", "PGOPTIONS": "-c x=y"},
    ],
)
def test_a_caller_that_brings_more_than_a_name_is_not_wholly_known(more):
    login = found(more)
    assert login is not None and not login.own


def test_what_it_wants_of_tls():
    assert found({"U": "postgres://ann@db/shop?sslmode=require"}).tls == "require"
    assert found({"U": "postgres://ann@db/shop", "PGSSLMODE": "disable"}).tls == "disable"
    assert found({"U": "postgres://ann@db/shop?sslmode=nonsense"}).tls == ""


def test_the_first_that_names_the_server_counts():
    both = {"A_URL": "postgres://ann@db/shop", "B_URL": "postgres://bob@db/shop"}
    assert found(both).user == "ann"


def test_the_servers_own_user_is_a_guess():
    assert owner_of(None, "POSTGRES_USER", "postgres") == "postgres"
    boss = container("db", environment=(("POSTGRES_USER", "boss"),))
    assert owner_of(boss, "POSTGRES_USER", "postgres") == "boss"
    assert owner_of(container("db", environment=(("POSTGRES_USER", "***"),)), "POSTGRES_USER", "postgres") == "postgres"
