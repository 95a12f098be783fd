"""A unified diff of bytes, exact to the last carriage return, that `git apply` takes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

_CONTEXT = 3


def unified_diff(old: bytes, new: bytes, path: str, *, created: bool = False) -> str:
    """The diff from `old` to `new` for `path` (relative, with slashes); empty when they are the same.

    `created` says that the file did not exist before. Bytes that are not UTF-8 come as surrogate escapes.
    """
    if old == new and not created:
        return ""
    before, after = _lines(old), _lines(new)
    head = [f"diff --git {_quoted('a/' + path)} {_quoted('b/' + path)}\n"]
    if created:
        head += ["new file mode 100644\n", "--- /dev/null\n"]
    else:
        head.append(f"--- {_header('a/' + path)}\n")
    head.append(f"+++ {_header('b/' + path)}\n")
    for group in _groups(before, after):
        first, last = group[0], group[-1]
        old_range = _range(first[1], last[2])
        head.append(f"@@ -{old_range} +{_range(first[3], last[4])} @@\n")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                head += (_marked(" ", line) for line in before[i1:i2])
                continue
            head += (_marked("-", line) for line in before[i1:i2])
            head += (_marked("+", line) for line in after[j1:j2])
    return "".join(head)


def _groups(before: list[bytes], after: list[bytes]) -> Iterator[list[tuple[str, int, int, int, int]]]:
    """Grouped opcodes. What both ends have in common is left out of the comparison, whose time grows as the square."""
    shortest = min(len(before), len(after))
    head = next((n for n in range(shortest) if before[n] != after[n]), shortest)
    tail = next((n for n in range(shortest - head) if before[-n - 1] != after[-n - 1]), shortest - head)
    head, tail = max(head - _CONTEXT, 0), max(tail - _CONTEXT, 0)
    matcher = difflib.SequenceMatcher(
        None, before[head : len(before) - tail], after[head : len(after) - tail], autojunk=False
    )
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        yield [(tag, i1 + head, i2 + head, j1 + head, j2 + head) for tag, i1, i2, j1, j2 in group]


def _lines(data: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", data)


def _marked(sign: str, line: bytes) -> str:
    text = sign + line.decode("utf-8", "surrogateescape")
    return text if line.endswith(b"\n") else f"{text}\n\\ No newline at end of file\n"


def _range(start: int, stop: int) -> str:
    length = stop - start
    begin = start + 1 if length else start
    return f"{begin}" if length == 1 else f"{begin},{length}"


def _header(path: str) -> str:
    quoted = _quoted(path)
    # git ends a bare name with a space in it by a tab, so that a date cannot be taken for a part of it.
    return f"{quoted}\t" if " " in path and quoted == path else quoted


def _quoted(path: str) -> str:
    """The path as git writes it: in double quotes with octal escapes when it holds anything unusual."""
    data = path.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in data):
        return path
    escaped = "".join(
        f"\\{chr(byte)}" if byte in b'"\\' else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in data
    )
    return f'"{escaped}"'
