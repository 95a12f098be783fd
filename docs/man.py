"""The man page, from the same help: troff, as man(7) has it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from netdoctor.cli.main import cli
from netdoctor.cli.settings import Settings
from netdoctor.exits import MEANING

PAGE = Path(__file__).resolve().parent / "man" / "netdoctor.1"


def man_page() -> str:
    shared = set(Settings.__dataclass_fields__)
    root = click.Context(cli, info_name="netdoctor")
    lines = [
        '.\\" Made from the program by `make docs`; change it there.',
        '.TH NETDOCTOR 1 "" "netdoctor" "User Commands"',
        ".SH NAME",
        "netdoctor \\- find out why one container cannot reach another, fix it, and prove the fix from inside",
        ".SH SYNOPSIS",
        ".B netdoctor",
        "[\\fIOPTIONS\\fR] [\\fICOMMAND\\fR] [\\fIARGUMENTS\\fR]",
        ".SH DESCRIPTION",
        *_told(cli),
        ".SH COMMANDS",
    ]
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        assert command is not None
        lines += _command(command, f"netdoctor {name}", shared)
    lines += [".SH OPTIONS OF EVERY COMMAND", "They work before and after the command's name."]
    lines += _options(each for each in cli.params if each.name in shared)
    lines += [".SH EXIT STATUS"]
    for code, text in MEANING.items():
        lines += [".TP", f".B {int(code)}", _text(text)]
    lines += [".SH SEE ALSO", ".BR docker (1),", ".BR docker\\-compose (1)"]
    return "\n".join(lines) + "\n"


def _command(command: click.Command, name: str, shared: set[str]) -> Iterator[str]:
    words = [each.make_metavar(click.Context(command)) for each in command.params if isinstance(each, click.Argument)]
    yield f'.SS "{_text(" ".join([name, *words]))}"'
    yield from _told(command)
    yield from _options(each for each in command.params if isinstance(each, click.Option) and each.name not in shared)
    heading, _, examples = (command.epilog or "").replace("\b", "").strip().partition("\n")
    if heading == "Examples:":
        yield from (".PP", "Examples:", ".PP", ".nf", ".RS")
        yield from (_text(line) for line in textwrap.dedent(examples).strip("\n").splitlines())
        yield from (".RE", ".fi")
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for each in command.list_commands(ctx):
            found = command.get_command(ctx, each)
            assert found is not None
            yield from _command(found, f"{name} {each}", shared)


def _told(command: click.Command) -> Iterator[str]:
    for paragraph in (command.help or "").partition("\f")[0].replace("\b", "").strip().split("\n\n"):
        yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _options(options: Any) -> Iterator[str]:
    for each in options:
        names = ", ".join(f"\\fB{_text(name)}\\fR" for name in [*each.opts, *each.secondary_opts])
        flag = each.is_flag or each.count
        value = "" if flag else f" \\fI{_text(each.metavar or each.type.name.upper())}\\fR"
        variable = f" (\\fB{_text(each.envvar)}\\fR)" if each.envvar else ""
        yield from (".TP", f"{names}{value}", f"{_text(each.help or '')}{variable}")


def _text(text: str) -> str:
    """Hyphens that are typed stay hyphens, and no line begins a request."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe
