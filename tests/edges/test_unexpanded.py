"""References that nobody filled in are read as the container's own program would; what stays open is no host."""

from __future__ import annotations

import pytest

from netdoctor.edges.spellings import addresses_in
from netdoctor.edges.unexpanded import filled


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://${API_HOST}:8080", "http://api:8080"),
        ("http://$API_HOST:8080", "http://api:8080"),
        ("http://$(API_HOST):8080", "http://api:8080"),
        ("http://${API_HOST:-other}:8080", "http://api:8080"),
        ("http://${NONE:-other}:8080", "http://other:8080"),
        ("http://${NONE-other}:8080", "http://other:8080"),
        ("http://${DEEP}:8080", "http://api:8080"),
        ("http://${NONE}:8080", "http://${NONE}:8080"),
        ("http://${NONE:?is missing}", "http://${NONE:?is missing}"),
        ("http://${EMPTY:-x}", "http://x"),
        ("p$w{x}", "p$w{x}"),
        ("${LOOP}", "${LOOP}"),
        ("no reference", "no reference"),
    ],
)
def test_a_reference_is_filled_from_the_same_container(value, expected):
    look = {"API_HOST": "api", "DEEP": "${API_HOST}", "EMPTY": "", "LOOP": "${LOOP}"}.get
    assert filled(value, look) == expected


@pytest.mark.parametrize(
    "value", ["http://${NONE}:8080", "http://{{ .Host }}:8080", "http://%HOST%:8080", "http://<host>"]
)
def test_a_host_that_is_still_open_is_no_address(value):
    assert list(addresses_in("API_URL", value, {}.get)) == []


def test_what_is_filled_in_never_becomes_a_path():
    """A token that stands in the path of a URL must not be asked for, or shown."""
    look = {"TOKEN": "hunter2supersecret", "API": "api"}.get
    (address,) = addresses_in("API_URL", "http://${API}:80/${TOKEN}", look)
    assert (address.host, address.path) == ("api", None)


def test_growing_references_end():
    assert len(filled("${A}${A}", {"A": "${A}${A}${A}${A}"}.get)) < 20_000
