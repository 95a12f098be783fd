"""The documentation says what the program does: made from it where that can be, run or parsed where it cannot.

``make docs`` writes the generated pages anew; NETDOCTOR_UPDATE_DOCS=1 what the tutorial and the CI page show as output.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from ci.kit import calls, misuse, verbs
from test_readme import run, steady

from netdoctor.formats.interface import FORMATS
from netdoctor.rules._pages import pages

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
UPDATE = os.environ.get("NETDOCTOR_UPDATE_DOCS") == "1"
FENCE = re.compile(r"^(?P<ticks>```+)(?P<language>\w*)\n(?P<text>.*?)^(?P=ticks)$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^```console\n(?P<text>\$ .*?)^```$", re.MULTILINE | re.DOTALL)
STARTED = re.compile(r"^(\s*)(?:sudo |(?:uvx|docker run) .*[ ])(?=netdoctor )", re.MULTILINE)
"""What stands before netdoctor where something else starts it; of several, the container's name comes last."""
AS_ROOT = 'sudo "$(command -v netdoctor)" '
"""How root starts one that sudo would not find."""
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, *languages: str) -> list[str]:
    return [each["text"] for each in FENCE.finditer(path.read_text("utf-8")) if each["language"] in languages]


# --- made from the program -----------------------------------------------------------------------------------------


def test_making_the_docs_again_changes_nothing():
    assert [name(path) for path in GENERATOR.stale()] == [], "run: make docs"


def test_every_code_has_its_page_and_every_page_its_code():
    codes = {page.code.lower() for page in pages()}
    assert {path.stem for path in (DOCS / "codes").glob("*.md")} == codes
    index = (DOCS / "codes.md").read_text("utf-8")
    assert set(re.findall(r"\(codes/(nd\d{3})\.md\)", index)) == codes


def test_every_page_of_a_code_has_all_sections_and_every_word_of_its_docstring():
    for page in pages():
        text = (DOCS / "codes" / f"{page.code.lower()}.md").read_text("utf-8").replace("\\", "")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [heading for heading, _ in page.sections]
        said = set(re.findall(r"\w+", text))
        for _, section in page.sections:
            assert set(re.findall(r"\w+", section)) <= said, page.code


def test_every_verb_and_every_option_is_documented():
    text = (DOCS / "commands.md").read_text("utf-8")
    assert re.findall(r"^###? netdoctor (.+)$", text, re.MULTILINE) == verbs()
    assert {"check", "lint", "explain"} <= set(verbs())
    for option in ("--wait", "--fail-on", "--exit-zero", "--report", "--env-file", "--bundle"):
        assert f"`{option}`" in text


def test_every_format_is_documented():
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "formats.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows[: len(FORMATS.names())]) == set(FORMATS.names())


def test_the_metrics_that_are_documented_are_the_metrics_that_are_written():
    golden = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "golden").glob("*.prometheus"))
    written = set(re.findall(r"^(netdoctor_\w+)", golden, re.MULTILINE))
    assert set(re.findall(r"`(netdoctor_\w+)`", (DOCS / "formats.md").read_text("utf-8"))) == written


def test_the_published_schema_is_linked_and_every_field_of_it_is_listed():
    text = (DOCS / "report.md").read_text("utf-8")
    schema = json.loads((ROOT / "netdoctor" / "formats" / "report-1.schema.json").read_text("utf-8"))
    assert "(../netdoctor/formats/report-1.schema.json)" in text
    for part in (schema, *schema["$defs"].values()):
        for each in (part, *part.get("oneOf", ())):
            assert all(f"`{field}`" in text for field in each.get("properties", {}))


# --- links and examples --------------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_internal_link_leads_somewhere(path):
    for found in LINK.finditer(FENCE.sub("", path.read_text("utf-8"))):
        to, _, anchor = found["to"].partition("#")
        if re.match(r"[a-z]+:", to):
            continue
        target = (path.parent / to) if to else path
        assert target.exists(), f"{found['to']} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{found['to']} has no such heading"


def test_every_page_is_reached_from_the_index():
    seen, todo = set(), [DOCS / "index.md"]
    while todo:
        path = todo.pop()
        if path in seen or not path.is_file() or path.suffix != ".md":
            continue
        seen.add(path)
        todo += [
            (path.parent / each["to"].partition("#")[0]).resolve() for each in LINK.finditer(path.read_text("utf-8"))
        ]
    assert {path for path in PAGES if DOCS in path.parents} <= seen


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_call_of_netdoctor_in_an_example_is_one_that_it_understands(path):
    text = path.read_text("utf-8")
    scripts = [each.replace("$ netdoctor", "netdoctor") for each in blocks(path, "sh", "console", "yaml")]
    scripts += ["\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))]
    scripts = [STARTED.sub(r"\1", each.replace("\\\n", " ").replace(AS_ROOT, "netdoctor ")) for each in scripts]
    for words in (words for script in scripts for words in calls(script)):
        if path.name == "commands.md" and any(word.isupper() or word.startswith("[") for word in words):
            continue  # a usage line
        assert list(misuse(words)) == [], words


def test_a_call_that_something_else_starts_is_found_too():
    started = "sudo netdoctor enter a\nuvx --from x netdoctor lint\ndocker run -v netdoctor:/x netdoctor fix a b"
    assert calls(STARTED.sub(r"\1", started)) == [["enter", "a"], ["lint"], ["fix", "a", "b"]]


def test_the_examples_are_there_to_be_checked():
    found = [
        words for path in PAGES for each in blocks(path, "sh", "console") for words in calls(each.replace("$ ", ""))
    ]
    assert len(found) > 30


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_yaml_block_is_yaml(path):
    for text in blocks(path, "yaml"):
        assert yaml.safe_load(text)


# --- what is shown is what is printed ------------------------------------------------------------------------------


def shown(page: Path, answer) -> None:
    """Each ``$ command`` of the page's console blocks, with its output, against ``answer(command)``."""
    text = page.read_text("utf-8")
    said: dict[int, str] = {}
    for found in SHOWN.finditer(text):
        commands = [part for part in re.split(r"^(?=\$ )", found["text"], flags=re.MULTILINE) if part]
        outputs = [
            (part.partition("\n")[0], part.partition("\n")[2], answer(part.partition("\n")[0][2:])) for part in commands
        ]
        if not UPDATE:
            for command, told, real in outputs:
                assert steady(told) == steady(real), command
        said[found.start()] = "".join(f"{command}\n{real}" for command, _, real in outputs)
    assert said
    if UPDATE:
        page.write_text(SHOWN.sub(lambda found: f"```console\n{said[found.start()]}```", text), "utf-8")


def netdoctor(command: str, cwd: Path, **env: str) -> str:
    words = shlex.split(command)
    assert words[0] == "netdoctor"
    done = run(sys.executable, "-m", "netdoctor", *words[1:], cwd=cwd, env={"PYTHONPATH": str(ROOT), **env})
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_the_worked_example_of_the_gate_prints_what_the_page_shows():
    shown(DOCS / "ci.md", lambda command: netdoctor(command, ROOT))


def test_the_worked_example_is_mended_as_the_page_says(tmp_path):
    text = (ROOT / "examples" / "ci" / "shop" / "compose.yaml").read_text("utf-8")
    (tmp_path / "compose.yaml").write_text(text)
    assert "ND1" in netdoctor("netdoctor lint", tmp_path)
    (tmp_path / "compose.yaml").write_text(text.replace("networks: [front]", "networks: [front, default]"))
    assert "ND" not in netdoctor("netdoctor lint", tmp_path)


TUTORIAL = DOCS / "tutorial.md"
NAMES = ("api", "web", "api_default", "web_default")


@pytest.fixture
def stacks(engine, plain_names, tmp_path) -> Iterator[Path]:
    """The tutorial's compose files, each in its folder, with the lab's images."""
    taken = [each for each in NAMES if run("docker", "inspect", each).returncode == 0]
    if taken:
        pytest.skip(f"this engine has something named {taken[0]} already")
    assert run(str(ROOT / "compose" / "images" / "build.sh"), "busybox", "python").returncode == 0
    text = TUTORIAL.read_text("utf-8")
    files = re.findall(r"^`(\w+/compose\.yaml)`:\n\n```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [path for path, _ in files] == ["api/compose.yaml", "web/compose.yaml"]
    for path, content in files:
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(content)
    try:
        yield tmp_path
    finally:
        run("docker", "rm", "-f", "-v", "web", "api")
        run("docker", "network", "rm", "web_default", "api_default")


@pytest.mark.docker
def test_the_tutorial_prints_what_it_shows(stacks, tmp_path):
    images = {"BUSYBOX_IMAGE": "netdoctor-lab/busybox:1", "PYTHON_IMAGE": "netdoctor-lab/python:1"}
    compose = run(str(ROOT / "compose" / "compose.sh"), "--which").stdout.split()

    def answer(command: str) -> str:
        if command.startswith("docker compose "):
            done = run(*compose, *shlex.split(command)[2:], cwd=stacks, env=images)
            assert done.returncode == 0, done.stderr
            return ""
        state = {"NETDOCTOR_STATE_DIR": str(tmp_path / "state"), **images}
        return netdoctor(command, stacks, **state).replace(str(stacks), "/srv")

    shown(TUTORIAL, answer)
    assert run("docker", "inspect", "web").returncode != 0


def test_make_has_one_command_for_it():
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    command = ["make", "--no-print-directory", "-n", "docs"]
    # Under a make that runs the tests, its flags would come along.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines()[-1].endswith("python docs/generate.py")
