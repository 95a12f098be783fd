"""Shapes of one driver alone are found, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from netdoctor.edges.drivers import from_go, from_oracle, from_query, java_options
from netdoctor.edges.spellings import addresses_in

SECRET = "hunter2Sup3rSecret"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"user:{SECRET}@tcp(db:3306)/shop", ["mysql://db:3306"]),
        (f"mysql://user:{SECRET}@tcp(db:3306)/shop", ["mysql://db:3306"]),
        ("user@unix(/run/x.sock)/shop", []),
        ("f(x)/", []),
    ],
)
def test_gos_mysql(value, expected):
    assert list(from_go(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jdbc:oracle:thin:@//db:1522/x", ["oracle://db:1522"]),
        ("jdbc:oracle:thin:@db:1521:xe", ["oracle://db:1521"]),
        (f"jdbc:oracle:thin:scott/{SECRET}@db:1521:xe", ["oracle://db:1521"]),
        ("jdbc:oracle:oci:@tcps://db/x", ["oracle://db:1521"]),
        (
            "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1521))"
            "(ADDRESS=(PROTOCOL=TCP)(HOST = b)(PORT = 1522)))",
            ["oracle://a:1521", "oracle://b:1522"],
        ),
        ("jdbc:postgresql://db:5432/x", []),
        ("oracle", []),
    ],
)
def test_oracle(value, expected):
    assert list(from_oracle(value)) == expected


@pytest.mark.parametrize(
    ("scheme", "query", "expected"),
    [
        ("postgresql", "host=db&port=5433", ["postgresql://db:5433"]),
        ("postgresql+psycopg", "host=a:1,b:2", ["postgresql+psycopg://a:1", "postgresql+psycopg://b:2"]),
        ("postgres", "host=a,b&port=1,2", ["postgres://a:1", "postgres://b:2"]),
        ("postgres", "host=a,b&port=1", ["postgres://a:1", "postgres://b:1"]),
        ("postgres", "host=/var/run/postgresql", []),
        ("postgres", "host=%2Frun", []),
        ("postgres", "sslmode=require", []),
        ("http", "host=db", []),
    ],
)
def test_libpqs_query(scheme, query, expected):
    assert list(from_query(scheme, query)) == expected


def test_javas_options_are_variables_of_their_own():
    value = f'-Xmx1g -Dredis.host=cache -Dredis.port=6380 -Dx="a b" -Dspring.datasource.password={SECRET} -jar x.jar'
    options, rest = java_options(value)
    assert options[:3] == (("redis.host", "cache"), ("redis.port", "6380"), ("x", "a b"))
    assert rest.split() == ["-Xmx1g", "-jar", "x.jar"]
    found = [(each.host, each.port) for each in addresses_in("JAVA_OPTS", value, {}.get)]
    assert found == [("cache", 6380)]


def test_a_compilers_definitions_are_no_options_of_java():
    assert list(addresses_in("CMAKE_ARGS", "-DSERVER=api -DDB_HOST=db", {}.get)) == []


def test_an_option_beside_a_plain_url_hides_neither():
    value = "-Dspring.datasource.url=jdbc:postgresql://db:5432/x -javaagent:a.jar=http://apm:8200"
    assert [each.host for each in addresses_in("JAVA_OPTS", value, {}.get)] == ["db", "apm"]
