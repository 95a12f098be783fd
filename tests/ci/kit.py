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


def verbs() -> list[str]:
    """Every verb, with ``vectors verify`` and the like."""
    from netdoctor.cli.main import cli

    return [*_below(cli, "")]


def _below(group: click.Group, name: str) -> Iterator[str]:
    ctx = click.Context(group)
    for each in group.list_commands(ctx):
        command = group.get_command(ctx, each)
        yield f"{name} {each}".strip()
        if isinstance(command, click.Group):
            yield from _below(command, each)


def options(command: click.Command) -> dict[str, bool]:
    """Each option of a command, long and short, and whether it takes a value."""
    found = {"--help": False, "-h": False}
    for each in command.params:
        if isinstance(each, click.Option):
            # An option with a value that may be left out takes the next word only when it is no option; so may we.
            takes = not (each.is_flag or each.count or each._flag_needs_value)
            found |= dict.fromkeys([*each.opts, *each.secondary_opts], takes)
    return found


def misuse(words: list[str]) -> Iterator[str]:
    """What is wrong with ``netdoctor WORDS``: a verb or an option that does not exist, an option without its value."""
    from netdoctor.cli.main import cli

    command: click.Command = cli
    known = {**options(cli), "--version": False}
    waiting = False
    for word in words:
        name, equals, _ = word.partition("=")
        if re.fullmatch(r"-[A-Za-z].+", name):
            name, equals = name[:2], "="
        if waiting:
            waiting = False
        elif word == "--":
            return
        elif word.startswith("-") and len(word) > 1:
            if name not in known:
                yield f"{command.name if command is not cli else 'netdoctor'} has no option {name}"
            waiting = known.get(name, False) and not equals
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                yield f"there is no verb {word}"
                return
            command, known = found, options(found)
    if waiting:
        yield f"{words[-1]} has no value"


def calls(script: str) -> list[list[str]]:
    """The words of every ``netdoctor`` call in a shell script, continued lines joined."""
    found = []
    for line in script.replace("\\\n", " ").splitlines():
        if re.match(r"\s*(-\s+)?netdoctor\s", line):
            words = shlex.split(line.strip().removeprefix("- "), comments=True)[1:]
            ends = [at for at, word in enumerate(words) if word in ("|", ">", "&&", "||", ";")]
            found.append(words[: min(ends, default=len(words))])
    return found
