"""ND403 is said when a server asks for credentials that the caller is seen not to have; values are never shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Observation, Outcome
from netdoctor.probes.greeting import Greeting, GreetingEvidence
from netdoctor.rules.nd403_credentials_rejected import KEYED, RULE

from .build import container, network, story, topology

NET = network("n")
QDRANT = container("qdrant", NET, environment=(("QDRANT__SERVICE__API_KEY", "right-key"),))
REDIS = container("redis", NET, environment=())


def told(environment, target, protocol, port=6333, variable="URL", path=None):
    app = container("app", NET, environment=tuple(environment.items()))
    basis = app.ref.at("environment", variable) if variable in environment else None
    return story(
        topology(app, target, NET), app, target, name=target.name, port=port, protocol=protocol, basis=basis, path=path
    ).dns(Outcome.CONNECTED).tcp(Outcome.CONNECTED)  # fmt: skip


def qdrant(environment, status=401):
    found = told(environment, QDRANT, "http", variable="QDRANT_URL").http(Outcome.CONNECTED, status=200)
    return found.http(Outcome.CONNECTED, path=KEYED, status=status, start="Must provide an API key")


def redis(environment, demands="a password", target=REDIS):
    return told(environment, target, "redis", variable="REDIS_URL").greeting(Outcome.CONNECTED, demands=demands)


def test_a_key_that_is_not_the_servers():
    (finding,) = qdrant({"QDRANT_URL": "http://qdrant:6333", "QDRANT_API_KEY": "wrong-key"}).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.caller_fails
    assert "what app has in QDRANT_API_KEY is not what QDRANT__SERVICE__API_KEY says" in finding.cause
    assert "wrong-key" not in repr(finding) and "right-key" not in repr(finding)


def test_the_right_key_is_no_finding():
    assert qdrant({"QDRANT_URL": "http://qdrant:6333", "QDRANT_API_KEY": "right-key"}).judged(RULE) == ()


def test_no_key_at_all_is_likely():
    (finding,) = qdrant({"QDRANT_URL": "http://qdrant:6333"}).judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert "the environment of app has none for it" in finding.cause


def test_a_secret_of_another_name_makes_it_possible_only():
    (finding,) = qdrant({"QDRANT_URL": "http://qdrant:6333", "VECTOR_STORE_SECRET_FILE": "/run/x"}).judged(RULE)
    assert finding.confidence is Confidence.POSSIBLE
    assert not finding.caller_fails


def test_the_key_is_asked_about_only_where_the_server_has_one():
    environment = {"QDRANT_URL": "http://qdrant:6333"}
    found = told(environment, QDRANT, "http", variable="QDRANT_URL").http(Outcome.CONNECTED, status=200)
    assert {question.path for question in found.wanted(RULE)} == {KEYED}
    bare = replace(QDRANT, environment=())
    assert told(environment, bare, "http").http(Outcome.CONNECTED, status=200).wanted(RULE) == set()


def test_redis_asks_for_a_password_and_the_url_has_none():
    (finding,) = redis({"REDIS_URL": "redis://redis:6379"}).judged(RULE)
    assert finding.cause.startswith("redis asks for a password, and the environment of app has none")
    assert "recreate it" in finding.remedies[0].advice


@pytest.mark.parametrize(
    "environment",
    [
        {"REDIS_URL": "redis://:secret@redis:6379"},
        {"REDIS_URL": "redis://user:secret@redis:6379"},
        {"REDIS_URL": "redis://redis:6379", "REDIS_PASSWORD": "secret"},
    ],
)
def test_a_password_that_is_there_is_trusted(environment):
    assert redis(environment).judged(RULE) == ()


def test_a_password_that_is_not_the_configured_one():
    other = container("redis", NET, environment=(), command=("redis-server", "--requirepass", "other"))
    (finding,) = redis({"REDIS_URL": "redis://:secret@redis:6379"}, target=other).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert redis({"REDIS_URL": "redis://:other@redis:6379"}, target=other).judged(RULE) == ()


def test_no_demand_no_finding():
    assert redis({"REDIS_URL": "redis://redis:6379"}, demands="").judged(RULE) == ()


def test_without_the_callers_own_word_nothing_is_known_about_it():
    assert redis({"OTHER": "x"}).judged(RULE) == ()


def refused(refusal, protocol="postgres", environment=None, **evidence):
    found = told(environment or {}, REDIS, protocol, variable="DATABASE_URL")
    return found.greeting(Outcome.HTTP_ERROR, refusal=refusal, **evidence).judged(RULE)


def test_a_host_that_mysql_does_not_allow_is_certain():
    said = "Host '10.0.0.2' is not allowed to connect"
    (finding,) = refused(said, "mysql")
    assert finding.cause == f"redis turns app away before any password: {said}."
    assert finding.confidence is Confidence.CERTAIN and finding.caller_fails
    assert "'user'@'%'" in finding.remedies[0].advice
    (finding,) = refused("Host '10.0.0.2' is blocked because of many connection errors", "mysql")
    assert "flush-hosts" in finding.remedies[0].advice


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ('no pg_hba.conf entry for host "10.0.0.9", user "ann" (28000)', "to pg_hba.conf"),
        ('database "shop" does not exist (3D000)', "Correct the database's name in DATABASE_URL of app"),
        ('role "ann" does not exist (28000)', "Correct the user or the database in DATABASE_URL of app"),
    ],
)
def test_a_user_that_postgres_turns_away_is_certain(said, advice):
    environment = {"DATABASE_URL": "postgres://ann:pa55word@redis/shop"}
    (finding,) = refused(said, environment=environment, variable="DATABASE_URL")
    assert (finding.confidence, finding.caller_fails) == (Confidence.CERTAIN, True)
    assert finding.cause == f"redis turns app away before any password: {said}."
    assert "asked as the user and for the database that DATABASE_URL of app names" in finding.evidence
    assert advice in finding.remedies[0].advice
    assert "pa55word" not in repr(finding)


POSTGRES = container("redis", NET, environment=(("POSTGRES_PASSWORD", "right"), ("POSTGRES_USER", "ann")))


def asked(environment, target=POSTGRES):
    found = told(environment, target, "postgres", port=5432, variable=next(iter(environment)))
    return found.greeting(Outcome.CONNECTED, demands="a password").judged(RULE)


def test_another_password_than_the_variables_of_a_database_is_possible_only():
    """The volume may be older than its variable, and the caller right."""
    (finding,) = asked({"DATABASE_URL": "postgres://ann:wrong@redis/shop"})
    assert (finding.confidence, finding.caller_fails) == (Confidence.POSSIBLE, False)
    assert "not what POSTGRES_PASSWORD says" in finding.cause
    assert asked({"DATABASE_URL": "postgres://ann:right@redis/shop"}) == ()
    assert asked({"DATABASE_URL": "postgres://shop:other@redis/shop"}) == ()


def test_a_url_with_a_user_and_no_password_anywhere_is_likely():
    (finding,) = asked({"DATABASE_URL": "postgres://ann@redis/shop"})
    assert finding.confidence is Confidence.LIKELY


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": "postgres://ann@redis/shop", "PGPASSWORD": "x"},
        {"DATABASE_URL": "postgres://ann@redis/shop", "DATABASE_PASSWORD_FILE": "/run/secrets/x"},
        {"DB_HOST": "redis", "DB_USER": "ann"},
        {"PGHOST": "redis", "PGUSER": "ann", "PGPASSWORD": "right"},
        {"DATABASE_URL": "postgres://redis/shop"},
    ],
)
def test_a_caller_that_may_have_its_password_elsewhere_is_no_finding(environment):
    assert asked(environment) == ()


@pytest.mark.parametrize("status", [401, 403])
def test_a_path_that_was_asked_and_is_refused(status):
    found = told({}, REDIS, "http", path="/private").http(Outcome.HTTP_ERROR, status=status)
    (finding,) = found.judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_a_guessed_path_that_wants_credentials_is_health():
    assert told({}, REDIS, "http").http(Outcome.CONNECTED, status=403).judged(RULE) == ()
    assert told({}, REDIS, "http").http(Outcome.CONNECTED, status=401).judged(RULE) == ()


def test_a_bundles_masked_secrets_are_not_compared():
    masked = replace(QDRANT, environment=(("QDRANT__SERVICE__API_KEY", "***"),))
    app = {"QDRANT_URL": "http://qdrant:6333", "QDRANT_API_KEY": "*** 1a2b"}
    found = told(app, masked, "http", variable="QDRANT_URL").http(Outcome.CONNECTED, status=200)
    assert found.http(Outcome.CONNECTED, path=KEYED, status=401).judged(RULE) == ()


@pytest.mark.parametrize(
    ("beside", "confidence"),
    [
        ({"QDRANT_URL": "http://q:6333", "QDRANT_API_KEY": "x"}, Confidence.LIKELY),
        ({"SECRET_KEY": "x"}, Confidence.LIKELY),
        ({"CACHE_PASSWORD_FILE": "/run/secrets/x"}, Confidence.POSSIBLE),
    ],
)
def test_only_secrets_that_may_be_meant_for_it_make_it_possible(beside, confidence):
    (finding,) = redis({"REDIS_URL": "redis://redis:6379", **beside}).judged(RULE)
    assert finding.confidence is confidence


@pytest.mark.parametrize("protocol", ["redis", "postgres"])
def test_a_bundles_masked_userinfo_may_well_hold_the_password(protocol):
    masked = told({"DB_URL": f"{protocol}://***@redis:6379/x"}, REDIS, protocol, variable="DB_URL")
    assert masked.greeting(Outcome.CONNECTED, demands="a password").judged(RULE) == ()


def test_what_another_server_on_the_same_port_demands_is_not_asked_of_this_one():
    net = network("two")
    app, one, two = (container(name, net) for name in ("app", "one", "two"))
    found = story(topology(app, one, two, net), app, one, name="one", port=6379, protocol="redis").works()
    at = two.endpoints[0].ipv4
    evidence = GreetingEvidence(at, 6379, "redis", "redis", demands="a password")
    found.saw(Greeting(app.ref, at, 6379, "redis", False, "two"), Observation(Outcome.CONNECTED, evidence))
    assert found.judged(RULE) == ()
