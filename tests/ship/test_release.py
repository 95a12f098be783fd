"""The release workflow: tested before built, built before signed, signed before published; and its checks do check."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from netdoctor.version import __version__

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".github" / "workflows" / "release.yml"


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))["jobs"]
    return found


def test_only_one_job_may_write_contents_and_only_two_have_an_identity():
    having = {name: job["permissions"] for name, job in jobs().items()}
    assert [name for name, rights in having.items() if rights.get("contents") == "write"] == ["notes"]
    assert [name for name, rights in having.items() if "id-token" in rights] == ["attest", "publish"]


def test_each_job_waits_for_the_one_before_it_and_a_person_for_the_index():
    found = jobs()
    assert [job.get("needs") for job in found.values()] == [None, *list(found)[:-1]]
    assert found["publish"]["environment"] == "release"


def test_the_bytes_that_were_built_are_the_bytes_that_are_signed_and_published():
    given = [step for job in jobs().values() for step in job["steps"] if "artifact@" in step.get("uses", "")]
    assert [step["uses"].partition("@")[0].partition("/")[2] for step in given] == [
        "upload-artifact",
        *["download-artifact"] * 3,
    ]
    assert {step["with"]["name"] for step in given} == {"dist"}
    scripts = [name for name, job in jobs().items() for step in job["steps"] if "make dist" in step.get("run", "")]
    assert scripts == ["build"]


@pytest.mark.parametrize(
    ("tag", "heading", "right"),
    [
        ("v1.2.3", "## 1.2.3", True),
        ("v1.2.3", "## 1.2.3 (2030-01-02)", True),
        ("v1.2.3", "## 1.2.30", False),
        ("v1.2.3", "## 1x2.3", False),
        ("v1.2.4", "## 1.2.3", False),
        ("v1.2.3", "## Unreleased", False),
    ],
)
def test_a_tag_that_is_not_the_version_or_not_in_the_changelog_builds_nothing(tmp_path, tag, heading, right):
    """The step's own script, run."""
    (script,) = (step["run"] for step in jobs()["build"]["steps"] if "TAG" in step.get("env", {}))
    (tmp_path / "netdoctor").mkdir()
    (tmp_path / "netdoctor" / "version.py").write_text('"""Version."""\n\n__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n\n- x\n")
    argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(
        argv, cwd=tmp_path, env={**os.environ, "TAG": tag}, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode == 0) is right, done.stderr


def test_the_version_is_written_where_the_workflow_looks_for_it():
    assert f'__version__ = "{__version__}"' in (ROOT / "netdoctor" / "version.py").read_text("utf-8").splitlines()
    assert re.search(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
