"""The engine's lists of containers and of networks, entry by entry: one that is impossible is set aside, and told.

A body that is no list is no answer at all, and so is one in which more is broken than anybody wants to read about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netdoctor.engine.shapes import Shape, Unusable, identity
from netdoctor.engine.told import OF_LISTS, labels, texts
from netdoctor.engine.translate import translated, unusable
from netdoctor.errors import AnswerUnusable

if TYPE_CHECKING:
    from netdoctor.engine.client import Engine

JSON = dict[str, Any]

MOST = 50
"""Broken entries beyond which it is the engine that cannot be used."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry that nothing may be concluded from, and what can be read of it all the same.

    ``id``, ``names``, ``labels``: None where it does not say, or says something impossible.
    """

    number: int
    """In the list, from 1."""
    id: str | None
    names: tuple[str, ...] | None
    labels: Mapping[str, str] | None
    error: AnswerUnusable


@dataclass(frozen=True, slots=True)
class Listed:
    entries: tuple[JSON, ...]
    broken: tuple[Broken, ...] = ()


def listed(engine: Engine, path: str, doing: str, **params: Any) -> Listed:
    """``path``: one of ``told.OF_LISTS``. ``doing`` completes "could not ...".

    Raises what every request raises; AnswerUnusable for what is no list, and where every entry of it is broken.
    """
    from netdoctor.engine.careful import parsed

    whole, one = OF_LISTS[path]
    api: Any = engine.api
    with translated(engine.host, doing):
        response = api._get(api._url(path), params=params)
        api._raise_for_status(response)
        told = parsed(response.content)
        whole(told, "")
    entries: list[JSON] = []
    broken: list[Broken] = []
    for number, entry in enumerate(told, 1):
        try:
            one(entry, f"entry {number}")
            entries.append(entry)
        except Unusable as error:
            broken.append(_read(number, entry, unusable(engine.host, doing, error.why)))
            if len(broken) > MOST:
                raise broken[0].error from None
    if broken and not entries:
        raise broken[0].error
    return Listed(tuple(entries), tuple(broken))


def _read(number: int, entry: Any, error: AnswerUnusable) -> Broken:
    told = entry if isinstance(entry, dict) else {}
    named: Any = told.get("Names") if "Names" in told else [told.get("Name")]
    names = tuple(named) if _fits(texts, named) and any(named) else None
    return Broken(
        number,
        told["Id"] if _fits(identity, told.get("Id")) else None,
        names,
        dict(told["Labels"]) if _fits(labels, told.get("Labels")) else None,
        error,
    )


def _fits(shape: Shape, value: Any) -> bool:
    try:
        shape(value, "")
    except Unusable:
        return False
    return True
