"""Styled lines to text. Colour goes through rich, and only when it is wanted: plain output never pays for it."""

from __future__ import annotations

from collections.abc import Sequence

from netdoctor.formats.interface import Look

Line = list[tuple[str, str]]
"""(text, style) segments; styles are good, bad, doubt, strong, faint or empty."""

_STYLES = {"good": "green", "bad": "bold red", "doubt": "yellow", "strong": "bold", "faint": "dim", "": ""}


def paint(lines: Sequence[Line], look: Look) -> str:
    """One string, each line ended."""
    if not look.color:
        return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    # Wide enough that rich never wraps: the format has done that, and commands must stay whole.
    console = Console(
        file=StringIO(), force_terminal=True, color_system="standard", width=10_000, no_color=False, highlight=False
    )
    for line in lines:
        text = Text()
        for part, style in line:
            text.append(part, style=_STYLES[style])
        text.rstrip()
        console.print(text, soft_wrap=True)
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()
