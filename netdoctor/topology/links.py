"""``--link db:database``, as an engine's inspect tells it: names that one container alone has for another.

On the default bridge they are the container's (``HostConfig.Links``: ``/db:/app/database``) and the engine writes the
alias and the other's own name into the hosts file; on a network of one's own they are the endpoint's
(``Links``: ``db:database``) and the engine's resolver answers them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from netdoctor.model import Container, Link

JSON = Mapping[str, Any]


def linked(read: Iterable[tuple[JSON, Container]]) -> list[Container]:
    """The containers with their links; a link to somebody who is not there is left out."""
    pairs = list(read)
    ids: dict[str, str] = {}
    for _, container in pairs:
        ids |= {container.short_id: container.id, container.id: container.id}
    # A name wins over an id that reads the same.
    ids |= {container.name: container.id for _, container in pairs}
    return [
        replace(container, links=found) if (found := _links(entry, ids)) else container for entry, container in pairs
    ]


def _links(entry: JSON, ids: Mapping[str, str]) -> tuple[Link, ...]:
    found = (
        Link(alias.lower(), ids[other])
        for other, aliases in _told(entry)
        for alias in aliases
        if other in ids and alias and ids[other] != entry.get("Id")
    )
    return tuple(dict.fromkeys(found))


def _told(entry: JSON) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(whom, the names it has for that one)"""
    for line in (entry.get("HostConfig") or {}).get("Links") or ():
        other, _, alias = str(line).partition(":")
        name = other.strip("/").rpartition("/")[2]
        yield name, (alias.rpartition("/")[2] or name, name)
    for details in ((entry.get("NetworkSettings") or {}).get("Networks") or {}).values():
        for line in (details or {}).get("Links") or ():
            other, _, alias = str(line).partition(":")
            yield other.lstrip("/"), (alias or other.lstrip("/"),)
