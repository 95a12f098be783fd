"""The page is whole in itself, and nothing that a container is called gets out of its place."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from netdoctor.maps.interface import MAPS

from .pictures import EMPTY, HOSTILE, INCIDENT, NASTY, crowd

PICTURES = {"empty": EMPTY, "incident": INCIDENT, "hostile": HOSTILE, "crowd": crowd()}
VOID = {"meta", "input"}


class Seen(HTMLParser):
    """Elements, their attributes, and what is in scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


def page(picture) -> str:
    return MAPS.get("html").draw(picture, color=False, width=80)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_every_element_is_closed_and_none_reaches_out(name):
    seen = Seen(page(PICTURES[name]))
    assert seen.open == []
    for tag, attributes in seen.elements:
        assert tag not in ("iframe", "object", "embed", "link", "img", "a", "form", "base")
        assert not [each for each in attributes if each.startswith("on") or each in ("src", "href", "style")], tag


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_it_has_its_two_scripts_and_no_third(name):
    seen = Seen(page(PICTURES[name]))
    assert sum(tag == "script" for tag, _ in seen.elements) == 2
    data, script = seen.scripts
    assert len(json.loads(data)["arrows"]) == len(PICTURES[name].arrows)
    assert script == Seen(page(EMPTY)).scripts[1]


def test_what_the_picture_says_is_in_the_data_to_the_letter():
    data = json.loads(Seen(page(HOSTILE)).scripts[0])
    assert data["arrows"][0]["causes"][0]["sentence"] == NASTY


def test_the_policy_names_the_hashes_of_what_is_there():
    import base64
    import hashlib

    text = page(INCIDENT)
    policy = next(a["content"] for t, a in Seen(text).elements if t == "meta" and "Content-Security" in str(a))
    assert policy is not None
    for tag in ("style", "script"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        assert body is not None
        digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_a_command_quotes_what_a_shell_would_read():
    (arrow,) = json.loads(Seen(page(HOSTILE)).scripts[0])["arrows"]
    assert "netdoctor fix '" in arrow["command"]
