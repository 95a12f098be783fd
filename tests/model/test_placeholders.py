"""What stands where an address should be is told from an address, and never given out with a secret in it."""

from __future__ import annotations

import pytest

from netdoctor.model.placeholders import host_of, placeholder


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "is empty"),
        ("  '' ", "is empty"),
        ("${QDRANT_URL}", "holds a variable that nobody filled in"),
        ("http://${HOST}:6333", "holds a variable that nobody filled in"),
        ("http://<host>:6333", "holds a <...> to be filled in"),
        ("https://", "names no host"),
        ("http://placeholder:6333", "holds the sample value placeholder"),
        ("https://user:s3cret@changeme/x?key=s3cret", "holds the sample value changeme"),
        ("https://qdrant.example.com", "holds the sample name qdrant.example.com"),
    ],
)
def test_a_placeholder_is_named_without_its_secrets(value: str, said: str) -> None:
    found = placeholder(value)
    assert found is not None and found[0] == said


@pytest.mark.parametrize("value", ["http://qdrant:6333", "10.0.0.1", "unix:///run/x", "https://x:y@h/p", "[::1]:80"])
def test_an_address_is_none(value: str) -> None:
    assert placeholder(value) is None


def test_the_host_is_read_leniently() -> None:
    assert [host_of(each) for each in ("http://a@b@c:1/x", "[::1]:6333", "h", "//h")] == ["c", "::1", "h", ""]
