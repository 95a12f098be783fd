"""What runs on GitHub: pinned, without a right that it does not need, and with nothing of a stranger's in a script.

Held for every workflow, the action and the workflow that the docs give away, as they are parsed; and by zizmor.
"""

from __future__ import annotations

import importlib.resources
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "action.yml"
EXAMPLE = ROOT / "examples" / "ci" / "github.yml"
DEPENDABOT = ROOT / ".github" / "dependabot.yml"
OURS = sorted((ROOT / ".github" / "workflows").iterdir())
WORKFLOWS = [*OURS, EXAMPLE]
# In the example: nobody can know where a reader finds this repository, or which commit of it.
PLACEHOLDER = "OWNER/netdoctor@COMMIT"
# Their workflow comes from the default branch and has its rights, while what it is about comes from a stranger.
TRUSTED_WITH_STRANGERS = {"pull_request_target", "workflow_run", "issue_comment", "discussion_comment"}


def parsed(file: Path) -> dict[str, Any]:
    """With ``on`` as a word, which YAML 1.1 would take for a boolean."""
    found: dict[str, Any] = yaml.load(file.read_text("utf-8"), yaml.BaseLoader)
    return found


def uses(file: Path) -> Iterator[tuple[str, str]]:
    """Every ``uses:`` at any depth, with what its line says after it."""
    lines = file.read_text("utf-8").splitlines()
    stack = [yaml.compose(file.read_text("utf-8"), yaml.SafeLoader)]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.SequenceNode):
            stack += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                stack.append(value)
                if key.value == "uses":
                    yield value.value, lines[value.end_mark.line][value.end_mark.column :].strip()


def jobs(*files: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in files:
        for name, job in parsed(file)["jobs"].items():
            yield f"{file.name}: {name}", job


def steps(*files: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in jobs(*files):
        for step in job["steps"]:
            yield name, step


@pytest.mark.parametrize("file", [*WORKFLOWS, DEPENDABOT], ids=lambda file: file.name)
def test_each_is_of_its_published_schema(file):
    folder = importlib.resources.files("check_jsonschema").joinpath("builtin_schemas", "vendor")
    schema = folder.joinpath("dependabot.json" if file == DEPENDABOT else "github-workflows.json")
    text = re.sub(r"^on:", '"on":', file.read_text("utf-8"), flags=re.MULTILINE)
    jsonschema.validate(yaml.safe_load(text), json.loads(schema.read_text("utf-8")))


def test_every_action_is_one_commit_and_says_which_version_that_is():
    seen: dict[str, set[str]] = {}
    for file in [*WORKFLOWS, ACTION]:
        for used, remark in uses(file):
            if file == EXAMPLE and used == PLACEHOLDER:
                continue
            assert re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}", used), f"{file.name}: {used}"
            assert re.fullmatch(r"# v\d+\.\d+\.\d+", remark), f"{file.name}: {used} {remark}"
            name, _, commit = used.partition("@")
            seen.setdefault(name, set()).add(f"{commit} {remark}")
    assert len(seen) >= 5
    assert {name: pins for name, pins in seen.items() if len(pins) > 1} == {}


def test_no_workflow_has_a_right_by_default_and_every_job_says_its_own():
    for file in WORKFLOWS:
        assert parsed(file)["permissions"] == {}, file.name
    for name, job in jobs(*WORKFLOWS):
        assert isinstance(job["permissions"], dict), name
        assert set(job["permissions"].values()) <= {"read", "write"}, name


def test_what_runs_a_stranger_s_code_may_only_read():
    asked = [file for file in OURS if "pull_request" in parsed(file)["on"]]
    assert asked
    for name, job in jobs(*asked):
        assert job["permissions"] == {"contents": "read"}, name
        assert "environment" not in job, name


def test_what_may_write_has_none_of_this_repository_s_code():
    writers = [(name, job) for name, job in jobs(*OURS) if "write" in job["permissions"].values()]
    assert len(writers) == 3
    for name, job in writers:
        assert not [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")], name
        assert not re.search(r"\bmake\b|\bpip\b|\./", "\n".join(step.get("run", "") for step in job["steps"])), name


def test_nothing_starts_on_what_a_stranger_says_with_the_rights_of_the_house():
    for file in WORKFLOWS:
        assert not TRUSTED_WITH_STRANGERS & set(parsed(file)["on"]), file.name


def test_no_script_has_an_expression_in_it_and_no_secret_is_used():
    """Stronger than what is needed: values come by ``env``, whoever wrote them."""
    scripts = [(name, step["run"]) for name, step in steps(*WORKFLOWS) if "run" in step]
    scripts += [("action", step["run"]) for step in parsed(ACTION)["runs"]["steps"]]
    assert scripts
    for name, script in scripts:
        assert "${{" not in script, name
    for file in [*WORKFLOWS, ACTION]:
        assert not re.search(r"\bsecrets\b", file.read_text("utf-8")), file.name


def test_no_checkout_leaves_its_token_behind():
    checkouts = [step for _, step in steps(*WORKFLOWS) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


def test_everything_ends_and_nothing_piles_up():
    for name, job in jobs(*WORKFLOWS):
        assert 0 < int(job["timeout-minutes"]) <= 90, name
        assert not job["runs-on"].endswith("-latest"), name
    for file in WORKFLOWS:
        assert parsed(file)["concurrency"]["group"], file.name
    # A release that was cut off half way would be in the index and nowhere else.
    assert parsed(ROOT / ".github" / "workflows" / "release.yml")["concurrency"]["cancel-in-progress"] == "false"


def test_a_change_is_accepted_by_the_same_script_as_everywhere():
    ci = ROOT / ".github" / "workflows" / "ci.yml"
    assert set(parsed(ci)["on"]) == {"pull_request", "push"}
    assert ".ci/run" in [step.get("run") for _, step in steps(ci)]


def test_what_is_run_is_there():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for name, step in steps(*OURS):
        for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", "")):
            assert re.search(rf"^{target}:", makefile, re.M), f"{name}: {target}"
    assert (ROOT / ".ci" / "run").is_file()


def test_every_pin_is_moved_by_somebody():
    updates = parsed(DEPENDABOT)["updates"]
    places = {(each["package-ecosystem"], folder) for each in updates for folder in each["directories"]}
    known = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "*requirements*.txt"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    locked = {str(Path("/") / Path(name).parent) for name in known.stdout.split()} or {"/", "/compose/images/qdrant"}
    assert places == {("github-actions", "/"), ("github-actions", "/examples/ci"), *(("pip", at) for at in locked)}
    assert all(each["groups"] and each["cooldown"] for each in updates)


def test_zizmor_finds_nothing(tmp_path):
    """Its strictest persona, without the network; the example is judged as somebody's who has filled it in."""
    for file in [*OURS, ACTION, DEPENDABOT, EXAMPLE]:
        folder = tmp_path / ("" if file == ACTION else ".github" if file == DEPENDABOT else ".github/workflows")
        folder.mkdir(parents=True, exist_ok=True)
        filled_in = file.read_text("utf-8").replace(
            f"{PLACEHOLDER} # where", f"owner/netdoctor@{'a' * 40} # v1.2.3, where"
        )
        (folder / file.name).write_text(filled_in)
    program = Path(sys.executable).with_name("zizmor")
    argv = [str(program), "--offline", "--no-progress", "--persona=auditor", "--format=json", "."]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    found = [(each["ident"], each["locations"][0]["symbolic"]["key"]) for each in json.loads(done.stdout)]
    assert (done.returncode, found) == (0, []), done.stderr
    audited = re.findall(r"completed (\S+)", done.stderr)
    assert len(audited) == len(OURS) + 3, done.stderr
