"""The documentation's site is whole: it builds without a warning, every page is in its menu, and it fetches nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("docs", "mkdocs.yml", "netdoctor/formats/report-1.schema.json")


def build(root: Path, to: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(to)]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("site") / "site"
    done = build(ROOT, to)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return to


class Tags(HTMLParser):
    """What a page links in its menu, and what it fetches."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "a" and "internal" in has.get("class", "").split():
            self.links.add(has["href"].partition("#")[0])
        if tag == "link":
            self.fetched.add(has["href"])
        if "src" in has:
            self.fetched.add(has["src"])


def test_every_page_is_in_the_menu(site):
    pages = {str(path.relative_to(ROOT / "docs").with_suffix(".html")) for path in (ROOT / "docs").rglob("*.md")}
    assert len(pages) > 80
    menu = Tags(site / "index.html").links
    assert pages - menu - {"index.html"} == set()
    assert all((site / page).is_file() for page in pages)


def test_a_page_fetches_nothing_from_elsewhere(site):
    for path in site.rglob("*.html"):
        elsewhere = {each for each in Tags(path).fetched if re.match(r"(?:[a-z]+:)?//", each)}
        assert elsewhere == set(), path.name
    for path in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", path.read_text("utf-8")), path.name


def test_nothing_but_pages_and_what_they_need_is_published(site):
    assert not list(site.rglob("*.py"))
    assert (site / "report-1.schema.json").read_text("utf-8") == (ROOT / PARTS[2]).read_text("utf-8")
    assert 'href="report-1.schema.json"' in (site / "report.html").read_text("utf-8")


def test_the_menu_begins_the_platforms_with_coolify():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    platforms = next(part["Platforms"] for part in nav if "Platforms" in part)
    assert list(platforms[0]) == ["Coolify"]


@pytest.mark.parametrize(
    "damage",
    ["[gone](nowhere.md)", "[gone](ci.md#no-such-heading)", "[gone](#no-such-heading)", "[gone](../README.txt)"],
)
def test_a_broken_link_fails_the_build(tmp_path, damage):
    for part in PARTS:
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    page = tmp_path / "docs" / "maps.md"
    page.write_text(page.read_text("utf-8") + f"\n{damage}\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "maps.md" in done.stderr


def test_make_has_one_command_for_it():
    text = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^site: .*\n\t\$\(BIN\)/python -m mkdocs build$", text, re.MULTILINE)
    assert "strict: true" in (ROOT / "mkdocs.yml").read_text("utf-8")
