"""What a live source needs beside its name: options, and where its key comes from (never from an argument)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netdoctor.cli._target import option
from netdoctor.errors import UsageError
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.migration.sources.interface import Access, Source

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    option("--source", metavar="KIND", help="What kind of source it is, where that is not recognised."),
    option("--source-via", metavar="CONTAINER", help="Read another Qdrant from inside this container's network."),
    option("--source-option", multiple=True, metavar="NAME=VALUE", help="What only that source knows; repeatable."),
    option("--source-key-file", type=click.Path(path_type=Path), help="Holds the source's key; else its variable."),
    option("--ask-source-key", is_flag=True, help="Prompt for the source's key."),
    option("--namespace", multiple=True, metavar="NAME", help="Only this namespace; repeatable. Default: all."),
)


def access_options(function: F) -> F:
    for each in reversed(_OPTIONS):
        function = each(function)
    return function


def told_access(given: dict[str, Any]) -> str:
    """How the source was named, for the ledger: whoever comes after the run need not say it again. No keys."""
    names = ("source", "source_via", "source_option", "namespace")
    return json.dumps({name: given[name] for name in names if given[name]})


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
        key = click.prompt("Key of the source", hide_input=True, err=True)
        environment |= {"PINECONE_API_KEY": key, "QDRANT_SOURCE_API_KEY": key}
    return Access(environment, options, given["source_key_file"], tuple(given["namespace"]), given["source"] or "")


def introduce(source: Source, say: Callable[[str], None], *, cost: bool = True) -> None:
    """What a live index holds and what reading it costs, before it is read."""
    from netdoctor.migration.sources.pinecone import PineconeSource

    if isinstance(source, PineconeSource):
        count = len(source.namespaces)
        records = sum(source.counts.values())
        say(f"{source.label}: {records:,} records in {count} namespace{'' if count == 1 else 's'}")
        if cost:
            say(source.cost(records))


def hear_pauses(source: Source, tell: Callable[[str, float], None]) -> None:
    """``tell(reason, seconds)`` hears of every pause that a live index makes us wait."""
    hear = getattr(source, "hear", None)
    if hear is not None:
        hear(tell)


def collection_named(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    """For the argument COLLECTION: a name that no server can have is not asked for. Raises UsageError."""
    from netdoctor.migration.points import refuse_collection

    if given is not None:
        refuse_collection(given)
    return given
