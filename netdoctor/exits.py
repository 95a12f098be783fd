"""Exit statuses of the command line: one enum, shown as one table in the README."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the process says when it ends."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    UNKNOWN = 3
    INTERRUPTED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "everything asked holds; or every finding was fixed and confirmed",
    Exit.FINDINGS: "findings at or above --fail-on",
    Exit.USAGE: "wrong usage or unreadable configuration",
    Exit.UNKNOWN: "an asked edge is unknown and nothing else found; or netdoctor itself failed",
    Exit.INTERRUPTED: "interrupted, cleaned up",
}
