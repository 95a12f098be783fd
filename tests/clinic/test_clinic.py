"""Every clinic stack, for real: up, exactly the expected code first, fixed where it can be, green, down."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("clinic_run", ROOT / "compose" / "clinic" / "run.py")
assert _spec is not None and _spec.loader is not None
clinic = importlib.util.module_from_spec(_spec)
sys.modules["clinic_run"] = clinic
_spec.loader.exec_module(clinic)

CASES = clinic.cases()
PERSISTED = "nd103-default-dropped"


@pytest.mark.docker
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_stack_gets_its_code_and_no_other(case):
    if case.missing:
        pytest.skip(f"this machine lacks {case.missing}")
    # The persisted half makes every fixable stack anew twice: `make clinic` does that for all of them.
    clinic.treat(case, whole=os.environ.get("NETDOCTOR_CLINIC") == "whole" or case.name == PERSISTED)


def test_every_folder_is_a_stack_with_a_case():
    folders = {path.name for path in (ROOT / "compose" / "clinic").iterdir() if path.is_dir()}
    assert {case.name for case in CASES} == folders - {"__pycache__"}
    assert all((case.folder / "compose.yaml").is_file() for case in CASES)


def test_every_rule_has_a_stack_of_its_number():
    from netdoctor.rules.registry import RULES

    # What no engine does on demand is proven by a recorded run instead.
    recorded = {path.name[:5].upper() for path in (ROOT / "tests" / "rules").glob("nd*.json")}
    proven = {case.expect for case in CASES} | {code for case in CASES for code in case.under} | recorded
    assert set(RULES.names()) <= proven
    for case in CASES:
        if case.expect is not None:
            assert any(
                code in case.name for code in (case.expect[2:], *(each[2:] for each in (*case.announced, *case.under)))
            )


def test_there_are_healthy_stacks_and_stacks_with_two_causes():
    assert len([case for case in CASES if case.expect is None]) >= 3
    assert len([case for case in CASES if case.announced]) >= 2


def test_every_stack_with_a_code_is_fixable_or_says_why_not():
    for case in CASES:
        assert bool(case.by_hand) == (case.expect is not None and not case.fixable), case.name
        assert case.fixable or not (case.paste or case.remains or case.joins), case.name
