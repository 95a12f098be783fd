"""Each option and argument of each verb with nonsense, and each path with what is no file: bounded time, one sentence,
the right exit status, and never a fault of our own.

A sample of the product each time; ``NETDOCTOR_NONSENSE=all``: every cell.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from fake_engine import Script, fake_engine
from hostile.attack import raw
from lies.table import picked
from migration.lab import records, server, write_export
from topology.inspects import SHAPES, stack

from netdoctor import files
from netdoctor.cli.main import cli

from .conftest import netdoctor

WHOLE = os.environ.get("NETDOCTOR_NONSENSE") == "all"
ENGINE = ("-H", "ENGINE", "--timeout", "0.3")
VERBS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "check": (ENGINE, ("app", "db:5432")),
    "lint": ((), ("compose.yaml",)),
    "explain": ((), ("ND101",)),
    "fix": (ENGINE, ("app", "db:5432", "--dry-run")),
    "undo": (ENGINE, ("--dry-run",)),
    "map": (ENGINE, ("--no-ask",)),
    "bundle": (ENGINE, ("new.bundle",)),
    "expect": (ENGINE, ()),
    "completion": ((), ("bash",)),
    "migrate": ((), ("export.json", "--to", "QDRANT", "--dry-run")),
    "vectors verify": ((), ("export.json", "--to", "QDRANT", "--ledger", "ledger")),
    "vectors export": ((), ("--from", "export.json", "-o", "new.jsonl")),
    "vectors snapshot": ((), ("list", "none", "--to", "QDRANT")),
    "vectors rollback": ((), ("export.json", "--to", "QDRANT", "--ledger", "ledger")),
    "vectors bench": ((), ("none", "--to", "QDRANT", "--rounds", "1")),
    "vectors capacity": ((), ("--dimension", "8")),
}
"""What stands before the verb and behind it. ``watch``, ``tunnel`` and ``enter`` go on until somebody ends them."""
VALUES = {
    "empty": "",
    "blank": " ",
    "huge": "x" * 1_000_000,
    "negative": "-1",
    "big": "9" * 30,
    "infinite": "1e400",
    "nan": "nan",
    "nul": "a\0b",
    "not-utf-8": "\udcff",
    "escape": "\x1b[31m\n\u202e",
    "shell": "$(touch touched); `id`",
    "url": "http://u:p@[::1",
}
PATHS = (
    "fifo",
    "/dev/zero",
    "/dev/full",
    "folder",
    "loop",
    "socket",
    "file/x",
    "a" * 300,
    "/proc/self/mem",
    "sparse",
    "/",
)
WRITTEN = ("output", "report", "save", "plot", "learn", "to_file", "plan")
TAKEN = {"file", "bundle", "expectations", "env_file", "path", "files", "export", "ledger", "api_key_file", "baseline"}
TAKEN |= {"source_key_file", "from", *WRITTEN}
"""Names of what is a path."""
SHARED_BY = "check"
"""Options that all have are asked of this verb."""


def parameters(verb: str) -> list[click.Parameter]:
    command: Any = cli
    for word in verb.split():
        command = command.get_command(click.Context(command), word)
    return [each for each in command.params if each.name not in ("help", "version")]


def cells() -> Iterator[Any]:
    usual = {each.name for each in parameters(SHARED_BY)}
    for verb in VERBS:
        for parameter in parameters(verb):
            if getattr(parameter, "is_flag", False) or getattr(parameter, "count", False):
                continue
            if verb != SHARED_BY and parameter.name in usual and isinstance(parameter, click.Option):
                continue
            values = dict(VALUES)
            if parameter.name in TAKEN:
                values |= {path[:20]: path for path in PATHS}
            for name, value in values.items():
                if WHOLE or picked(verb, str(parameter.name), name, one_in=20):
                    yield pytest.param(verb, parameter, value, id=f"{verb} {parameter.name} {name}")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home = tmp_path_factory.mktemp("home")
    with fake_engine(home / "e.sock", Script(*stack(SHAPES[0]))) as engine, server(home) as qdrant:
        yield {"ENGINE": engine, "QDRANT": qdrant.url}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    os.mkfifo("fifo")
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    Path("file").write_text("hello\n")
    os.mknod("socket", 0o140600)
    with Path("sparse").open("wb") as sparse:
        sparse.truncate(1 << 30)
    Path("compose.yaml").write_text("services: {app: {image: x}, db: {image: y}}\n")
    Path("netdoctor.yaml").write_text("version: 1\nexpectations: [app -> db:5432]\n")
    write_export(tmp_path / "export.json", records(5))
    return tmp_path


def line(verb: str, parameter: click.Parameter, value: str) -> list[str]:
    """The verb's usual line, but for that value."""
    before, usual = VERBS[verb]
    behind = list(usual)
    if isinstance(parameter, click.Option):
        for name in parameter.opts:
            if name in behind:
                at = behind.index(name)
                del behind[at : at + 2]
        option = max(parameter.opts, key=len)
        return [*before, *verb.split(), *behind, f"{option}={f'junit={value}' if option == '--report' else value}"]
    arguments = [each for each in parameters(verb) if isinstance(each, click.Argument)]
    named = [word for at, word in enumerate(behind) if word[:1] != "-" and (at == 0 or behind[at - 1][:2] != "--")]
    options = [word for word in behind if word not in named]
    at = arguments.index(parameter)
    return [*before, *verb.split(), *options, "--", *named[:at], value, *named[at + 1 :]]


@pytest.mark.parametrize(("verb", "parameter", "value"), list(cells()))
def test_it_is_one_sentence_in_bounded_time(
    here: Path, places: dict[str, str], verb: str, parameter: click.Parameter, value: str
) -> None:
    words = [places.get(word, word) for word in line(verb, parameter, value)]
    began = time.monotonic()
    ended = netdoctor(*words, env={"NETDOCTOR_STATE_DIR": str(here / "state")})
    assert time.monotonic() - began < 30
    assert ended.status in (0, 1, 2, 3), ended
    assert "itself failed" not in ended.err, ended.err
    assert ended.status != 2 or ended.err.startswith("netdoctor: ")
    assert raw(ended.err) == []
    assert len(ended.err) < 10_000
    assert not Path("touched").exists()
    assert [each.name for each in here.iterdir() if each.name.startswith(".")] == []


def test_every_verb_that_ends_by_itself_is_asked() -> None:
    asked = {verb.split()[0] for verb in VERBS}
    assert {*cli.list_commands(click.Context(cli))} - asked == {"doctor", "enter", "tunnel", "watch"}
