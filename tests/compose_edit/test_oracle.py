"""Compose as the judge, played by a small program, and by the real one where it is installed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from netdoctor.compose_edit import plan_join
from netdoctor.compose_edit.oracle import Verdict, compare

FILE = b"services:\n  web:\n    image: busybox\n    environment:\n      TOKEN: s3cret\n  db:\n    image: busybox\n"

# Reads the compose file on standard input and prints it, as `config` does; rejects a file that says so.
PLAYED = """
import sys
data = sys.stdin.read()
assert sys.argv[1] == "--project-directory" and "-f" in sys.argv and sys.argv[-1] == "config", sys.argv
if "rejected: everywhere" in data or ("rejected: old" in data and "external" not in data):
    sys.exit("invalid compose project")
if "rejected: new" in data and "external" in data:
    sys.exit("invalid compose project")
if "meddling" in data and "external" in data:
    data = data.replace("TOKEN: s3cret", "TOKEN: other")
sys.stdout.write(data)
"""


def _compare(folder: Path, before: bytes, after: bytes | None = None, service: str = "web") -> tuple[Verdict, str]:
    program = folder / "played.py"
    program.write_text(PLAYED)
    (folder / "compose.yml").write_bytes(before)
    new = plan_join(before, "web", "shared").result if after is None else after
    opinion = compare(
        [sys.executable, str(program)],
        folder,
        ["compose.yml"],
        "compose.yml",
        new,
        service=service,
        network="shared",
    )
    assert "s3cret" not in opinion.detail
    return opinion.verdict, opinion.detail


def test_the_intended_difference_is_agreed_to(tmp_path: Path) -> None:
    assert _compare(tmp_path, FILE)[0] is Verdict.AGREES


def test_a_membership_that_is_missing_is_seen(tmp_path: Path) -> None:
    assert _compare(tmp_path, FILE, FILE)[0] is Verdict.DIFFERS


def test_a_forgotten_default_is_seen(tmp_path: Path) -> None:
    wrong = plan_join(FILE, "web", "shared").result.replace(b"      - default\n", b"")
    verdict, detail = _compare(tmp_path, FILE, wrong)
    assert verdict is Verdict.DIFFERS
    assert "networks of service 'web'" in detail


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"TOKEN: s3cret", b"TOKEN: s3cre"), (b"  db:\n", b"  db:\n    networks: [shared]\n"), (b"  db:", b"  dc:")],
)
def test_anything_else_that_changed_is_seen(tmp_path: Path, old: bytes, new: bytes) -> None:
    result = plan_join(FILE, "web", "shared").result
    assert _compare(tmp_path, FILE, result.replace(old, new))[0] is Verdict.DIFFERS


def test_what_compose_itself_makes_of_the_edit_counts(tmp_path: Path) -> None:
    assert _compare(tmp_path, b"# meddling\n" + FILE)[0] is Verdict.DIFFERS
    assert _compare(tmp_path, b"# rejected: new\n" + FILE)[0] is Verdict.DIFFERS
    assert _compare(tmp_path, b"# rejected: old\n" + FILE)[0] is Verdict.REPAIRED
    assert _compare(tmp_path, b"# rejected: everywhere\n" + FILE)[0] is Verdict.UNKNOWN


def test_a_command_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_bytes(FILE)
    opinion = compare(
        [str(tmp_path / "missing")],
        tmp_path,
        ["compose.yml"],
        "compose.yml",
        plan_join(FILE, "web", "shared").result,
        service="web",
        network="shared",
    )
    assert opinion.verdict is Verdict.UNKNOWN


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose on PATH")
@pytest.mark.parametrize(
    "text",
    [
        FILE,
        FILE.replace(b"\n", b"\r\n"),
        FILE.rstrip(),
        b"version: '3'\n" + FILE + b"networks:\n  a:\n    driver: bridge\n",
        FILE.replace(b"  db:", b"    networks:\n      default:\n        aliases: [w]\n  db:"),
    ],
)
def test_the_installed_compose_agrees(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_bytes(text)
    edit = plan_join(text, "web", "shared")
    opinion = compare(
        ["docker-compose"],
        tmp_path,
        ["compose.yml"],
        "compose.yml",
        edit.result,
        service=edit.service,
        network="shared",
    )
    assert opinion.verdict is Verdict.AGREES, opinion.detail
