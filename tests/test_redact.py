"""Secrets never come out of ``redact``, and what is no secret stays readable."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.redact import MASK, looks_secret, redact_text, redact_value

SECRET = "hunter2Sup3rSecret"


@pytest.mark.parametrize(
    "text",
    [
        f"postgres://user:{SECRET}@db:5432/app",
        f"http://{SECRET}@host/path",
        f"redis://:{SECRET}@cache:6379",
        f"postgres://user:{SECRET}/with/slashes@db:5432/app",
        f"postgres://user:at@{SECRET}@db:5432/app",
        f"amqp://user:{SECRET}#?x@mq/vhost",
        f"could not open 'https://u:{SECRET}@h/'",
        f"two: a://x:{SECRET}@h b://y:{SECRET}@k",
        f"https://host/path?api_key={SECRET}&x=1",
        f"https://host/path?x=1&X-Amz-Signature={SECRET}",
        f"https://host/?client_secret={SECRET}#frag",
        f"https://maps/?key={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization: Token {SECRET}",
        f"Authorization: Digest username=x, response={SECRET}",
        f"Cookie: a=b; session={SECRET}; c=d",
        f"Set-Cookie: id={SECRET}; Path=/",
        f"api-key: {SECRET}",
        f"X-API-Key: {SECRET}",
        f"api_key: {SECRET}",
        f"{{'api-key': '{SECRET}'}}",
        f'{{"password": "{SECRET}", "user": "x"}}',
        f'{{"db": {{"Client Secret" : "{SECRET}"}}}}',
        f'{{"token": "{SECRET}',
        f"DB_PASSWORD={SECRET}",
        f"run with PGPASSWORD='{SECRET} and more'",
        f"--requirepass={SECRET}",
        f"export OPENAI_API_KEY={SECRET}; serve",
        f"host=db password={SECRET} dbname=x",
        f"bearer {SECRET}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.hunter2Sup3rSecret",
        f"pcsk_{SECRET}",
        f"ghp_{SECRET}",
        f"github_pat_{SECRET}",
        f"sk-{SECRET}",
        f"hf_{SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
    ],
)
def test_a_planted_secret_does_not_survive(text):
    cleaned = redact_text(text)
    assert SECRET not in cleaned
    assert MASK in cleaned
    assert redact_text(cleaned) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "app (on coolify) and qdrant (on qkkkc8kskocgwo0o8c444cgo) share no network.",
        "http://qdrant:6333/collections?limit=10",
        "http://qdrant:6333/files/logo@2x.png",
        "docker network connect --alias qdrant coolify qdrant",
        "tcp 172.18.0.3:6333: timed out",
        "No Docker Engine at unix:///var/run/docker.sock (from the default): the socket does not exist.",
        "2001:db8::1 and [fd00::2]:80",
        "QDRANT_URL=http://qdrant:6333",
        "netdoctor check app qdrant:6333/healthz",
        "KEYBOARD=us MONKEY=x TURKEY=y",
        "",
    ],
)
def test_what_is_no_secret_is_left_alone(text):
    assert redact_text(text) == text


def test_a_url_keeps_its_host_and_port():
    assert redact_text(f"postgres://user:{SECRET}@db:5432/app?sslmode=off") == "postgres://***@db:5432/app?sslmode=off"


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "PGPASSFILE",
        "QDRANT__SERVICE__API_KEY",
        "SECRET_KEY_BASE",
        "JWT_SECRET",
        "GITHUB_TOKEN",
        "KEY",
        "AWS_ACCESS_KEY_ID",
        "db.pwd",
        "MYSQL_PWD",
        "COOKIE",
        "SENTRY_DSN",
        "BASIC_AUTH",
        "passphrase",
        "SLACK_WEBHOOK",
    ],
)
def test_names_of_credentials_are_known(name):
    assert looks_secret(name)
    assert SECRET not in redact_value(name, SECRET)


@pytest.mark.parametrize(
    "name", ["PATH", "PWD", "HOME", "QDRANT_URL", "GPG_KEY", "KEYBOARD", "AUTHOR", "MONKEY", "PORT"]
)
def test_other_names_are_not(name):
    assert not looks_secret(name)


def test_the_name_decides_even_when_the_value_looks_like_an_address():
    assert redact_value("DB_PASSWORD", f"x://{SECRET}") == MASK
    assert redact_value("API_KEY", f"https://{SECRET}") == MASK


def test_an_address_under_a_secret_sounding_name_keeps_host_and_port_only():
    assert redact_value("AUTH_URL", f"http://u:{SECRET}@auth:8080") == "http://***@auth:8080"
    assert redact_value("SLACK_WEBHOOK_URL", f"https://hooks.slack.com/services/{SECRET}") == (
        "https://hooks.slack.com/***"
    )
    assert redact_value("TOKEN_ENDPOINT", f"http://auth:80/?code={SECRET}") == "http://auth:80/***"
    assert redact_value("AUTH_HOST", "auth-service:8080") == "auth-service:8080"


def test_equal_secrets_stay_equal_within_one_salt_and_differ_between_salts():
    one, other = redact_value("A_TOKEN", SECRET, salt=b"1"), redact_value("B_TOKEN", SECRET, salt=b"1")
    assert one == other != redact_value("A_TOKEN", SECRET, salt=b"2")
    assert redact_value("A_TOKEN", "another", salt=b"1") != one
    assert SECRET not in one


def test_nothing_stays_nothing():
    assert redact_value("PASSWORD", "") == ""


tokens = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789", min_size=12, max_size=30)
noise = st.text(max_size=20).filter(lambda text: "\n" not in text and '"' not in text and "'" not in text)


@given(tokens, noise, st.sampled_from(["password", "token", "api_key", "client_secret"]))
def test_an_assignment_is_masked_whatever_stands_around_it(token, around, name):
    assert token not in redact_text(f"{around} {name}={token} {around.replace(token, '')}").replace(around, "")


@given(tokens, st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True))
def test_userinfo_never_survives(token, user, host):
    assert token not in redact_text(f"see http://{user}:{token}@{host}/x").replace(f"@{host}", "")


@given(st.text(max_size=200))
def test_any_text_can_be_cleaned_twice(text):
    once = redact_text(text)
    assert redact_text(once) == once


@given(st.text(max_size=50), st.text(max_size=80))
def test_any_variable_can_be_cleaned(name, value):
    redact_value(name, value)
    redact_value(name, value, salt=b"s")


@pytest.mark.parametrize(
    "text", ["a" * 50_000, "http://" * 7_000, "?a" * 20_000, "a=" * 20_000, '"' * 20_000, "x:" * 9000]
)
def test_hostile_text_takes_no_quadratic_time(text):
    began = time.monotonic()
    redact_text(text)
    assert time.monotonic() - began < 5
