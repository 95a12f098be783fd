"""The GitHub action: fits GitHub's schema, builds no script from inputs, and its steps do in a shell what they say."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from conftest import missing
from formats.test_sarif import SCHEMA as SARIF

from .kit import ROOT, misuse, program

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
SHOP = """\
services:
  app:
    image: shop/app:1
    environment:
      DATABASE_URL: postgres://db:5432/shop
    networks: [front]
  db:
    image: postgres:16
networks:
  front:
"""
FIXED = SHOP.replace("[front]", "[front, default]")


def vendored(name: str) -> dict:
    folder = importlib.resources.files("check_jsonschema").joinpath("builtin_schemas", "vendor")
    return json.loads(folder.joinpath(f"{name}.json").read_text("utf-8"))


def test_it_fits_githubs_schema_of_an_action():
    jsonschema.validate(ACTION, vendored("github-actions"))


def test_the_workflow_to_paste_fits_githubs_schema_and_uses_inputs_that_exist():
    text = (ROOT / "examples" / "ci" / "github.yml").read_text()
    workflow = yaml.safe_load(text.replace("\non:", '\n"on":'))  # a word, which YAML 1.1 takes for a boolean
    jsonschema.validate(workflow, vendored("github-workflows"))
    (step,) = [each for each in workflow["jobs"]["lint"]["steps"] if "/netdoctor@" in each.get("uses", "")]
    assert set(step["with"]) <= set(ACTION["inputs"])
    used = re.findall(r"steps\.netdoctor\.outputs\.([\w-]+)", text)
    assert used
    assert set(used) <= set(ACTION["outputs"])


def test_no_input_is_part_of_a_scripts_text():
    for step in STEPS.values():
        assert step["shell"] == "bash"
        assert not EXPRESSION.search(step["run"])
        for value in step["env"].values():
            assert EXPRESSION.fullmatch(value)


def test_every_input_is_used_and_every_used_one_exists():
    used = {
        found.removeprefix("inputs.")
        for step in STEPS.values()
        for value in step["env"].values()
        for found in EXPRESSION.findall(value)
        if found.startswith("inputs.")
    }
    assert used == set(ACTION["inputs"])
    assert all(each["description"] for each in ACTION["inputs"].values())


@pytest.mark.parametrize("name", STEPS)
def test_the_scripts_are_clean_for_shellcheck(name, tmp_path):
    script = tmp_path / "step.sh"
    script.write_text("#!/usr/bin/env bash\n" + STEPS[name]["run"])
    try:
        found = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("there is no shellcheck here")
    assert found.stdout == ""


class Runner:
    """As GitHub's runner: a workspace, files for outputs and summary, inputs with their defaults."""

    def __init__(self, folder: Path) -> None:
        self.source = ROOT
        self.workspace = folder / "workspace"
        self.temp = folder / "temp"
        self.output, self.summary = folder / "output", folder / "summary"
        self.workspace.mkdir()
        self.temp.mkdir()

    def run(self, step: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        values = {f"inputs.{name}": value for name, value in given.items()} | {"github.action_path": str(self.source)}
        script = self.temp / "script.sh"
        script.write_text(STEPS[step]["run"])
        environment = {key: value for key, value in os.environ.items() if not key.startswith("NETDOCTOR_")}
        environment |= {
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            **{key: values[EXPRESSION.fullmatch(value)[1]] for key, value in STEPS[step]["env"].items()},
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace, env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())


@pytest.fixture
def runner(tmp_path) -> Runner:
    """With this checkout where the first step would have installed it."""
    made = Runner(tmp_path)
    program(made.temp / "netdoctor" / "venv" / "bin")
    return made


def commands(stdout: str) -> list[str]:
    """What the runner obeys: lines that start with ``::``, outside of a stopped part."""
    found, stopped = [], ""
    for line in stdout.splitlines():
        if stopped:
            stopped = "" if line == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
        elif line.lstrip().startswith("::"):
            found.append(line)
    assert not stopped
    return found


RUN = "Run netdoctor"


def test_a_contradiction_fails_the_step_and_stands_in_every_report(runner):
    (runner.workspace / "compose.yaml").write_text(SHOP)
    done = runner.run(RUN, arguments="compose.yaml\n", junit="out.xml")
    assert done.returncode == 1, done.stderr
    assert runner.outputs() == {"status": "1", "sarif": "netdoctor.sarif"}
    sarif = json.loads((runner.workspace / "netdoctor.sarif").read_text())
    SARIF.validate(sarif)
    result = sarif["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "compose.yaml"
    assert commands(done.stdout)[0].startswith("::error file=compose.yaml,line=")
    assert runner.summary.read_text().startswith("<!-- netdoctor -->\n### netdoctor: these files contradict")
    assert "<failure" in (runner.workspace / "out.xml").read_text()
    assert result["ruleId"] in done.stdout


def test_files_without_contradiction_pass(runner):
    (runner.workspace / "compose.yaml").write_text(FIXED)
    done = runner.run(RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert commands(done.stdout) == []
    assert runner.outputs()["status"] == "0"


def test_report_only_reports_and_passes(runner):
    (runner.workspace / "compose.yaml").write_text(SHOP)
    done = runner.run(RUN, report_only="true", sarif="", summary="false", annotations="false")
    assert (done.returncode, runner.outputs()) == (0, {"status": "0"})
    assert not runner.summary.exists()
    assert commands(done.stdout) == []
    assert list(runner.workspace.iterdir()) == [runner.workspace / "compose.yaml"]


def test_further_options_are_words_of_their_own(runner):
    (runner.workspace / "compose.yaml").write_text(SHOP)
    assert runner.run(RUN, options="--only\nND999\n").returncode == 2
    assert runner.run(RUN, options="--only\nND602").returncode == 0


@pytest.mark.parametrize("word", ["$(touch pwned)", "`touch pwned`", "; touch pwned", "'; touch pwned; '", "--bogus"])
def test_no_input_is_ever_run_as_a_command(runner, word):
    for given in ({"arguments": word}, {"options": word}, {"sarif": word}, {"wait": word}, {"fail_on": word}):
        runner.run(RUN, **given)
        assert not (runner.workspace / "pwned").exists()
    done = runner.run(RUN, command=word)
    assert (done.returncode, commands(done.stdout)) == (2, ["::error title=netdoctor::command must be lint or check"])


def test_what_files_say_is_never_read_as_a_command_to_the_runner(runner):
    text = SHOP.replace("shop/app:1", '"::error::a"').replace(
        "networks: [front]", 'networks: [front]\n    container_name: "::x"'
    )
    (runner.workspace / "::warning::.yaml").write_text(text)
    done = runner.run(RUN, arguments="::warning::.yaml")
    assert "::warning::.yaml" in done.stdout
    assert all(re.match(r"::(error|warning|notice) (file=|title=)", each) for each in commands(done.stdout))


def test_an_error_of_netdoctor_is_told_everywhere(runner):
    done = runner.run(RUN, command="check", arguments="app\nqdrant", options="--host\nunix:///nonexistent.sock")
    assert done.returncode == 3
    (annotation,) = commands(done.stdout)
    assert annotation.startswith("::error title=netdoctor ND902::")
    assert "could not look" in runner.summary.read_text()
    sarif = json.loads((runner.workspace / "netdoctor.sarif").read_text())
    assert sarif["runs"][0]["invocations"][0]["exitCode"] == 3


@pytest.mark.slow
def test_the_first_step_installs_what_the_second_runs(tmp_path):
    """For real: an environment of its own, everything locked and hashed."""
    runner = Runner(tmp_path)
    # A build leaves files beside the source: not in this checkout.
    runner.source = tmp_path / "source"
    shutil.copytree(ROOT / "netdoctor", runner.source / "netdoctor", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs" / "man", runner.source / "docs" / "man")
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.txt", "requirements-build.txt"):
        shutil.copy(ROOT / name, runner.source)
    done = runner.run("Install netdoctor")
    if done.returncode != 0 and "No matching distribution" in done.stderr:
        missing(f"no package index in reach: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    (runner.workspace / "compose.yaml").write_text(SHOP)
    done = runner.run(RUN)
    assert done.returncode == 1, done.stderr
    assert commands(done.stdout)[0].startswith("::error file=compose.yaml,line=")
    assert runner.outputs()["status"] == "1"


def test_the_options_it_uses_exist():
    words = re.findall(r"(?<=[( ])--[a-z][a-z-]+", STEPS[RUN]["run"])
    assert {"--fail-on", "--wait", "--exit-zero", "--report"} <= set(words)
    for word in set(words):
        wrong = list(misuse(["check", word]))
        assert wrong in ([], [f"{word} has no value"])
