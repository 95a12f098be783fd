"""Every example of docs/python-api.md runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2] / "docs" / "python-api.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
COMPOSE = """
services:
  app: {image: app, networks: [front], environment: {QDRANT_URL: "http://qdrant:6333"}}
  web: {image: web, networks: [front]}
  qdrant: {image: qdrant/qdrant, networks: [back]}
networks: {front: {}, back: {}}
"""


def block(*words: str) -> str:
    found = [text for text in BLOCKS if all(word in text for word in words)]
    assert len(found) == 1, words
    return found[0]


def ran(code: str, folder: Path) -> str:
    (folder / "compose.yaml").write_text(COMPOSE)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_the_examples_over_files_say_what_they_claim(tmp_path: Path) -> None:
    assert ran(block("from_compose", "report.ok"), tmp_path) == "False ['ND101']\n"
    said = ran(block("assert_isolated"), tmp_path)
    assert "share no network" in said and "fix: Connect" in said


def test_the_lazy_client_of_the_page_dials_nobody(tmp_path: Path) -> None:
    assert ran(block("LazyQdrant()") + "print(qdrant)", tmp_path) == "<LazyQdrant: not used yet>\n"


def test_the_tests_of_the_page_are_tests(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("compose.yaml").write_text(COMPOSE)
    # Files do not change, so there is nothing to wait for; the engine's example waits.
    pytester.makepyfile(block("def test_the_app_reaches").replace(", wait=30", ""))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--netdoctor-compose", "compose.yaml")
    result.assert_outcomes(passed=1, failed=1)


@pytest.mark.docker
def test_the_first_example_asks_an_engine(lab: Any, tmp_path: Path) -> None:
    net = lab.network()
    server = ["busybox", "httpd", "-f", "-p", "6333"]
    app = lab.container("busybox", networks=[net], word="app")
    qdrant = lab.container("busybox", networks=[net], word="qdrant", command=server)
    lab.wait_for_listener(qdrant, 6333)
    code = block('"qdrant:6333/healthz")', "render").replace('"app"', f'"{app.name}"')
    said = ran(code.replace('"qdrant:', f'"{qdrant.name}:') + "print(report.edges[0].label)", tmp_path)
    assert f"{app.name} -> {qdrant.name}:6333/healthz" in said
    assert "404" in said  # this web server has no such page, and the page prints what it found


def test_every_example_is_run_by_a_test_here() -> None:
    assert len(BLOCKS) == 5
