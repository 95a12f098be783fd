"""Where a command of this machine lies: the one place that looks for one, and says how root is to start ours.

Debian's ordinary users have no ``sbin`` on PATH, and what filters packets lies there. What is found is what is to be
run: a name looked up again, by somebody else or from another folder, may be another program.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Looked into after PATH, which goes first as everywhere."""


ROOTS_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where sudo looks on every distribution (``secure_path``): not where pipx, uv or a venv install, and only on some in
/usr/local."""


def find_command(name: str) -> str | None:
    """The absolute path of a program that may be run; None: there is none. A name with a slash is a path already.

    Source: the environment's PATH, where it is unset or empty the system's default, then :data:`SYSTEM`.
    """
    path = os.environ.get("PATH") or os.defpath
    found = shutil.which(name, path=os.pathsep.join([path, *SYSTEM]))
    return None if found is None else os.path.abspath(found)  # noqa: PTH100 - resolve() would follow links: busybox


def as_root(words: str) -> str:
    """The line that starts this program as root: ``sudo netdoctor WORDS`` where sudo finds it, else by its path."""
    ours = _ourselves()
    known = shutil.which("netdoctor", path=ROOTS_PATH)
    if known is not None and ours is not None and Path(known).resolve() == ours.resolve():
        return f"sudo netdoctor {words}"
    if ours is not None:
        return f"sudo {shlex.quote(str(ours))} {words}"
    return f"sudo {shlex.quote(sys.executable)} -m netdoctor {words}"


def _ourselves() -> Path | None:
    """The script that was started, or the one that was installed with this interpreter."""
    started = Path(sys.argv[0] if sys.argv else "")
    for script in (started, Path(sys.executable).with_name("netdoctor")):
        if script.name == "netdoctor" and script.is_file() and os.access(script, os.X_OK):
            return script.absolute()
    return None
