"""What a live source needs beside its name: options, and where its key comes from (never from an argument)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netdoctor.cli._target import option
from netdoctor.errors import UsageError
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.migration.sources.interface import Access

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    option("--source-option", multiple=True, metavar="NAME=VALUE", help="What only that source knows; repeatable."),
    option("--source-key-file", type=click.Path(path_type=Path), help="Holds the source's key; else PINECONE_API_KEY."),
    option("--ask-source-key", is_flag=True, help="Prompt for the source's key."),
    option("--namespace", multiple=True, metavar="NAME", help="Only this namespace; repeatable. Default: all."),
)


def access_options(function: F) -> F:
    for each in reversed(_OPTIONS):
        function = each(function)
    return function


def access_of(given: dict[str, Any]) -> Access:
    """Raises UsageError."""
    from netdoctor.migration.sources.interface import Access

    options = {}
    for text in given["source_option"]:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"--source-option {plain(text)!r} is not NAME=VALUE.")
        options[name] = value
    environment = dict(os.environ)
    if given["ask_source_key"]:
        environment["PINECONE_API_KEY"] = click.prompt("Key of the source", hide_input=True, err=True)
    return Access(environment, options, given["source_key_file"], tuple(given["namespace"]))
