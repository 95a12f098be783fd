"""Where a command of this machine lies: the one place that looks for one.

Debian's ordinary users have no ``sbin`` on PATH, and what filters packets lies there. What is found is what is to be
run: a name looked up again, by somebody else or from another folder, may be another program.
"""

from __future__ import annotations

import os
import shutil

SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Looked into after PATH, which goes first as everywhere."""


def find_command(name: str) -> str | None:
    """The absolute path of a program that may be run; None: there is none. A name with a slash is a path already.

    Source: the environment's PATH, where it is unset or empty the system's default, then :data:`SYSTEM`.
    """
    path = os.environ.get("PATH") or os.defpath
    found = shutil.which(name, path=os.pathsep.join([path, *SYSTEM]))
    return None if found is None else os.path.abspath(found)  # noqa: PTH100 - resolve() would follow links: busybox
