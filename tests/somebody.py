"""The words before a command that make it run as an unprivileged user."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

NOBODY = 65534


@cache
def as_nobody(*groups: int) -> tuple[str, ...]:
    """``setpriv ...``: uid 65534, only these groups, no capability.

    An interpreter under a closed home, as /root may be, is the one thing such a user is given the right to read.
    """
    become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}")
    member = (*become, f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups")
    plain = (*member, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    tried = subprocess.run(
        [*plain, sys.executable, "-c", "import docker"], capture_output=True, timeout=60, check=False
    )
    if tried.returncode == 0:
        return plain
    return (*member, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
