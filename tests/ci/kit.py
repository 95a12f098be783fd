"""What the tests of the CI examples share: netdoctor on a PATH, options as the program has them."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]


def program(folder: Path) -> Path:
    """A ``netdoctor`` that runs this checkout."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "netdoctor"
    file.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m netdoctor "$@"\n'
    )
    file.chmod(0o755)
    return file


def verbs() -> dict[str, click.Command]:
    """Every verb; the program itself under the empty name."""
    from netdoctor.cli.main import cli

    ctx = click.Context(cli)
    named = {name: cli.get_command(ctx, name) for name in cli.list_commands(ctx)}
    return {"": cli, **{name: command for name, command in named.items() if command is not None}}


def options(verb: str) -> dict[str, bool]:
    """Each option of a verb, long and short, and whether it takes a value."""
    found = {"--help": False, "-h": False}
    for each in verbs()[verb].params:
        if isinstance(each, click.Option):
            takes = not (each.is_flag or each.count)
            found |= dict.fromkeys([*each.opts, *each.secondary_opts], takes)
    return found


def misuse(words: list[str]) -> Iterator[str]:
    """What is wrong with ``netdoctor WORDS``: a verb or an option that does not exist, an option without its value."""
    verb, known = "", {**options(""), "--version": False}
    waiting = False
    for word in words:
        if waiting:
            waiting = False
        elif word == "--":
            return
        elif word.startswith("-") and len(word) > 1:
            name, equals, _ = word.partition("=")
            if re.fullmatch(r"-[a-z]{2,}", name):
                name = name[:2]
            if name not in known:
                yield f"{verb or 'netdoctor'} has no option {name}"
            waiting = known.get(name, False) and not equals and len(word) > 1 and name == word
        elif not verb:
            if word not in verbs():
                yield f"there is no verb {word}"
                return
            verb, known = word, options(word)
    if waiting:
        yield f"{words[-1]} has no value"


def calls(script: str) -> list[list[str]]:
    """The words of every ``netdoctor`` call in a shell script, continued lines joined."""
    found = []
    for line in script.replace("\\\n", " ").splitlines():
        if re.match(r"\s*(-\s+)?netdoctor\s", line):
            found.append(shlex.split(line.strip().removeprefix("- "), comments=True)[1:])
    return found
