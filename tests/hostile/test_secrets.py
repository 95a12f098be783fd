"""A credential planted in every field that an engine can return is in no output and in no file of ours."""

from __future__ import annotations

import pytest
from cli.conftest import netdoctor
from fake_engine import Script, fake_engine

from .attack import APP, DB, SECRET, SPELLINGS, with_secrets

REPORTS = ("human", "json", "jsonl", "junit", "sarif", "github", "markdown", "prometheus")


@pytest.fixture(scope="module", params=range(len(SPELLINGS)))
def host(request, tmp_path_factory):
    script = Script(*with_secrets(SPELLINGS[request.param]))
    with fake_engine(tmp_path_factory.mktemp("engine") / "e.sock", script) as url:
        yield url


def kept(tmp_path, *words: str) -> None:
    ended = netdoctor(*words, env={"NETDOCTOR_STATE_DIR": str(tmp_path / "state")})
    assert ended.status in (0, 1, 3), ended.err
    for name, text in (("stdout", ended.out), ("stderr", ended.err)):
        at = text.find(SECRET)
        assert at < 0, f"{words} on {name}: {text[max(0, at - 80) : at + 30]!r}"


def test_in_no_report(host, tmp_path):
    more = [word for form in REPORTS for word in ("--report", f"{form}={tmp_path / form}")]
    for words in (["check", APP, DB], ["check", "--all"]):
        kept(tmp_path, "-H", host, *words, "-v", *more)
        for form in REPORTS:
            assert SECRET not in (tmp_path / form).read_text("utf-8"), (words, form)


def test_in_no_overview_plan_or_examination(host, tmp_path):
    for words in ([], ["fix", APP, DB], ["fix", APP, DB, "--format", "json"], ["doctor"], ["expect", "--learn", "-"]):
        kept(tmp_path, "-H", host, *words)


def test_in_no_drawing(host, tmp_path):
    for form in ("tree", "dot", "svg", "html", "mermaid"):
        kept(tmp_path, "-H", host, "map", "--format", form)


def test_in_no_bundle_and_in_nothing_made_of_one(host, tmp_path):
    path = tmp_path / "b.json"
    kept(tmp_path, "-H", host, "bundle", str(path), APP, DB)
    assert SECRET not in path.read_text("utf-8")
    kept(tmp_path, "check", "--bundle", str(path), APP, DB, "--format", "json")


def test_the_host_behind_a_raw_password_stays_known(tmp_path):
    from netdoctor.redact import redact_text

    assert redact_text(f"postgres://u:p@{SECRET}/x@db:5432/y") == "postgres://***@db:5432/y"
    assert redact_text("smtp://u:p@mail:25/?from=a@b.example") == "smtp://***@mail:25/?from=a@b.example"
    assert redact_text("a://u:p@h1:1,b://u:p@h2:2") == "a://***@h1:1,b://***@h2:2"
    assert redact_text("https://t:x@npm.example/@scope/name") == "https://***@npm.example/@scope/name"


def test_an_address_without_a_scheme_keeps_no_password_either_and_an_image_its_digest():
    from netdoctor.redact import redact_text

    assert redact_text(f"app:{SECRET}@tcp(db:3306)/shop") == "***@tcp(db:3306)/shop"
    assert redact_text(f"cannot open u:{SECRET}/x@y@127.0.0.1:5432.") == "cannot open ***@127.0.0.1:5432."
    for kept in (
        "registry.example:5000/team/app:1.2@sha256:0123abcd",
        "redis:7@sha256:0123abcd",
        "https://npm.example/@scope/name",
        "http://npm:4873/@scope/name",
        "git@github.com:team/app",
        "mail to: somebody@example.com",
        "app -> qdrant:6333",
    ):
        assert redact_text(kept) == kept


def test_what_a_process_holds_is_masked_bare_until_the_run_is_over():
    from netdoctor.redact import conceal, redact_text, reveal_all

    conceal("ordinaryLooking")
    conceal("short")
    try:
        assert redact_text("an ordinaryLooking, short word") == "an ***, short word"
    finally:
        reveal_all()
    assert redact_text("an ordinaryLooking word") == "an ordinaryLooking word"
