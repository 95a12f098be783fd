"""Whatever an engine's answers hold: valid documents, no raw control character, nothing run, a documented status."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli.conftest import netdoctor
from fake_engine import Answer, Script, fake_engine

from .attack import APP, DB, MARK, NASTY, check_document, everywhere, raw

REPORTS = ("human", "json", "jsonl", "junit", "sarif", "github", "markdown", "prometheus")
DRAWINGS = ("tree", "dot", "svg", "html", "mermaid")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty working folder; only what a test names may appear in it."""
    found = tmp_path / "here"
    found.mkdir()
    monkeypatch.chdir(found)
    return found


@pytest.fixture
def host(tmp_path):
    with fake_engine(tmp_path / "e.sock", Script(*everywhere(NASTY))) as url:
        yield url


def said(here: Path, *words: str, form: str = "", statuses=(0, 1, 3)):
    more = ("--format", form) if form else ()
    ended = netdoctor(*words, *more, env={"NETDOCTOR_STATE_DIR": str(here.parent / "state")})
    assert ended.status in statuses, ended
    assert raw(ended.out) == [], (words, form)
    assert raw(ended.err) == [], (words, form)
    assert "netdoctor itself failed" not in ended.err, ended.err
    check_document(ended.out, form)
    return ended


@pytest.mark.parametrize("form", REPORTS)
def test_reports(here, host, form):
    for words in ([], ["check", APP, DB, "-v"], ["check"]):
        said(here, "-H", host, *words, form=form)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("form", DRAWINGS)
def test_drawings(here, host, form):
    text = said(here, "-H", host, "map", form=form).out
    if form == "html":
        assert len(re.findall(r"<script\b", text)) == text.count("</script>")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("form", ["human", "json"])
def test_what_changes_and_what_only_looks(here, host, form):
    for words in (["fix", APP, DB, "--yes", "--persist"], ["fix", APP, DB, "--dry-run"], ["undo", "--yes"], ["doctor"]):
        said(here, "-H", host, *words, form=form)
    said(here, "-H", host, "check", "--drift", form=form, statuses=(2,))
    assert list(here.iterdir()) == []


def test_a_bundle_and_what_is_made_of_it(here, host):
    said(here, "-H", host, "bundle", "b.json", APP, DB)
    for words, form in ((["check", APP, DB], "human"), (["map"], "html"), (["check"], "json"), (["map"], "tree")):
        said(here, *words, "--bundle", "b.json", form=form)
    said(here, "bundle", "diff", "b.json", "b.json", statuses=(0,))
    assert raw((here / "b.json").read_text("utf-8")) == []
    assert [each.name for each in here.iterdir()] == ["b.json"]


def test_learnt_expectations_name_nobody_who_could_not_be_named(here, host):
    said(here, "-H", host, "expect", "--learn", "-")
    assert list(here.iterdir()) == []
    assert not (here / MARK).exists()


def test_nobody_is_told_a_format_that_a_verb_does_not_write(here, host):
    for words in (["fix", APP, DB], ["undo"], ["doctor"], ["bundle", "b.json"], ["tunnel", APP, f"{DB}:80"]):
        ended = netdoctor("-H", host, *words, "--format", "junit")
        assert ended.status == 2, words
        check_document(ended.out, "junit")
        assert "--format human or json" in ended.err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"<html><script>alert(1)</script>\x1b[31m" + b"A" * 3_000_000,
        b'{"message": "\\u001b[31m\\u202e no\\nsuch thing"}',
        b"[" * 100_000,
        b'[{"Id": ' + b"9" * 5000 + b"}]",
        b"\xff\xfe\x00",
        b"null",
        b'{"a": {}}',
        b'[null, 1, "x", []]',
    ],
    ids=["html", "escapes", "deep", "digits", "binary", "null", "object", "junk"],
)
@pytest.mark.parametrize("status", [200, 500])
def test_an_engine_that_answers_nonsense_is_a_sentence_or_nothing(here, tmp_path, body, status):
    for path in ("/containers/json", "/networks"):
        script = Script(*everywhere(""), special={path: Answer(body, status)})
        with fake_engine(tmp_path / f"{path[1:5]}.sock", script) as url:
            ended = netdoctor("-H", url, "check", APP, DB)
        assert ended.status in (2, 3), ended
        assert raw(ended.err) == []
        assert len(ended.err) < 20_000
