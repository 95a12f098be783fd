"""A server's wish for a pause: seconds, or a date."""

from __future__ import annotations

import pytest

from netdoctor.migration.targets.pause import retry_after

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 09:28:30 +0200", 30.0),
        ("Wednesday, 21-Oct-15 07:28:30 GMT", 30.0),
        ("Wed Oct 21 07:28:30 2015", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("", None),
        (None, None),
        ("Wed, 99 Oct 2015 07:28:30 GMT", None),
    ],
)
def test_both_forms_are_read_and_nonsense_is_none(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, lambda: NOW) == seconds
