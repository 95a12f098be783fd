"""The pictures of the documentation show what there is: the incident as ``map`` draws it, the rooms as they stand."""

from __future__ import annotations

import os
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from test_readme import run

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = {path.parent.name for path in (ROOT / "netdoctor").glob("*/__init__.py")}
NO_ROOMS = {"compose files", "bundle", "report"}
"""What goes in or comes out; drawn, and no package."""
TITLE = "t"
"""The class of the names in the boxes; what stands below them has none."""


def drawn(*words: str) -> str:
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/none.sock", "PYTHONPATH": str(ROOT)}
    command = (sys.executable, "-m", "netdoctor", "map", *words, "--bundle", "examples/incident.bundle.json")
    done = run(*command, cwd=ROOT, env=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_incident_is_the_picture_that_map_draws():
    """NETDOCTOR_UPDATE_DOCS=1 draws it anew."""
    picture = drawn("app", "qdrant", "--format", "svg")
    if os.environ.get("NETDOCTOR_UPDATE_DOCS") == "1":
        (DOCS / "incident.svg").write_text(picture, "utf-8")
    assert (DOCS / "incident.svg").read_text("utf-8") == picture


def test_the_picture_shows_the_two_networks_and_the_cause():
    words = set(re.findall(r"[\w.-]+", "".join(ET.parse(DOCS / "incident.svg").getroot().itertext())))
    assert {"app", "qdrant", "coolify", "qkkkc8kskocgwo0o8c444cgo", "ND101"} <= words


def rooms() -> set[str]:
    """What the architecture's picture names in its boxes."""
    texts = ET.parse(DOCS / "architecture.svg").getroot().iter("{http://www.w3.org/2000/svg}text")
    titles = ["".join(each.itertext()) for each in texts if each.get("class") == TITLE]
    return {name for title in titles for name in title.split(", ")}


def not_drawn() -> set[str]:
    """What the page says is left out of it."""
    found = re.search(r"^Not drawn: (.*?)\.\n", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return set(re.findall(r"`(\w+)`", found[1]))


def test_every_room_is_in_the_picture_or_named_beside_it_and_nothing_else_is():
    assert rooms() & not_drawn() == set()
    assert (rooms() - NO_ROOMS) | not_drawn() == PACKAGES


@pytest.mark.parametrize("page", ["architecture", "maps"])
def test_each_picture_is_shown_with_words_for_who_does_not_see_it(page):
    shown = re.findall(r"!\[(.*?)\]\((\S+\.svg)\)", (DOCS / f"{page}.md").read_text("utf-8"), re.DOTALL)
    assert shown
    for words, picture in shown:
        assert len(words.split()) > 5
        assert (DOCS / picture).is_file()
