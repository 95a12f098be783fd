"""What could not be looked at, or asked, is in every picture, with the reason."""

from __future__ import annotations

import html

import pytest
from formats.test_golden import report_of

from netdoctor.maps._picture import picture_of
from netdoctor.maps.interface import MAPS


@pytest.mark.parametrize("form", MAPS.names())
def test_a_container_is_drawn_with_its_reason(form):
    report = report_of("one-unseen")
    drawn = MAPS.get(form).draw(picture_of(report.topology, report), color=False, width=200)
    text = " ".join(html.unescape(drawn).split())
    assert "cache" in text
    assert "the answer has no State" in text


@pytest.mark.parametrize("form", MAPS.names())
def test_a_connection_is_drawn_with_its_reason(form):
    report = report_of("no-vantage")
    drawn = MAPS.get(form).draw(picture_of(report.topology, report), color=False, width=200)
    assert "Nothing can be asked from inside" in " ".join(html.unescape(drawn).split())
