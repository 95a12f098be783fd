"""Files that we are given and files that we write: nothing is run, nothing is followed where it should not be."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli.conftest import in_a_child, netdoctor, settings

from netdoctor.files import write_whole
from netdoctor.fixes.store import JournalError, Store

from .attack import MARK, SECRET, raw

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
ESCAPED = f"x\\e[31m\\u202e\\L::error::<script>`$(touch {MARK})`%s{{0}}"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        BOMB + "services: {s: {image: x, environment: *i}}\n",
        "services: " + "[" * 20_000,
        f'services: !!python/object/apply:os.system ["touch {MARK}"]\n',
        f'services: {{"{ESCAPED}": {{image: x, depends_on: ["{ESCAPED}2"]}}}}\n',
        "services: {a: {image: x, ports: ['" + "9" * 6000 + ":80']}}\n",
        "include: [/dev/zero]\nservices: {a: {image: x}}\n",
        "services: {a: {image: x, extends: {file: /dev/zero, service: a}}}\n",
        "services: {a: {image: '${" + "A:-${" * 3000 + "}'}}\n",
        "services: &s {a: *s}\n",
        "services: {a: {image: x\0}}\n",
    ],
    ids=["bomb", "deep", "tag", "names", "digits", "include", "extends", "interpolate", "itself", "nul"],
)
def test_a_compose_file_that_is_none_is_one_sentence(here, text):
    (here / "compose.yaml").write_text(text, "utf-8")
    for form in ("human", "json", "github"):
        ended = netdoctor("lint", "compose.yaml", "--format", form)
        assert (ended.status, raw(ended.out), raw(ended.err)) == (2, [], [])
        assert len(ended.err) < 5_000
    assert [each.name for each in here.iterdir()] == ["compose.yaml"]


def test_a_compose_file_with_hostile_names_is_linted_harmlessly(here):
    text = (
        f'services:\n  app:\n    image: "x/{ESCAPED}"\n    labels: ["{ESCAPED}"]\n    networks: [one]\n'
        f'    environment: {{DB_URL: "http://db:80/{ESCAPED}", "{ESCAPED}": x, REDIS_PASSWORD: {SECRET},\n'
        f"      RAW_URL: 'postgres://u:p@{SECRET}/x@db:5432/y'}}\n"
        f"    healthcheck: {{test: [CMD, redis-cli, -h, localhost, -a, {SECRET}, ping]}}\n"
        f'  db:\n    image: postgres\n    networks: [two]\nnetworks: {{one: {{name: "{ESCAPED}"}}, two: {{}}}}\n'
    )
    (here / "compose.yaml").write_text(text, "utf-8")
    for form in ("human", "json", "jsonl", "junit", "sarif", "github", "markdown", "prometheus"):
        ended = netdoctor("lint", "compose.yaml", "--format", form)
        assert ended.status in (1, 2), ended
        assert (raw(ended.out), raw(ended.err)) == ([], [])
        assert SECRET not in ended.out + ended.err
    assert not (here / MARK).exists()


def test_a_password_with_both_an_at_and_a_slash_is_told_without_a_part_of_it(here):
    text = f"services:\n  app:\n    image: x\n    environment: {{DB_URL: 'postgres://u:p@{SECRET}/x@db:5432/y'}}\n"
    (here / "compose.yaml").write_text(f"{text}  db: {{image: postgres}}\n", "utf-8")
    ended = netdoctor("lint", "compose.yaml")
    assert ended.status == 1
    assert "ND602" in ended.out
    assert SECRET not in ended.out


@pytest.mark.parametrize(
    "text", [BOMB, "[" * 20_000, "\0\0", "version: " + "9" * 6000, "expectations: &a [*a]", f'"{ESCAPED}": 1']
)
def test_a_file_of_expectations_that_is_none_is_one_sentence(here, text):
    (here / "netdoctor.yaml").write_text(text, "utf-8")
    ended = netdoctor("expect")
    assert (ended.status, raw(ended.err)) == (2, [])
    assert len(ended.err) < 5_000


def test_a_link_in_the_journals_place_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    for name in ("lock", "journal.jsonl"):
        folder = tmp_path / f"state-{name}"
        folder.mkdir()
        (folder / name).symlink_to(victim)
        store = Store(folder, "E")
        with pytest.raises(JournalError), store.locked():
            store.append({"a": 1})
        assert victim.read_text() == "theirs"


def test_a_journal_nested_too_deeply_is_one_sentence(tmp_path):
    (tmp_path / "journal.jsonl").write_text("[" * 100_000 + "\n")
    with pytest.raises(JournalError, match="damaged"):
        Store(tmp_path, "E").read()


def test_an_engine_cannot_choose_the_journals_folder():
    from netdoctor.fixes.store import state_folder

    base = Path("/base")
    for id_ in ("../../etc", "/etc/passwd", "\0", "..", "a" * 5000):
        found = state_folder(id_, {"NETDOCTOR_STATE_DIR": str(base)}, root=True)
        assert found.parent == base
        assert ".." not in found.name
        assert len(found.name) <= 100


def test_a_file_that_is_written_keeps_its_mode_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "secret.json"
    path.touch(0o600)
    write_whole(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(OSError):
        write_whole(tmp_path / "no" / "such", "x")
    assert [each.name for each in tmp_path.iterdir()] == ["secret.json"]


def test_closed_streams_change_no_exit_status():
    for closing, status in (("2>&-", 2), ("<&- 2>&- >&-", 2)):
        shell = f'exec {closing}; exec "$@"'
        argv = ["sh", "-c", shell, "sh", sys.executable, "-m", "netdoctor", "explain", "ND999"]
        done = subprocess.run(argv, capture_output=True, timeout=60, check=False, env=settings())
        assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


def test_a_variable_of_paths_is_split_at_colons_and_not_at_blanks(here):
    folder = here / "a b"
    folder.mkdir()
    for name in ("one.yaml", "two.yaml"):
        (folder / name).write_text(f"services: {{{name[:3]}: {{image: x}}}}\n")
    both = os.pathsep.join(str(folder / name) for name in ("one.yaml", "two.yaml"))
    ended = in_a_child("lint", env={"NETDOCTOR_FILE": both})
    assert ended.status == 0
    assert ended.out.startswith("2 services")
