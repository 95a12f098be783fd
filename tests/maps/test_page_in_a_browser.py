"""The page in a real browser, without a network: it loads, it is quiet, it can be used with keys and by ear."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from netdoctor.maps.interface import MAPS

from .pictures import EMPTY, HOSTILE, INCIDENT, crowd

pytestmark = pytest.mark.browser
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PICTURES = {"empty": EMPTY, "incident": INCIDENT, "hostile": HOSTILE, "crowd": crowd()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        # Chromium's own sandbox needs a user that is not root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = running.chromium.launch(executable_path=BROWSER, args=arguments)
        yield started
        started.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a picture; everything it says, asks for or runs is noted, and nothing of it is allowed."""
    pages = []

    def open_(name: str, **how: Any) -> tuple[Any, list[str]]:
        path = tmp_path / f"{name}.html"
        path.write_text(MAPS.get("html").draw(PICTURES[name], color=False, width=80), encoding="utf-8")
        page = browser.new_page(viewport={"width": 1400, "height": 900}, **how)
        page.set_default_timeout(20_000)
        noted: list[str] = []
        page.on("console", lambda message: noted.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noted.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noted.append("dialog"), dialog.dismiss()))
        page.on("request", lambda asked: noted.append(asked.url) if not asked.url.startswith("file:") else None)
        page.goto(path.as_uri())
        pages.append(page)
        return page, noted

    yield open_
    for page in pages:
        page.close()


@pytest.mark.parametrize("name", sorted(PICTURES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_in_silence_and_asks_for_nothing_and_has_no_barrier(opened, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page, noted = opened(name, color_scheme=scheme)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert noted == []


def test_the_cause_of_the_incident_is_there_before_anything_is_clicked(opened):
    page, _ = opened("incident")
    said = page.inner_text("#details")
    assert "broken" in said
    assert "ND101" in said
    assert "share no network" in said
    assert "netdoctor fix app qdrant" in said


def test_a_click_on_a_red_line_shows_its_cause_and_fix(opened):
    page, _ = opened("crowd")
    red = page.locator("svg .arrow.broken").nth(3)
    red.locator("polygon").click()
    assert page.locator("svg .arrow.chosen").get_attribute("data-arrow") == red.get_attribute("data-arrow")
    assert "ND101" in page.inner_text("#details")
    assert "Connect qdrant" in page.inner_text("#details")


def test_everything_can_be_reached_and_pressed_with_keys(opened):
    page, _ = opened("incident")
    page.focus("#search")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.arrow ?? null"))
    assert {"0", "1", "2", "3"} <= set(reached)
    page.locator("svg .arrow[data-arrow='1']").focus()
    page.keyboard.press("Enter")
    assert "old does not run" in page.inner_text("#details")


def test_search_and_filter_leave_what_was_asked_for(opened):
    page, _ = opened("crowd")
    page.fill("#search", "service-7-1")
    assert page.inner_text("#found") == "1 of 60"
    assert page.locator("svg .row:not(.missed)").count() == 1
    page.fill("#search", "")
    page.uncheck(".filter input[data-says=broken]")
    assert page.locator("svg .arrow.broken:not(.hidden)").count() == 0
    assert page.locator("svg .arrow.holds:not(.hidden)").count() == 30


def test_no_two_labels_of_sixty_containers_overlap_as_drawn(opened):
    page, _ = opened("crowd")
    boxes = page.evaluate(
        "Array.from(document.querySelectorAll('svg text')).map(t => { const b = t.getBoundingClientRect();"
        " return [b.left, b.top, b.right, b.bottom]; })"
    )
    assert len(boxes) > 130
    clashes = [
        (one, other)
        for one, other in combinations(boxes, 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] - 0.5 and other[1] < one[3] - 0.5
    ]
    assert clashes == []


def test_hostile_names_are_shown_and_nothing_of_them_runs(opened):
    page, noted = opened("hostile")
    page.click("#connections button")
    assert "<script>alert(1)</script>" in page.inner_text("#details")
    assert noted == []
