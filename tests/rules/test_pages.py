"""Every code has a page, in fixed sections, that reads in 80 columns."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from netdoctor.errors import EngineUnreachable, NetdoctorError, NoVantage, PermissionRefused
from netdoctor.rules._pages import SECTIONS, canonical, nearest, page, pages
from netdoctor.rules.registry import RULES

ALL = pages()


def explain(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "netdoctor", "explain", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.code)
def test_a_page_has_every_section_in_order_and_none_is_empty(each):
    assert tuple(heading for heading, _ in each.sections) == SECTIONS
    assert all(text for _, text in each.sections)
    assert each.summary.endswith(".")


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.code)
def test_a_page_names_a_reference_that_can_be_opened(each):
    references = dict(each.sections)["References"].splitlines()
    assert any(re.fullmatch(r"https://\S+", line) for line in references)


def test_every_rule_and_every_error_with_a_code_has_a_page():
    own = {error.code for error in (NoVantage, EngineUnreachable, PermissionRefused)}
    assert {each.code for each in ALL} == {*RULES.names(), *own}
    assert all(issubclass(error, NetdoctorError) for error in (NoVantage, EngineUnreachable, PermissionRefused))


def test_a_page_has_its_rules_title():
    for code in RULES.names():
        found = page(code)
        assert found is not None and found.title == RULES.get(code).title


@pytest.mark.parametrize("typed", ["ND101", "nd101", "101", " nd-101 "])
def test_a_code_may_be_typed_in_several_ways(typed):
    assert canonical(typed) == "ND101"


def test_a_code_that_does_not_exist_has_near_ones():
    assert page("ND110x") is None
    last = max(each.code for each in pages() if each.code.startswith("ND3"))
    assert nearest("399")[0] == nearest("ND399")[0] == last
    assert all(each.startswith("ND10") for each in nearest("ND10I"))
    assert nearest("bananas") == ()


def test_explain_prints_the_page_in_eighty_columns():
    done = explain("nd301")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("ND301  target listens on loopback only\n")
    assert all(heading in done.stdout for heading in SECTIONS)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_explain_lists_every_code():
    done = explain("--list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [each.code for each in ALL]


def test_explain_speaks_json():
    body = json.loads(explain("101", "--format", "json").stdout)
    assert body["pages"][0]["code"] == "ND101" and set(body["pages"][0]["sections"]) == set(SECTIONS)


def test_an_unknown_code_is_a_wrong_usage_with_near_codes():
    done = explain("ND100")
    assert done.returncode == 2 and done.stdout == ""
    assert "There is no code 'ND100'." in done.stderr and "ND101" in done.stderr


@pytest.mark.parametrize("words", [(), ("ND101", "--list"), ("ND101", "--format", "nonsense")])
def test_wrong_usage_says_what_to_type(words):
    done = explain(*words)
    assert done.returncode == 2 and done.stderr.startswith("netdoctor: ")
