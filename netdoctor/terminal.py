"""The one place control characters are neutralised: names and answers come from outside and go to a terminal."""

from __future__ import annotations

import unicodedata

_KEEP = {"\n", "\t"}
# Format characters that reorder what a person reads (bidirectional overrides and isolates).
_REORDERING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)}


def plain(text: str) -> str:
    """One line: control characters (newlines too) are shown as escapes, never sent."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_show(char) if char == "\n" or char == "\t" or _unsafe(char) else char for char in text)


def plain_block(text: str) -> str:
    """Several lines: newlines and tabs stay, everything else that could steer a terminal is shown as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_show(char) if char not in _KEEP and _unsafe(char) else char for char in text)


def _unsafe(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _REORDERING


def _show(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
