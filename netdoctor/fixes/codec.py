"""Operations and edges as plain JSON values, for the journal and the machine-readable report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from netdoctor.model import (
    AddServiceNetwork,
    Connect,
    CreateNetwork,
    Disconnect,
    Edge,
    Operation,
    Ref,
    RemoveNetwork,
    RemoveServiceNetwork,
)

JSON = dict[str, Any]

_KINDS: dict[str, type[Any]] = {
    "connect": Connect,
    "disconnect": Disconnect,
    "create_network": CreateNetwork,
    "remove_network": RemoveNetwork,
    "add_service_network": AddServiceNetwork,
    "remove_service_network": RemoveServiceNetwork,
}


def operation_to_json(operation: Operation) -> JSON:
    """``{"do": "connect", "container": ..., ...}``. Raises ValueError for an operation nobody registered here."""
    for word, kind in _KINDS.items():
        if type(operation) is kind:
            names = [field.name for field in fields(_KINDS[word])]
            return {"do": word, **{name: _plain(getattr(operation, name)) for name in names}}
    raise ValueError(f"{type(operation).__name__} cannot be written down")


def operation_from_json(data: Mapping[str, Any]) -> Operation:
    """The inverse of :func:`operation_to_json`. Raises ValueError."""
    kind = _KINDS.get(str(data.get("do")))
    if kind is None:
        raise ValueError(f"unknown operation {data.get('do')!r}")
    known = {field.name for field in fields(kind)}
    try:
        made: Operation = kind(**{key: _tupled(value) for key, value in data.items() if key in known})
    except TypeError as error:
        raise ValueError(str(error)) from error
    return made


def edge_to_json(edge: Edge) -> JSON:
    """An edge without its basis: what is needed to ask it again."""
    return {
        "source": [edge.source.kind, edge.source.id],
        "target": [edge.target.kind, edge.target.id],
        "name": edge.name,
        "port": edge.port,
        "path": edge.path,
        "protocol": edge.protocol,
        "origin": edge.origin,
        "said_path": edge.said_path,
    }


def edge_from_json(data: Mapping[str, Any]) -> Edge:
    """The inverse of :func:`edge_to_json`. Raises ValueError."""
    try:
        source, target = data["source"], data["target"]
        return Edge(
            Ref(str(source[0]), str(source[1])),
            Ref(str(target[0]), str(target[1])),
            name=data["name"],
            port=data["port"],
            path=data["path"],
            protocol=str(data["protocol"]),
            origin=str(data["origin"]),
            said_path=data.get("said_path"),
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"a damaged edge: {error}") from error


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value
