"""Markdown: a Markdown parser finds our structure in it and nothing else, whatever names hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from netdoctor.formats._findings import clean
from netdoctor.formats.interface import FORMATS, Look
from netdoctor.formats.markdown import LIMIT, MARK
from netdoctor.model import Verdict

from .anything import failures, reports
from .scenarios import FAILURES, REPORTS
from .test_golden import rendered, report_of

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKDOWN = FORMATS.get("markdown")
LISTS = frozenset({"bullet_list", "list_item"})
TABLES = frozenset({"table", "thead", "tbody", "tr", "th", "td"})
BLOCKS = LISTS | TABLES | {"heading", "paragraph", "fence", "inline", "html_block"}
INLINE = frozenset({"text", "text_special", "code_inline", "strong_open", "strong_close", "em_open", "em_close"})
INVISIBLE = "\u200b"


def parsed(text: str) -> list[Token]:
    """Every block; only our own kinds of blocks and of inline marks are in it."""
    assert text.startswith(f"{MARK}\n### netdoctor: ")
    tokens = PARSER.parse(text)
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in tokens} <= BLOCKS
    assert [token.content for token in tokens if token.type == "html_block"] == [f"{MARK}\n"]
    for token in tokens:
        for child in token.children or ():
            ours = child.type == "html_inline" and child.content in ("<code>", "</code>")
            assert ours or child.type in INLINE, (child.type, child.content)
    return tokens


def said(token: Token) -> str:
    """An inline token as a person reads it."""
    kinds = ("text", "text_special", "code_inline")
    text = "".join(child.content for child in token.children or () if child.type in kinds)
    return text.replace(INVISIBLE, "")


def cells(tokens: list[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    for position, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("td_open", "th_open"):
            rows[-1].append(said(tokens[position + 1]))
    return rows


def emphasised(tokens: list[Token]) -> list[str]:
    """What stands in bold or italics."""
    found = []
    for token in tokens:
        for before, child in zip(token.children or (), (token.children or [])[1:], strict=False):
            if before.type in ("strong_open", "em_open"):
                found.append(child.content)
    return found


@pytest.mark.parametrize("scenario", [*REPORTS, *FAILURES])
def test_the_structure_is_ours(scenario):
    tokens = parsed(rendered(scenario, "markdown"))
    headings = [token.tag for token in tokens if token.type == "heading_open"]
    findings = 0 if scenario in FAILURES else len(report_of(scenario).findings)
    assert headings == ["h3", *["h4"] * findings]


@given(reports())
def test_whatever_names_hold_they_stay_text(report):
    tokens = parsed(MARKDOWN.render(report, Look()))
    rows = cells(tokens)
    assert [len(row) for row in rows] == [3, 3]
    assert rows[1][0].strip() == clean(report.edges[0].label).replace(INVISIBLE, "").strip()
    assert set(emphasised(tokens)) <= {"broken", "unknown"}
    listed = [tokens[at + 2] for at, token in enumerate(tokens) if token.type == "list_item_open"]
    evidence = [clean(line).strip() for finding in report.findings for line in finding.evidence]
    assert len(listed) == len(evidence)
    for token, line in zip(listed, evidence, strict=True):
        if line:
            assert said(token) == line.replace(INVISIBLE, "")


@given(reports())
def test_commands_and_texts_to_paste_stay_in_their_fence(report):
    fences = [token.content for token in parsed(MARKDOWN.render(report, Look())) if token.type == "fence"]
    wanted = []
    for remedy in (remedy for finding in report.findings for remedy in finding.remedies):
        lines = [each.command() for each in remedy.operations] or remedy.advice.splitlines()
        if lines:
            wanted.append("".join(f"{clean(line)}\n" for line in lines))
    assert fences == wanted


@given(failures)
def test_whatever_an_error_says_it_stays_text(failure):
    tokens = parsed(MARKDOWN.render_error(failure))
    assert not [token for token in tokens if token.type == "fence"]


def test_names_in_the_table_come_back_as_they_are():
    rows = cells(parsed(rendered("markup", "markdown")))
    assert [row[0] for row in rows[1:]] == [clean(edge.label) for edge in report_of("markup").edges]
    assert rows[1][1:] == ["broken", "ND101, ND304, ND301"]


def test_nobody_is_mentioned_and_no_issue_is_linked():
    text = rendered("markup", "markdown")
    outside = "\n".join(part for number, part in enumerate(text.split("\n``````\n")) if number % 2 == 0)
    for word in ("@all", "@everyone", "#12", "https://evil", "www.evil"):
        shown = outside.replace("&#124;", "|").splitlines()
        assert [line for line in shown if word in line and not line.startswith("docker ")] == [], word


def test_the_worst_stands_first_in_the_table_and_the_accepted_says_why():
    rows = cells(parsed(rendered("expectations", "markdown")))[1:]
    assert [row[1] for row in rows] == ["broken", "broken", "broken", "unknown", "holds"]
    assert rows[0][2].endswith("accepted: ND303 accepted until 2027-01-31: the batch job starts at night")


def test_a_place_is_shown():
    assert "(`deploy/my compose.yaml:5:7`)" in rendered("lint-found", "markdown")


def test_files_are_never_said_to_work():
    assert "### netdoctor: no contradiction in these files\n" in rendered("lint-clean", "markdown")
    assert "### netdoctor: everything asked holds\n" in rendered("all-well", "markdown")


def test_a_comment_is_never_longer_than_github_takes_and_says_what_it_leaves_out():
    report = report_of("incident")
    (edge,) = report.edges
    many = replace(report, edges=(edge, *[replace(edge, verdict=Verdict.HOLDS)] * 3000), findings=report.findings * 500)
    text = MARKDOWN.render(many, Look())
    assert len(text) < 65_536
    assert len(text) > LIMIT / 2
    parsed(text)
    assert text.count("more") == 2
