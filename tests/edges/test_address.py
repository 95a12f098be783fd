"""One parser for every address that people and files write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.edges.address import Address, parse_address
from netdoctor.errors import UsageError


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("qdrant", Address("qdrant")),
        ("qdrant:6333", Address("qdrant", 6333, port_given=True)),
        ("qdrant:6333/healthz", Address("qdrant", 6333, "/healthz", port_given=True)),
        ("qdrant/healthz", Address("qdrant", None, "/healthz")),
        ("http://qdrant", Address("qdrant", 80, None, "http")),
        ("HTTPS://Qdrant/x?y=1", Address("Qdrant", 443, "/x?y=1", "https")),
        ("http://qdrant:6333/", Address("qdrant", 6333, "/", "http", True)),
        ("http://qdrant?x=1", Address("qdrant", 80, "/?x=1", "http")),
        ("postgres://u:p@db/app", Address("db", 5432, "/app", "postgres")),
        ("postgres://u:p@ss:w@db:5433/app", Address("db", 5433, "/app", "postgres", True)),
        ("redis://:pw@cache", Address("cache", 6379, None, "redis")),
        ("foo://host", Address("host", None, None, "foo")),
        ("10.0.0.2:80", Address("10.0.0.2", 80, port_given=True)),
        ("[fd00::2]:80", Address("fd00::2", 80, port_given=True)),
        ("http://[fd00::2]/x", Address("fd00::2", 80, "/x", "http")),
        ("[fe80::1%eth0]", Address("fe80::1%eth0")),
        ("my_app.shop-1", Address("my_app.shop-1")),
    ],
)
def test_what_people_write(text, parsed):
    assert parse_address(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a b", "http://", "://x", ":80", "host:", "host:0", "host:65536", "host:-1", "host:http"),
        *("host:80:90", "host:" + "9" * 5000, "host:²", "[fd00::2", "http://[x]/", "@", "a@", "host:8 0", "/path"),
        "#frag",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["u:hunter2@host:bad", "http://u:hunter2@ho st", "http://u:hunter2@host:bad/x@y"])
def test_a_password_is_not_repeated_in_the_error(text):
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert "hunter2" not in caught.value.message


hosts = st.from_regex(r"[a-z0-9]([a-z0-9_.-]{0,20}[a-z0-9])?", fullmatch=True)
ports = st.none() | st.integers(1, 65535)
paths = st.none() | st.from_regex(r"/[a-z0-9/._~-]{0,20}", fullmatch=True)
schemes = st.none() | st.sampled_from(["http", "https", "redis", "foo+bar"])
users = st.none() | st.from_regex(r"[a-z]{1,5}(:[a-z@:!%]{1,8})?", fullmatch=True)


@given(hosts, ports, paths, schemes, users)
def test_the_parts_come_back(host, port, path, scheme, user):
    text = (f"{scheme}://" if scheme else "") + (f"{user}@" if user else "") + host
    text += (f":{port}" if port else "") + (path or "")
    found = parse_address(text)
    assert (found.host, found.path, found.scheme) == (host, path, scheme)
    assert found.port == port if port else not found.port_given


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_wrong_usage(text):
    try:
        found = parse_address(text)
    except UsageError:
        return
    assert found.host and not any(char.isspace() for char in found.host)
    assert found.port is None or 0 < found.port < 65536
    assert found.path is None or found.path.startswith("/")
