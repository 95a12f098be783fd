"""Diffs of compose files without their secrets: context that holds one is left out where the diff stays exact."""

from __future__ import annotations

import re

from netdoctor.compose_edit import unified_diff
from netdoctor.redact import MASK, looks_secret, redact_text

_PAIR = re.compile(r"^(?P<head>\s*(?:-\s*)?[\"']?(?P<key>[A-Za-z_][A-Za-z0-9_.-]*)[\"']?\s*[:=]\s*)(?P<value>\S.*)$")
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def shown_diff(old: bytes, new: bytes, path: str) -> str:
    """A unified diff that ``git apply`` takes; a secret between two changes is masked, and then it does not."""
    text = unified_diff(old, new, path.lstrip("/"))
    head: list[str] = []
    hunks: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        if _HUNK.match(line):
            hunks.append([line])
        elif hunks:
            hunks[-1].append(line)
        else:
            head.append(line)
    return "".join([*head, *(line for hunk in hunks for line in _without_secrets(hunk))])


def masked(line: str) -> str:
    """One line of a compose file, its secret replaced."""
    body = line.rstrip("\r\n")
    end = line[len(body) :]
    pair = _PAIR.match(body)
    if pair is not None and looks_secret(pair["key"]) and not pair["value"].startswith(("#", "|", ">", "&", "${")):
        return f"{pair['head']}{MASK}{end}"
    return redact_text(body) + end


def _without_secrets(hunk: list[str]) -> list[str]:
    header, body = hunk[0], hunk[1:]
    found = _HUNK.match(header)
    assert found is not None
    first = next((i for i, line in enumerate(body) if line[:1] in "+-"), len(body))
    last = next((i for i in range(len(body) - 1, -1, -1) if body[i][:1] in "+-"), 0)
    secret = [i for i, line in enumerate(body) if line[:1] == " " and masked(line[1:]) != line[1:]]
    lead = max((i + 1 for i in secret if i < first), default=0)
    tail = min((i for i in secret if i > last), default=len(body))
    # git takes a hunk without trailing context as one that ends the file: one line has to stay.
    if tail == last + 1:
        tail = min(last + 2, len(body))
    kept = [line[:1] + masked(line[1:]) if line[:1] == " " else line for line in body[lead:tail]]
    old_start, old_length = int(found[1]) + lead, int(found[2] or 1) - lead - (len(body) - tail)
    new_start, new_length = int(found[3]) + lead, int(found[4] or 1) - lead - (len(body) - tail)
    if "\\" in {line[:1] for line in body[tail:]}:
        # The "no newline" mark is a line of the diff, not of the file.
        old_length, new_length = old_length + 1, new_length + 1
    return [f"@@ -{old_start},{old_length} +{new_start},{new_length} @@\n", *kept]
