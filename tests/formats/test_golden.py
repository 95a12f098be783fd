"""What each format prints for each scenario, as files: ``golden/<scenario>.<exit>.<format>``.

NETDOCTOR_UPDATE_GOLDEN=1 writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from netdoctor.cli.common import status_of
from netdoctor.cli.settings import Settings
from netdoctor.formats.interface import FORMATS
from netdoctor.model import Report
from netdoctor.version import __version__

from .scenarios import FAILURES, REPORTS, SECRET, timed

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
UPDATE = os.environ.get("NETDOCTOR_UPDATE_GOLDEN") == "1"
VERSION = "0.0.0-golden"


@cache
def report_of(scenario: str) -> Report:
    return timed(REPORTS[scenario][0]())


def rendered(scenario: str, form: str) -> str:
    if scenario in FAILURES:
        return FORMATS.get(form).render_error(FAILURES[scenario])
    return FORMATS.get(form).render(report_of(scenario), REPORTS[scenario][2])


def status(scenario: str) -> int:
    return FAILURES[scenario].status if scenario in FAILURES else REPORTS[scenario][1]


CASES = [(scenario, form) for form in FORMATS.names() for scenario in (*REPORTS, *FAILURES)]


@pytest.mark.parametrize(("scenario", "form"), CASES)
def test_the_output_is_the_golden_one(scenario, form):
    path = GOLDEN / f"{scenario}.{status(scenario)}.{form}"
    text = rendered(scenario, form).replace(__version__, VERSION)
    if UPDATE:
        path.write_text(text, "utf-8")
    assert path.is_file(), f"{path.name} is missing: run with NETDOCTOR_UPDATE_GOLDEN=1"
    assert text == path.read_text("utf-8")


def test_no_golden_file_is_left_over():
    known = {f"{scenario}.{status(scenario)}.{form}" for scenario, form in CASES}
    assert {path.name for path in GOLDEN.iterdir()} == known


@pytest.mark.parametrize("scenario", REPORTS)
def test_the_exit_status_in_the_files_name_is_the_programs(scenario):
    assert status_of(report_of(scenario), Settings()) == REPORTS[scenario][1]
    assert status_of(report_of(scenario), Settings(exit_zero=True)) == 0


@pytest.mark.parametrize(("scenario", "form"), CASES)
def test_nothing_that_steers_a_terminal_and_no_secret_comes_out(scenario, form):
    text = rendered(scenario, form)
    assert SECRET not in text
    assert not {char for char in text if (ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0}
    assert not {"\u202e", "\u2028", "\x1b"} & set(text)
    assert text == "" or text.endswith("\n")


def test_a_warning_fails_a_run_that_asks_for_it_and_the_possible_never_does():
    report = report_of("only-possible")
    assert status_of(report, Settings(fail_on="warning")) == 1
    without = tuple(each for each in report.findings if each.code != "ND801")
    from dataclasses import replace

    assert status_of(replace(report, findings=without), Settings(fail_on="warning")) == 0
    assert status_of(replace(report, findings=without), Settings(fail_on="info")) == 1


@pytest.mark.parametrize("form", FORMATS.names())
def test_a_container_that_could_not_be_looked_at_stands_in_every_format_with_its_reason(form):
    text = " ".join(rendered("one-unseen", form).split())
    assert "cache" in text
    assert "the answer has no State" in text


@pytest.mark.parametrize("form", FORMATS.names())
def test_a_connection_that_nobody_could_ask_stands_in_every_format_with_its_reason(form):
    text = " ".join(rendered("no-vantage", form).split())
    assert 'target="db",port="80"' in text if form == "prometheus" else "db" in text
    assert "entering a network namespace needs root" in text
