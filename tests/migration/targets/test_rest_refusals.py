"""Each status of Qdrant's API is another try, a matter of the key, or a refusal."""

from __future__ import annotations

import pytest

from netdoctor.migration.targets.interface import KeyRefused, TargetRefused, Transient
from netdoctor.migration.targets.rest_refusals import refusal


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "Wrong input: Vector dimension error: expected dim: 4, got 3", TargetRefused),
        (401, "Must provide an API key or an Authorization bearer token", KeyRefused),
        (403, "Forbidden: Write access to collection c is required", KeyRefused),
        (403, "Storage locked: maintenance", Transient),
        (404, "Not found: Collection `c` doesn't exist!", TargetRefused),
        (405, "", TargetRefused),
        (408, "Timeout: Operation 'Search' timed out after 60s", Transient),
        (409, "Wrong input: Collection `c` already exists!", TargetRefused),
        (413, "", TargetRefused),
        (422, "Validation error in JSON body: [points: ...]", TargetRefused),
        (429, "Rate limiting exceeded: Write rate limit exceeded", Transient),
        (
            500,
            "Service internal error: No space left on device: WAL buffer size exceeds available disk space",
            Transient,
        ),
        (503, "Shard temporarily unavailable", Transient),
        (507, "Disk usage is at its limit", Transient),
    ],
)
def test_every_status_has_its_meaning(status: int, reason: str, kind: type[Exception]) -> None:
    assert type(refusal(status, reason, "http://q")) is kind


def test_a_pause_that_is_asked_for_is_kept() -> None:
    found = refusal(429, "Rate limiting exceeded", "http://q", "7")
    assert isinstance(found, Transient)
    assert found.after == 7.0
    assert found.reason == "HTTP 429: Rate limiting exceeded"


def test_a_body_too_large_is_told_as_such() -> None:
    found = refusal(413, "Payload too large", "http://q")
    assert isinstance(found, TargetRefused)
    assert found.too_large


def test_what_a_key_may_not_do_is_told_in_the_server_s_words() -> None:
    found = refusal(403, "Forbidden: Write access to collection c is required", "http://q")
    assert isinstance(found, KeyRefused)
    assert found.message.endswith("(HTTP 403: Forbidden: Write access to collection c is required).")
    assert "may write there" in found.hint
    unknown = refusal(401, "Invalid API key or JWT", "http://q")
    assert isinstance(unknown, KeyRefused)
    assert unknown.message.endswith("(HTTP 401).")
    assert unknown.hint.startswith("set QDRANT_API_KEY")
