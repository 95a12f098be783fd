"""A bundle comes by mail: whatever is in it, reading it is one sentence, bounded, and runs nothing."""

from __future__ import annotations

import copy
import json
import random

import pytest
from cli.conftest import netdoctor
from topology.inspects import SHAPES, stack
from topology.test_bundle import answers

from netdoctor.topology.bundle import dump_bundle
from netdoctor.topology.engine import build_topology

from .attack import check_document, raw

GOOD = dump_bundle(build_topology(*stack(SHAPES[0]), engine_version="20.10"), answers())
JUNK = (
    None, 0, -1, 10**30, 1e400, float("nan"), True, "", "\x1b[31m\u202e", "\ud800", "9" * 5000, "../../etc/passwd",
    "999.999.1.1", [], [[]], {}, {"_": "Container"}, {"_": "__import__"}, {"_": "pairs", "value": [[[], 1]]},
)  # fmt: skip


def read(tmp_path, text: str | bytes, *words: str):
    path = tmp_path / "b.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    ended = netdoctor(*words, "--bundle", str(path))
    assert raw(ended.out) == []
    assert raw(ended.err) == []
    return ended


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0" * 100,
        GOOD[: len(GOOD) // 2],
        "[" * 100_000,
        '{"schema":"netdoctor.bundle/1","topology":' + "[" * 900 + "]" * 900 + "}",
        '{"schema":"netdoctor.bundle/1","topology":' + "9" * 5000 + "}",
        GOOD.replace("bundle/1", "bundle/2"),
        '{"schema": "\\u001b[31m\\u202e"}',
        GOOD.encode("utf-16-le") + b"\xff",
        b"PK\x03\x04" + b"\0" * 50,
    ],
    ids=["empty", "nul", "cut", "deep", "deep-inside", "digits", "newer", "schema", "utf16", "zip"],
)
def test_what_is_no_bundle_is_one_sentence(tmp_path, text):
    for words in (["check"], ["map"]):
        ended = read(tmp_path, text, *words)
        assert ended.status == 2
        assert (ended.out, ended.err.count("\n")) == ("", 2)


def test_any_field_may_hold_anything(tmp_path):
    chance = random.Random(6)
    document = json.loads(GOOD)
    places = [place for place in _places(document) if place]
    for _ in range(60):
        broken, place, junk = copy.deepcopy(document), chance.choice(places), chance.choice(JUNK)
        at = broken
        for step in place[:-1]:
            at = at[step]
        at[place[-1]] = junk
        words, form = chance.choice([(["check", "--all"], "json"), (["map"], "html"), (["map"], "tree")])
        ended = read(tmp_path, json.dumps(broken), *words, "--format", form)
        assert ended.status in (0, 1, 2, 3), (place, junk)
        assert "itself failed" not in ended.err, (place, junk, ended.err)
        check_document(ended.out, form)


def test_a_file_that_never_ends_is_left_alone():
    for words in (["check"], ["map"]):
        ended = netdoctor(*words, "--bundle", "/dev/zero")
        assert ended.status == 2
        assert "it is no JSON" in ended.err  # by its first byte: no more is read


def _places(value, above=()):
    yield above
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(each, (*above, key))
