"""``netdoctor bundle diff``: what changed, as text and as JSON, and 1 where something did."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rules.build import container, network, topology

from netdoctor.topology.bundle import write_bundle

from .conftest import netdoctor

NET = network("shared")
APP = container("app", NET)


@pytest.fixture
def pair(tmp_path):
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    write_bundle(before, topology(*[APP], NET))
    write_bundle(after, topology(*[replace(APP, image="app:2\x1b[31m")], NET))
    return str(before), str(after)


def test_the_same_bundle_twice_is_no_change(pair):
    ended = netdoctor("bundle", "diff", pair[0], pair[0])
    assert (ended.status, ended.out) == (0, "Nothing changed.\n")


def test_a_change_is_one_line_with_control_characters_made_harmless(pair):
    ended = netdoctor("bundle", "diff", *pair)
    assert ended.status == 1
    assert ended.out.startswith("container app: image was ")
    assert "\x1b" not in ended.out


def test_json_lists_the_same(pair):
    ended = netdoctor("bundle", "diff", *pair, "--format", "json")
    found = json.loads(ended.out)
    assert found["schema"] == "netdoctor.difference/1"
    assert [(each["subject"], each["what"]) for each in found["changes"]] == [("container app", "image")]


def test_one_bundle_is_not_enough(pair):
    ended = netdoctor("bundle", "diff", pair[0])
    assert (ended.status, ended.out) == (2, "")
    assert "netdoctor bundle diff BEFORE AFTER" in ended.err


def test_a_damaged_bundle_is_one_sentence(pair, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    ended = netdoctor("bundle", "diff", pair[0], str(bad))
    assert ended.status == 2
    assert "no netdoctor bundle" in ended.err
