"""``netdoctor.yaml`` is read as it is meant, and what cannot be meant is refused with its line."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import netdoctor.edges.expectation_file as module
from netdoctor.cli.expect import EXAMPLES
from netdoctor.edges.expectation_file import BadExpectations, find_file, parse, read_file
from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.model import Apart, Expect, Severity

ROOT = Path(module.__file__).parents[2]
SCHEMA = json.loads((Path(module.__file__).parent / "netdoctor-1.schema.json").read_text("utf-8"))
PAGE = ROOT / "docs" / "expectations.md"


def read(*lines: str, head: str = "version: 1\nexpectations:\n"):
    return parse((head + "".join(f"  {line}\n" for line in lines)).encode(), "netdoctor.yaml")


def documented() -> list[str]:
    page = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    help_text = EXAMPLES.partition("The file:\n")[2].partition("\n\n")[0]
    return [*page, help_text]


def test_the_three_short_forms():
    url, plain, negative = read(
        "- app -> http://qdrant:6333/healthz", "- app -> redis:6379", "- web -x> db:5432 (isolated)"
    ).entries
    assert (url.source, url.target, url.port, url.path, url.protocol) == ("app", "qdrant", 6333, "/healthz", "http")
    assert (plain.target, plain.port, plain.protocol, plain.expectation.expect) == (
        "redis",
        6379,
        None,
        Expect.REACHABLE,
    )
    assert (negative.expectation.expect, negative.expectation.reason) == (Expect.ISOLATED, Apart.ISOLATED)
    assert [each.expectation.place.line for each in (url, plain, negative)] == [3, 4, 5]
    assert negative.text == "web -x> db:5432 (isolated)"


def test_the_long_form_says_all_there_is():
    (entry,) = read(
        "- from: web", "  to: shop/db", "  port: 5432", "  expect: isolated", "  policy: pg firewall",
        "  severity: warning", "  why: customers", "  timeout: 1500ms", "  attempts: 3", "  suppress:",
        "    - {code: nd801, reason: known, until: 2030-01-31}",
    ).entries  # fmt: skip
    expectation = entry.expectation
    assert (entry.target, entry.port, expectation.reason, expectation.policy) == (
        "shop/db",
        5432,
        Apart.POLICY,
        "pg firewall",
    )
    assert (expectation.severity, expectation.why, expectation.timeout, expectation.attempts) == (
        Severity.WARNING, "customers", 1.5, 3,
    )  # fmt: skip
    assert [(s.code, s.until) for s in expectation.suppress] == [("ND801", date(2030, 1, 31))]
    assert not expectation.suppress[0].expired(date(2030, 1, 31))
    assert expectation.suppress[0].expired(date(2030, 2, 1))


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (["- from: a", "  to: b", "  prot: 1"], 5, "no key 'prot'"),
        (["- from: a", "  to: b", "  to: c"], 5, "twice"),
        (["- from: a"], 3, "to is missing"),
        (["- a => b"], 3, "no expectation"),
        (["- a -> b:70000"], 3, "is no port"),
        (["- a -> b (isolated)"], 3, "belongs to -x>"),
        (["- a -x> b:1 (because)"], 3, "no reason"),
        (["- a -x> b:1 (policy)"], 3, "needs the policy's name"),
        (["- a -> b:1", "- a -x> b:1"], 4, "contradicts netdoctor.yaml:3"),
        (["- from: a", "  to: b:1", "  port: 2"], 5, "port is 2 here, and 1 in to"),
        (["- from: a", "  to: b", "  policy: x"], 5, "expect: isolated"),
        (["- from: a", "  to: b", "  expect: maybe"], 5, "one of reachable, isolated"),
        (["- from: a", "  to: b", "  timeout: soon"], 5, "timeout is a number"),
        (["- from: a", "  to: b", "  attempts: 0"], 5, "attempts is a number from 1 to 100"),
        (["- from: a", "  to: b", "  path: healthz"], 5, "begins with a slash"),
        (["- from: a", "  to: b", "  suppress: [{code: ND801}]"], 5, "reason is missing"),
        (["- from: a", "  to: b", "  suppress: [{code: ND801, reason: x, until: 31.1.2030}]"], 5, "until is a day"),
        (["- from: a", "  to: b", "  protocol: telepathy"], 5, "protocol is one of"),
        (["- [a, b]"], 3, "is a mapping"),
        (["\t- a -> b"], 3, "a tab"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(lines, line, said):
    with pytest.raises(UsageError) as caught:
        read(*lines)
    assert caught.value.message.startswith(f"netdoctor.yaml:{line}: ")
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("expectations: []\n", "does not say its version"),
        ("version: 2\n", "reads version 1"),
        ("version: 1\nversion: 1\n", "twice"),
        ("version: 1\nfoo: 1\n", "no key 'foo'"),
        ("- a -> b\n", "is a mapping"),
        ("version: 1\n---\nversion: 1\n", "a second document"),
        ("version: {{ v }}\n", "template"),
        ("version: 1\nexpectations: a -> b\n", "is a list"),
    ],
)
def test_a_file_of_another_shape_is_refused(text, said):
    with pytest.raises(BadExpectations) as caught:
        parse(text.encode(), "netdoctor.yaml")
    assert said in caught.value.message
    assert "compose" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "expects nothing"),
        (["-"], "asserts nothing"),
        (["- a -> a:1"], "both ends are the same"),
        (["- a -> b:1", "- a -> b:1"], "there already"),
    ],
)
def test_what_asserts_nothing_is_a_warning_with_its_line(lines, said):
    (warning,) = read(*lines).warnings
    assert re.match(r"netdoctor\.yaml:\d+: ", warning)
    assert said in warning


def test_bom_crlf_and_json_are_read():
    text = "version: 1\nexpectations:\n  - a -> b:1\n"
    assert len(parse(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), "f").entries) == 1
    assert len(parse(b'{"version": 1, "expectations": ["a -> b:1"]}', "f").entries) == 1


def test_a_password_in_a_mistake_is_not_echoed():
    with pytest.raises(UsageError) as caught:
        read('- "a -> http://u:hunter2Sup3rSecret@b:x"')
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError):
        read_file(tmp_path / "none.yaml")
    with pytest.raises(UsageError):
        read_file(tmp_path)
    assert find_file(tmp_path) is None
    (tmp_path / "netdoctor.yml").write_text("version: 1\n")
    assert find_file(tmp_path) == tmp_path / "netdoctor.yml"


def test_the_documents_examples_are_read_and_fit_the_published_schema():
    examples = documented()
    assert len(examples) >= 3
    for text in examples:
        assert parse(text.encode(), "docs").entries
        jsonschema.validate(yaml.safe_load(text), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "version: 3\n",
        "version: 1\nexpectations: [a => b]\n",
        "version: 1\nexpectations: [a -> b (isolated)]\n",
        "version: 1\nexpectations: [{from: a, to: b, bogus: 1}]\n",
        "version: 1\nexpectations: [{from: a, to: b, policy: x}]\n",
        "version: 1\nexpectations: [{from: a, to: b, attempts: 0}]\n",
        "version: 1\nsuppress: [{code: ND801}]\n",
    ],
)
def test_schema_and_reader_refuse_the_same(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), SCHEMA)
    with pytest.raises(UsageError):
        parse(text.encode(), "f")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        parse(b"version: 1\nexpectations:\n- " + data, "f")
    except NetdoctorError as error:
        assert error.message
