"""Compose's merging of files: short forms are written out first, then mappings merge, lists append, the rest replaces.

``!override`` replaces instead of merging, ``!reset`` takes away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from netdoctor.terminal import plain
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.tree import OVERRIDE, RESET, Node, Value, mapping

REPLACED = frozenset({"command", "entrypoint", "test"})
"""Fields of a service (``test``: of its health check) that are never appended to."""


def merged(base: Node, over: Node, path: tuple[str, ...] = ()) -> Node:
    """``over`` merged into ``base``. Raises Unreadable where the two do not fit together."""
    if over.tag == OVERRIDE:
        return without_tags(over)
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        fields = dict(base.fields)
        for key, value in over.fields.items():
            if value.tag == RESET:
                fields.pop(key, None)
            elif key in fields:
                fields[key] = merged(fields[key], value, (*path, key))
            else:
                fields[key] = without_tags(value)
        return replace(base, value=fields, tag=None)
    if isinstance(base.value, list) and isinstance(over.value, list) and not (path and path[-1] in REPLACED):
        return replace(base, value=[*base.items, *(without_tags(item) for item in over.items if item.tag != RESET)])
    if over.value is None and base.value is not None and not isinstance(base.value, str):
        return base
    if isinstance(base.value, dict | list) and not (path and path[-1] in REPLACED) and isinstance(over.value, str):
        raise Unreadable(f"{plain('.'.join(path))} is written here as a text and elsewhere as a list", over.place)
    return without_tags(over)


def without_tags(node: Node) -> Node:
    """As it is when there is nothing to merge with: what ``!reset`` marks is gone."""
    value: Value = node.value
    if isinstance(value, dict):
        value = {key: without_tags(item) for key, item in value.items() if item.tag != RESET}
    elif isinstance(value, list):
        value = [without_tags(item) for item in value if item.tag != RESET]
    elif node.tag is None:
        return node
    return replace(node, value=value, tag=None)


def canonical(service: Node, name: str) -> Node:
    """A service with its short forms written out. Raises Unreadable for a form that Compose does not know."""
    if service.value is None or service.tag == RESET:
        return replace(service, value={}) if service.tag != RESET else service
    if not isinstance(service.value, dict):
        raise Unreadable(f"service {plain(name)!r} is not a mapping of settings", service.place)
    fields = dict(service.fields)
    for key, form in _FORMS.items():
        if key in fields and fields[key].tag != RESET and fields[key].value is not None:
            fields[key] = form(fields[key], f"{key} of service {plain(name)!r}")
    return service.with_value(fields)


def _pairs(node: Node, what: str) -> Node:
    """``- A=b`` and ``A: b`` are the same; ``- A`` and ``A:`` have no value."""
    if isinstance(node.value, dict):
        return node
    fields: dict[str, Node] = {}
    for item in _texts(node, what):
        key, equals, value = (item.text or "").partition("=")
        fields[key] = replace(item, value=value if equals else None)
    return node.with_value(fields)


def _names(node: Node, what: str) -> Node:
    """A list of names is a mapping to nothing."""
    if isinstance(node.value, dict):
        return node
    fields: dict[str, Node] = {}
    for item in _texts(node, what):
        if item.text in fields:
            raise Unreadable(f"{what} lists {plain(item.text or '')!r} twice", item.place)
        fields[item.text or ""] = replace(item, value=None)
    return node.with_value(fields)


def _dependencies(node: Node, what: str) -> Node:
    listed = _names(node, what)
    if isinstance(node.value, dict):
        return listed
    started = replace(node, value="service_started")
    return listed.with_value(
        {key: item.with_value({"condition": replace(started, place=item.place)}) for key, item in listed.fields.items()}
    )


def _list(node: Node, _what: str) -> Node:
    """One text is a list of one."""
    return node.with_value([replace(node, tag=None)]) if isinstance(node.value, str) else node


def _hosts(node: Node, _what: str) -> Node:
    """``host=address`` and ``host:address`` entries, in a list, from either form."""
    if not isinstance(node.value, dict):
        return node
    return node.with_value(
        [
            replace(each, value=f"{host}={each.text or ''}", place=value.place)
            for host, value in node.fields.items()
            for each in value.items or [value]
        ]
    )


def _field(name: str) -> Callable[[Node, str], Node]:
    """A text is a mapping with that one field."""

    def form(node: Node, what: str) -> Node:
        if isinstance(node.value, dict):
            return node
        if not isinstance(node.value, str):
            raise Unreadable(f"{what} is neither a text nor a mapping", node.place)
        return node.with_value({name: replace(node, tag=None)})

    return form


def _build(node: Node, what: str) -> Node:
    build = _field("context")(node, what)
    fields = dict(build.fields)
    for key in ("args", "labels"):
        if key in fields and fields[key].value is not None:
            fields[key] = _pairs(fields[key], f"{key} of {what}")
    return build.with_value(fields)


def _deploy(node: Node, what: str) -> Node:
    fields = dict(node.fields)
    if "labels" in fields and fields["labels"].value is not None:
        fields["labels"] = _pairs(fields["labels"], f"labels of {what}")
    return node.with_value(fields) if fields else node


def _env_files(node: Node, what: str) -> Node:
    listed = _list(node, what)
    entry = _field("path")
    return listed.with_value([entry(item, what) for item in listed.items])


def _networks(node: Node, what: str) -> Node:
    listed = _names(node, what)
    fields = {}
    for key, item in listed.fields.items():
        if item.value is not None and not isinstance(item.value, dict):
            raise Unreadable(f"{what}: the options of {plain(key)!r} are not a mapping", item.place)
        # No options and empty ones are the same, and merge with options of another file.
        fields[key] = mapping(item.place) if item.value is None and item.tag is None else item
    return listed.with_value(fields)


def _texts(node: Node, what: str) -> list[Node]:
    if not isinstance(node.value, list) or any(item.text is None and item.tag is None for item in node.items):
        raise Unreadable(f"{what} is neither a mapping nor a list of texts", node.place)
    return [item for item in node.items if item.text is not None]


_FORMS: dict[str, Callable[[Node, str], Node]] = {
    "environment": _pairs,
    "labels": _pairs,
    "annotations": _pairs,
    "sysctls": _pairs,
    "networks": _networks,
    "depends_on": _dependencies,
    "build": _build,
    "deploy": _deploy,
    "env_file": _env_files,
    "dns": _list,
    "dns_search": _list,
    "dns_opt": _list,
    "tmpfs": _list,
    "label_file": _list,
    "extra_hosts": _hosts,
    "extends": _field("service"),
}
