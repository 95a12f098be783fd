"""ND602: addresses that clients read otherwise than they were meant; the value is never told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.model import Answers, Case, Fact, Severity
from netdoctor.rules._malformed import malformed
from netdoctor.rules.nd602_malformed_url import RULE

from .build import container, network, story, topology

NET = network("shop_default")

WRONG = [
    ("DATABASE_URL", "postgres://app:hunter2/x@db:5432/app"),
    ("DATABASE_URL", "postgres://app:hunter2#x@db:5432/app"),
    ("DATABASE_URL", "postgres://app:hunter2?x@db:5432/app"),
    ("DB_URL", '"http://db:5432"'),
    ("DB_URL", "http://db:5432 # the database"),
    ("DB_URL", 'http://db:5432"'),
    ("DB_URL", "http://db:543x"),
    ("DB_URL", "http://db:99999"),
    ("DB_URL", "http://http://db:5432"),
    ("DB_URL", "https//db:5432"),
    ("DB_URL", "http:/db:5432"),
    ("DB_URL", "db:5432"),
    ("DB_URI", "db:5432/app"),
]
DUBIOUS = [
    ("DATABASE_URL", "postgres://app:hunter@2@db:5432/app"),
    ("REDIS_URL", "redis:6379"),
    ("DB_URL", "http://db:5432 "),
]
RIGHT = [
    ("DATABASE_URL", "postgres://app:hunter%402@db:5432/app"),
    ("DATABASE_URL", "postgresql://db1:5432,db2:5432/app"),
    ("DATABASE_URL", "postgres://app@/app?host=/run/postgresql"),
    ("DATABASE_URL", "postgres://app:@db/app?options=a@b"),
    ("JDBC_URL", "jdbc:postgresql://db:5432/app?user=a&password=b@c"),
    ("JDBC_URL", "jdbc:sqlserver://db:1433;databaseName=x"),
    ("DSN", "app:secret@tcp(db:3306)/app"),
    ("MYSQL_DSN", "mysql://app:secret@tcp(db:3306)/app"),
    ("MONGO_URL", "mongodb://a:b@m1:27017,m2:27017/x?replicaSet=r"),
    ("AMQP_URL", "amqp://guest:guest@mq:5672//"),
    ("REDIS_URL", "redis://:p%23ss@redis:6379/0"),
    ("URLS", "http://a:1, http://b:2"),
    ("URLS", "http://a:1 http://b:2"),
    ("API_URL", "http://api"),
    ("API_URL", "http://api:80/a@b:c"),
    ("API_URL", "http://[fd00::1]:80/"),
    ("API_URL", "http://my_api.internal.:80"),
    ("API_URL", "/api"),
    ("API_URL", "http://${HOST}:80"),
    ("API_URL", "http://localhost:3000/#/start"),
    ("FILE_URL", "file:///data/x"),
    ("SQLITE_URL", "sqlite:////data/x y.db"),
    ("DOCKER_HOST", "unix:///var/run/docker.sock"),
    ("OLLAMA_HOST", "http://ollama:11434"),
    ("KAFKA_BROKERS", "k1:9092,k2:9092"),
    ("DB_HOST", "db:5432"),
    ("DB_HOST", "fd00::1"),
    ("IMAGE_URL", "data:image/png;base64,xyz"),
    ("API_URL", "http://api/a,b;c"),
    ("ASPNETCORE_URLS", "http://+:80"),
]


def told(*environment, target="db"):
    app = container("shop-app-1", NET, service="app", project="shop", environment=environment)
    other = container(f"shop-{target}-1", NET, service=target, project="shop")
    return story(topology(NET, app, other), app, other, name=target, port=5432).works().judged(RULE)


@pytest.mark.parametrize(("variable", "value"), WRONG)
def test_an_address_that_no_client_reads_as_meant_breaks_the_callers_own_way(variable, value):
    (finding,) = told((variable, value))
    assert finding.severity is Severity.ERROR and finding.caller_fails
    assert "hunter" not in repr((finding.cause, finding.evidence, finding.remedies))


@pytest.mark.parametrize(("variable", "value"), DUBIOUS)
def test_what_some_clients_accept_is_a_warning(variable, value):
    (finding,) = told((variable, value), target="redis" if "REDIS" in variable else "db")
    assert finding.severity is Severity.WARNING and not finding.caller_fails
    assert "hunter" not in repr((finding.cause, finding.evidence, finding.remedies))


@pytest.mark.parametrize(("variable", "value"), RIGHT)
def test_what_clients_accept_is_no_finding(variable, value):
    assert malformed(variable, value) is None


def test_a_host_beside_its_port_is_a_bare_host():
    for value in ("http://db", "db:5432"):
        (finding,) = told(("DB_HOST", value), ("DB_PORT", "5432"))
        assert finding.severity is Severity.ERROR
        assert told(("DB_HOST", value)) == ()
    assert told(("DB_HOST", "db"), ("DB_PORT", "5432")) == ()
    assert told(("DB_HOST", "tls://db"), ("DB_PORT", "5432")) == ()


def test_an_address_of_somebody_else_is_left_alone():
    assert told(("MAIL_URL", "https//mail.internal"), ("DB_URL", "http://db:5432")) == ()


def test_a_sound_address_beside_it_makes_it_a_warning():
    (finding,) = told(("DB_URL", "http:/db:5432"), ("DATABASE_HOST", "db"))
    assert finding.severity is Severity.WARNING


def test_files_alone_tell_it():
    app = container("app", NET, service="app", environment=(("DB_URL", "db:5432"), ("X_URL", "http:/x")), state=None)
    db = container("db", NET, service="db", state=None)
    case = Case(topology(NET, app, db, knows=frozenset({Fact.DECLARED}), source="compose"), None, Answers())
    found = list(RULE.judge(case))
    assert [(f.about[0].path[1], f.severity) for f in found] == [
        ("DB_URL", Severity.ERROR),
        ("X_URL", Severity.WARNING),
    ]


@given(st.text(max_size=60), st.sampled_from(["A_URL", "A_HOST", "A_DSN"]), st.booleans())
def test_any_text_is_judged_without_an_error_and_none_of_it_is_told(text, variable, beside):
    found = malformed(variable, f"http://user:{text}", port_beside=beside)
    other = malformed(variable, text, port_beside=beside)
    for each in (found, other):
        if each is not None and len(text) > 12:
            assert text not in each.what + each.cure
