"""Options that work before and after the verb, and as ``NETDOCTOR_*`` variables."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

CODE_SHAPE = "ND101"


class Seconds(click.FloatRange):
    """A number of seconds that somebody can wait: click's own range takes "nan", and "inf" where it has no end."""

    MOST = 1_000_000.0
    """Eleven days; no timer of a system takes more than twice that."""

    def __init__(self, least: float = 0.0, most: float = MOST) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return found

    def _describe_range(self) -> str:
        """Where the end is only there so that there is one, help says nothing of it."""
        return f"x>={self.min:g}" if self.max == self.MOST else super()._describe_range()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the shared options say, defaults filled in."""

    host: str | None = None
    context: str | None = None
    format: str = "human"
    report: tuple[str, ...] = ()
    output: str | None = None
    file: tuple[str, ...] = ()
    timeout: float = 4.0
    wait: float = 0.0
    vantage: str = "auto"
    pull: str = "never"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    fail_on: str = "error"
    exit_zero: bool = False
    quiet: int = 0
    verbose: int = 0
    color: str = "auto"


class NamedFile(click.Path):
    """The path of a file that has a name: others are put beside it, under names made from its own."""

    def __init__(self) -> None:
        from pathlib import Path

        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found: Any = super().convert(value, param, ctx)
        if found.name in ("", ".."):
            self.fail(f"{value!r} names no file.", param, ctx)
        return found


def _option(*names: str, **how: Any) -> Callable[[F], F]:
    """Every shared option defaults to None here, so that "not given" is told apart from "given"."""
    variable = f"NETDOCTOR_{names[0].lstrip('-').replace('-', '_').upper()}"
    return click.option(*names, envvar=variable, show_envvar=True, **{"default": None, **how})


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _option("--host", "-H", metavar="URL", help="Engine to talk to, like ssh://user@host."),
    _option("--context", metavar="NAME", help="Docker context to use."),
    _option(
        "--format",
        metavar="FORMAT",
        help="How to print the report: human (default), json, jsonl, junit, sarif, github, markdown, prometheus.",
    ),
    _option(
        "--report", multiple=True, metavar="FORMAT=PATH", help="Write the report in a further format too; repeatable."
    ),
    _option("--output", "-o", metavar="PATH", help="Write the report to a file instead of stdout."),
    # A path: its variable is split at colons, as PATH is, and not at blanks.
    _option(
        "--file",
        "-f",
        multiple=True,
        type=click.Path(),
        metavar="PATH",
        help="Compose file, as in Compose; repeatable.",
    ),
    _option("--timeout", type=Seconds(0.1, 600), metavar="SECONDS", help="For each single question (default 4)."),
    _option("--wait", type=Seconds(0, 86400), metavar="SECONDS", help="Ask again until all holds, this long."),
    _option("--vantage", metavar="KIND", help="Where to ask from: auto (default), netns, sidecar, exec."),
    _option(
        "--pull",
        type=click.Choice(["never", "missing"]),
        help="Whether a helper container's image may be fetched (default never).",
    ),
    _option("--only", multiple=True, metavar="CODE", help="Judge by these rules only; repeatable."),
    _option("--skip", multiple=True, metavar="CODE", help="Leave these rules out; repeatable."),
    _option(
        "--fail-on",
        type=click.Choice(["error", "warning", "info"]),
        help="The least severity that fails the run (default error).",
    ),
    _option("--exit-zero", is_flag=True, help="Report, but end with 0 whatever was found."),
    _option("--quiet", "-q", count=True, help="Nothing on stderr but errors."),
    _option("--verbose", "-v", count=True, help="More on stderr and in the report."),
    _option("--color", type=click.Choice(["auto", "always", "never"]), help="When to use colour (default auto)."),
)


def shared_options(function: F) -> F:
    """Put the shared options on a command (or on the group)."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def read_settings(ctx: click.Context, values: dict[str, Any]) -> Settings:
    """Merge what stands after the verb over what stands before it. ``values`` are the command's keyword arguments.

    The variables were read before the verb already; read again here they would win over an option given there.
    """
    if not isinstance(ctx.obj, Settings):
        return replace(Settings(), **given(values))
    typed = {name for name in values if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
    names = {field.name for field in fields(Settings)}
    return replace(ctx.obj, **{name: values[name] for name in names & typed})


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Only the shared options that were really given (an empty tuple, None and 0 are "not given")."""
    names = {field.name for field in fields(Settings)}
    return {name: value for name, value in values.items() if name in names and value not in (None, (), 0, False)}
