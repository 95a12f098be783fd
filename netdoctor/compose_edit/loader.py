"""Which PyYAML loader reads the text, and how its errors become refusals with a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from .refused import REPAIR, EditRefused
from .text import SourceText

# libyaml's loader gives the same marks as the pure-Python one once the byte order mark is gone, and is far faster.
# The Base loaders resolve nothing: a scalar stays the text that was written.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MARKUP = ("{{", "{%", "<%", "${{")
_STATEMENT = re.compile(r"^[ \t]*(\{\{|\{%|<%)", re.MULTILINE)


def events(source: SourceText) -> Iterator[Any]:
    """The parse events of `source` (typed loosely: a parsed event always has its marks).

    Raises EditRefused with the line when the text is not YAML.
    """
    try:
        yield from yaml.parse(source.text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise refusal(source, error) from None


def compose(source: SourceText) -> yaml.Node | None:
    """The composed node graph of the only document, aliases resolved by PyYAML."""
    try:
        node: yaml.Node | None = yaml.compose(source.text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise refusal(source, error) from None
    return node


def refusal(source: SourceText, error: yaml.YAMLError) -> EditRefused:
    """The refusal that says what PyYAML's `error` means for a person."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    position = min(mark.index, len(source.text)) if mark is not None else getattr(error, "position", 0)
    position = position if isinstance(position, int) else 0
    line = source.line(min(position, len(source.text)))
    start = source.starts[line - 1]
    content = source.rest_of_line(start)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    if any(sign in content for sign in _MARKUP):
        return template_refusal(line)
    if "\t" in content and not content.lstrip(" ").startswith("#") and _tab_to_blame(content):
        return EditRefused("a tab stands where YAML wants spaces", "Replace the tab by spaces, then try again.", line)
    statement = _STATEMENT.search(source.text)
    if statement is not None:
        return template_refusal(source.line(statement.start(1)))
    return EditRefused(f"the file is not valid YAML ({problem})", REPAIR, line)


def template_refusal(line: int | None) -> EditRefused:
    """The refusal for a file that is a template of a compose file, not a compose file."""
    return EditRefused(
        "the file is a template, not a compose file",
        "Change the template (or whatever renders it), or write an override file beside the rendered file.",
        line,
    )


def _tab_to_blame(content: str) -> bool:
    head = content[: len(content) - len(content.lstrip())]
    return "\t" in head or "\t#" in content.replace(" ", "") or "\t" in content.split("#", 1)[0]
