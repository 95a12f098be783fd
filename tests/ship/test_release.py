"""The release workflow is of the published schema, asks for no right that it does not need, and pastes nothing in."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".github" / "workflows" / "release.yml"


def workflow() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


def test_it_is_of_the_published_schema():
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(FILE)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_has_a_right_by_default_and_only_one_job_may_write_contents():
    found = workflow()
    assert found["permissions"] == {}
    writers = [name for name, job in found["jobs"].items() if job["permissions"].get("contents") == "write"]
    assert writers == ["notes"]
    assert all("permissions" in job for job in found["jobs"].values())


def test_no_script_has_an_expression_pasted_into_it():
    for job in workflow()["jobs"].values():
        for step in job["steps"]:
            assert not re.search(r"\$\{\{", step.get("run", "")), step


def test_what_it_runs_is_there():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for job in workflow()["jobs"].values():
        for step in job["steps"]:
            for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", "")):
                assert re.search(rf"^{target}:", makefile, re.M), target
    assert (ROOT / ".ci" / "run").is_file()


def test_the_version_is_written_where_the_workflow_looks_for_it():
    from netdoctor.version import __version__

    assert f'__version__ = "{__version__}"' in (ROOT / "netdoctor" / "version.py").read_text("utf-8").splitlines()
    assert re.search(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
