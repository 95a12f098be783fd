"""The command line of a child: what was typed for this process, said once more."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import click
from click.core import ParameterSource


def retyped(ctx: click.Context, *, without: Collection[str] = (), more: Sequence[str] = ()) -> list[str]:
    """The words after the program's name: options that were typed, by their long names, then the arguments.

    What came from variables is not in it: a child has the same ones. ``without``: names of parameters to leave out;
    ``more``: options to add.
    """
    chain: list[click.Context] = []
    here: click.Context | None = ctx
    while here is not None:
        chain.insert(0, here)
        here = here.parent
    words: list[str] = []
    arguments: list[str] = []
    for each in chain:
        if each.parent is not None:
            words.append(str(each.info_name))
        for parameter in each.command.params:
            name = parameter.name or ""
            if name in without or each.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
                continue
            value = each.params.get(name)
            if isinstance(parameter, click.Argument):
                arguments.append(str(value))
            elif isinstance(parameter, click.Option):
                words += _option(parameter, value)
    return [*words, *more, "--", *arguments]


def _option(option: click.Option, value: object) -> list[str]:
    long = max(option.opts, key=len)
    if option.count:
        return [long] * int(str(value))
    if option.is_flag:
        return [long if value else max(option.secondary_opts, key=len)] if value or option.secondary_opts else []
    values = value if option.multiple and isinstance(value, (tuple, list)) else (value,)
    return [f"{long}={each}" for each in values]
