"""The GitLab pipeline: fits GitLab's schema, and calls netdoctor as netdoctor can be called."""

from __future__ import annotations

import jsonschema
import yaml

from .kit import ROOT, calls, misuse
from .test_action import vendored

FILE = ROOT / "examples" / "ci" / "gitlab.yml"
PIPELINE = yaml.safe_load(FILE.read_text())


def test_it_fits_gitlabs_schema():
    schema = vendored("gitlab-ci")
    jsonschema.validators.validator_for(schema)(schema).validate(PIPELINE)


def test_every_call_uses_verbs_and_options_that_exist():
    found = calls(FILE.read_text())
    assert [words[0] for words in found] == ["lint", "check"]
    for words in found:
        assert list(misuse(words)) == []


def test_the_reports_that_are_kept_are_the_reports_that_are_written():
    jobs = [job for name, job in PIPELINE.items() if name.startswith("netdoctor-")]
    assert len(jobs) == 2
    for job in jobs:
        assert f"--report junit={job['artifacts']['reports']['junit']}" in job["script"][-1]
        assert job["artifacts"]["when"] == "always"
        assert job["stage"] in PIPELINE["stages"]
        assert job["extends"] in PIPELINE
