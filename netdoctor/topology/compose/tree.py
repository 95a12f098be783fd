"""A YAML document as text-typed nodes that know where they stand: merge keys applied, duplicate keys refused.

Built from parse events, without recursion: a hostile file is refused by depth and size, never by a crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import yaml

from netdoctor.compose_edit.loader import events
from netdoctor.compose_edit.refused import EditRefused
from netdoctor.compose_edit.text import SourceText
from netdoctor.model import Place
from netdoctor.terminal import plain
from netdoctor.topology.compose.errors import CHECK, Unreadable

LIMIT = 8 << 20
"""Bytes of one file; real ones have a few thousand."""
MAX_DEPTH = 100
MAX_NODES = 500_000
"""Nodes of one file with all its aliases written out."""

RESET, OVERRIDE = "!reset", "!override"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_STANDARD = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """``value`` is a text, a list, a mapping, or None. ``place`` is where it (in a mapping: its key) is written."""

    value: Value
    place: Place
    tag: str | None = None
    """Only a tag that is not YAML's own, like ``!reset``."""
    size: int = field(default=1, repr=False)
    plain: bool = field(default=False, repr=False)
    """A scalar without quotes."""

    @property
    def text(self) -> str | None:
        return self.value if isinstance(self.value, str) else None

    @property
    def items(self) -> list[Node]:
        """The items of a list; of anything else none."""
        return self.value if isinstance(self.value, list) else []

    @property
    def fields(self) -> dict[str, Node]:
        """The entries of a mapping; of anything else none."""
        return self.value if isinstance(self.value, dict) else {}

    def get(self, *path: str) -> Node | None:
        """What stands under the keys of ``path``; None where nothing, or null, does."""
        found: Node | None = self
        for key in path:
            found = found.fields.get(key) if found is not None else None
        return found if found is not None and found.value is not None else None

    def string(self, *path: str) -> str | None:
        found = self.get(*path)
        return found.text if found is not None else None

    def truth(self, *path: str) -> bool:
        """A YAML 1.1 or 1.2 yes."""
        return (self.string(*path) or "").lower() in ("true", "yes", "on", "y", "1")

    def with_value(self, value: Value) -> Node:
        return replace(self, value=value)


Value: TypeAlias = "str | list[Node] | dict[str, Node] | None"


def mapping(place: Place, fields: dict[str, Node] | None = None) -> Node:
    return Node({} if fields is None else fields, place)


def documents(data: bytes, file: str) -> list[Node]:
    """Every document of the file (``---`` between them), null ones left out. Raises Unreadable."""
    if len(data) > LIMIT:
        raise Unreadable(f"the file has {len(data)} bytes, which is too large for a compose file", Place(file, 1))
    try:
        source = SourceText.decode(data)
        if "\x00" in source.text:
            line = source.line(source.text.index("\x00"))
            raise Unreadable("the file is binary, not text", Place(file, line))
        return [node for node in _Builder(source, file).documents() if node.value is not None]
    except EditRefused as refused:
        raise Unreadable(plain(refused.reason), Place(file, refused.line or 1), hint=_hint(refused)) from None


def _hint(refused: EditRefused) -> str:
    return "Lint the rendered file instead." if "template" in refused.reason else CHECK


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet. ``key`` is the key that waits for its value."""

    node: Node
    anchor: str | None
    is_mapping: bool
    key: str | None = None
    key_place: Place | None = None
    merge: tuple[Node, Place] | None = None
    """What ``<<`` takes in."""
    merging: bool = False
    """The key that waits is ``<<``."""
    size: int = 1


class _Builder:
    def __init__(self, source: SourceText, file: str) -> None:
        self._source = source
        self._file = file
        self._anchors: dict[str, Node] = {}
        self._open: list[_Open] = []

    def documents(self) -> Iterator[Node]:
        root: Node | None = None
        for event in events(self._source):
            if isinstance(event, yaml.DocumentStartEvent):
                root, self._anchors = None, {}
            elif isinstance(event, yaml.DocumentEndEvent):
                if root is not None:
                    yield root
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                done = self._end()
                root = done if not self._open else root
            elif isinstance(event, yaml.NodeEvent):
                node = self._leaf(event)
                root = node if not self._open else root
                self._put(node, event)

    def _place(self, event: Any) -> Place:
        index = event.start_mark.index
        line = self._source.line(index)
        return Place(self._file, line, index - self._source.starts[line - 1] + 1)

    def _begin(self, event: Any) -> None:
        place = self._place(event)
        if self._open and self._open[-1].is_mapping and self._open[-1].key is None:
            raise Unreadable(
                "the file is a template, not a compose file", place, hint="Lint the rendered file instead."
            )
        if len(self._open) >= MAX_DEPTH:
            raise Unreadable("the file is too deep to be a compose file", place)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        node = Node({} if is_mapping else [], place, _own_tag(event.tag))
        self._open.append(_Open(node, event.anchor, is_mapping))
        if event.anchor:
            self._anchors.pop(event.anchor, None)

    def _end(self) -> Node:
        done = self._open.pop()
        fields = done.node.fields
        if done.merge is not None:
            source, place = done.merge
            for one in source.items or [source]:
                if not isinstance(one.value, dict):
                    raise Unreadable("a merge key (<<) takes in something that is not a mapping", place)
                for key, value in one.fields.items():
                    fields.setdefault(key, value)
        node = replace(done.node, size=done.size)
        if done.anchor:
            self._anchors[done.anchor] = node
        if self._open:
            self._add(node)
        return node

    def _leaf(self, event: Any) -> Node:
        place = self._place(event)
        if isinstance(event, yaml.AliasEvent):
            anchor = str(event.anchor)
            found = self._anchors.get(anchor)
            if found is None:
                inside = any(each.anchor == anchor for each in self._open)
                what = "contains itself" if inside else "is used before it is defined"
                raise Unreadable(f"the anchor {plain(anchor)!r} {what}", place)
            return replace(found, place=place)
        style, text = event.style, str(event.value)
        bare = not style and _own_tag(event.tag) is None and event.tag in (None, "")
        value = None if (bare and text in _NULLS) or event.tag == f"{_STANDARD}null" else text
        node = Node(value, place, _own_tag(event.tag), plain=bare or event.tag == f"{_STANDARD}merge")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _put(self, node: Node, event: Any) -> None:
        """A scalar or an alias goes into what is open: as a key where one is due."""
        if not self._open:
            return
        top = self._open[-1]
        if top.is_mapping and top.key is None:
            key = node.text if node.value is not None else str(getattr(event, "value", ""))
            if key is None:
                raise Unreadable("a key is a list or a mapping", node.place)
            merging = key == "<<" and node.plain
            if top.merge is not None if merging else key in top.node.fields:
                raise Unreadable(f"the key {plain(key)!r} is there twice in one mapping", node.place)
            top.key, top.key_place, top.merging = key, node.place, merging
            return
        self._add(node)

    def _add(self, node: Node) -> None:
        top = self._open[-1]
        top.size += node.size
        if top.size > MAX_NODES:
            raise Unreadable("the file is too large, with its aliases written out, to be a compose file", node.place)
        if not top.is_mapping:
            top.node.items.append(node)
            return
        if top.merging:
            top.merge = (node, top.key_place or node.place)
        elif top.key is not None:
            top.node.fields[top.key] = replace(node, place=top.key_place or node.place)
        top.key = top.key_place = None
        top.merging = False


def _own_tag(tag: str | None) -> str | None:
    return None if tag is None or tag == "!" or tag.startswith(_STANDARD) else tag
