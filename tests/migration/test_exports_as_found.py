"""Exports as disks hold them, typed as a user types it: good ones go through whole, bad ones leave nothing."""

from __future__ import annotations

import gzip
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.points import point_id
from netdoctor.migration.target import Transport

from .lab import Server, everything, records, via_host

COUNT = 30
Made = Callable[[list[dict[str, Any]]], bytes]


def array(things: Any) -> bytes:
    return json.dumps(things).encode()


def lines(things: list[dict[str, Any]]) -> bytes:
    return b"".join(array(thing) + b"\n" for thing in things)


def with_one(**change: Any) -> Made:
    return lambda things: array([*things[:4], {**things[4], **change}, *things[5:]])


def deep(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


BAD: dict[str, tuple[str, Made, str]] = {
    "nothing": ("e.json", lambda things: b"", "the file is empty"),
    "blanks": ("e.json", lambda things: b" \n\t ", "empty|no JSON|not recognised"),
    "an empty array": ("e.json", lambda things: b"[]", "has no records to migrate"),
    "cut inside a record": ("e.json", lambda things: array(things)[:-300], "the file ends inside the record"),
    "cut between records": ("e.json", lambda things: array(things)[:-1], "the file ends before the array does"),
    "two arrays": ("e.json", lambda things: array(things) * 2, "more text after the end of the array"),
    "arrays in an array": ("e.json", lambda things: array([things]), "the element is not an object"),
    "a page behind it": ("e.json", lambda things: array(things) + b"<html>", "more text after the end of the array"),
    "UTF-16": ("e.json", lambda things: json.dumps(things).encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ("e.json", lambda things: json.dumps(things).encode("utf-16-le"), "UTF-16"),
    "Latin-1": ("e.json", lambda things: json.dumps(things, ensure_ascii=False).encode("latin-1"), "is not UTF-8"),
    "cut gzip": ("e.json.gz", lambda things: gzip.compress(array(things))[:-20], "gzip|ends|packed|damaged"),
    "damaged gzip": (
        "e.json.gz", lambda things: gzip.compress(array(things))[:-8] + b"\0" * 8, "gzip|packed|damaged|checksum"
    ),
    "two gzipped arrays": ("e.json.gz", lambda things: gzip.compress(array(things)) * 2, "more text after the end"),
    "deep metadata": ("e.json", with_one(metadata={"a": deep(500)}), "nested too deeply"),
    "deep beyond every parser": (
        "e.json", lambda things: array(things)[:-1] + b',{"id":"a","values":[1],"m":' + b"[" * 10**5, "ends|deep"
    ),
    "another dimension": ("e.json", with_one(values=[1.0]), r"record 5 .* 1 values, .* have 4"),
    "no numbers": ("e.json", with_one(values=["a"]), "value 0 is a string"),
    "the same id twice": ("e.json", lambda things: array([*things, things[2]]), r"Records 3 .* and 31 .* same point"),
    "one UUID in two forms": (
        "e.json",
        lambda things: array([
            {**things[0], "id": "6A15880C8B295463962C1C2A0BD1B9C9"},
            {**things[1], "id": "6a15880c-8b29-5463-962c-1c2a0bd1b9c9"},
        ]),
        "same point",
    ),
    "a name that is too long": ("e.json", with_one(namespace="n" * 300), "255|too long"),
    "our own key with another value": ("e.json", with_one(metadata={"originalId": 1}), "already has metadata"),
    "lines cut inside one": ("e.jsonl", lambda things: lines(things)[:-100], "ends inside|truncated|not JSON"),
    "a picture": ("e.json", lambda things: b"\x89PNG\r\n\x1a\n" + bytes(100), "recognised|UTF-16|no JSON"),
}  # fmt: skip


def collections(qdrant: Server) -> set[str]:
    with urllib.request.urlopen(f"{qdrant.url}/collections", timeout=10) as answer:
        return {each["name"] for each in json.load(answer)["result"]["collections"]}


def made(own: str) -> list[dict[str, Any]]:
    return [{**thing, "namespace": own} for thing in records(COUNT, 4)]


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_migrated_is_one_sentence_and_leaves_nothing(
    qdrant: Server, tmp_path: Path, own: str, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file, make, words = BAD[name]
    (tmp_path / file).write_bytes(make(made(own)))
    before = collections(qdrant)
    assert run(["migrate", str(tmp_path / file), "--to", qdrant.url, "--transport", "rest", "-q"]) in (
        Exit.FINDINGS, Exit.USAGE
    )  # fmt: skip
    out, err = capsys.readouterr()
    import re

    assert out == "" and re.search(words, err), err
    assert "Traceback" not in err and len(err.splitlines()) <= 4
    assert collections(qdrant) == before
    assert [each.name for each in tmp_path.iterdir()] == [file]


IDS = [
    "plain", "with space", " both ", "", "\t", "\n", "\x00", "\x1b[31mred\x1b[0m", "\u00e9", "e\u0301", "\uff21",
    "😀" * 20,
    "\u202e reversed", "\ufeff", "a/b?c#d%20", "'; DROP TABLE done; --", "{{.Task.Slot}}", "x" * 5000, "007", "7",
    "\u2028", "NaN", "null", "../../etc/passwd", "\x7f",
]  # fmt: skip
IDS = list(dict.fromkeys(IDS))
GOOD: dict[str, tuple[str, Made]] = {
    "an array": ("e.json", array),
    "an array over many lines": ("e.json", lambda things: json.dumps(things, indent=4).encode()),
    "with a byte order mark and blanks around": ("e.json", lambda t: b"\xef\xbb\xbf \r\n" + array(t) + b"\n\n "),
    "unescaped": ("e.json", lambda things: json.dumps(things, ensure_ascii=False).encode()),
    "gzip by name": ("e.json.gz", lambda things: gzip.compress(array(things))),
    "gzip by content": ("e.json", lambda things: gzip.compress(array(things))),
    "lines": ("e.jsonl", lines),
    "lines put together on one": ("e.jsonl", lambda things: b"".join(map(array, things))),
    "gzipped lines put together": ("e.jsonl.gz", lambda t: gzip.compress(lines(t[:9])) + gzip.compress(lines(t[9:]))),
    "lines of Windows": ("e.jsonl", lambda things: lines(things).replace(b"\n", b"\r\n")),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_whole_goes_through_with_every_id_as_it_is(
    qdrant: Server, tmp_path: Path, own: str, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file, make = GOOD[name]
    things = made(own)[: len(IDS)]
    for thing, identity in zip(things, IDS, strict=False):
        thing["id"] = identity
    things[5]["values"] = [0.0] * 4
    (tmp_path / file).write_bytes(make(things))
    transport = ("rest", "grpc")[len(name) % 2]
    to = ["--to", qdrant.url, "--grpc-port", str(qdrant.grpc), "--transport", transport, "-q"]
    assert run(["migrate", str(tmp_path / file), *to]) == Exit.OK, capsys.readouterr().err
    assert f"{len(things)} of {len(things)} vectors are in Qdrant" in capsys.readouterr().out
    with via_host(qdrant, Transport.REST) as target:
        held = everything(target, own, [point_id(thing["id"]) for thing in things])
    assert sorted(payload["originalId"] for _, payload in held.values()) == sorted(thing["id"] for thing in things)
