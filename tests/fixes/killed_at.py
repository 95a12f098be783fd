"""Run as a program: netdoctor, and at the n-th moment of its changing something, something happens.

Moments are: before and after each journal record, each call that changes the engine, each file that takes another's
place or is made. Arguments: the moment, what happens (``KILL``, or ``INT``: to the whole process group, as a terminal
sends it; or the path of a program that is run), then netdoctor's own. When the moment never comes, the number of
moments is the last line of stderr.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from netdoctor.cli.main import run
from netdoctor.engine.client import Engine
from netdoctor.fixes.store import Store

# A shell's background job inherits that it is to be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
at, happening = int(sys.argv[1]), sys.argv[2]
passed = 0


def tick() -> None:
    global passed
    here, passed = passed, passed + 1
    if here != at:
        return
    if happening == "KILL":
        os.kill(os.getpid(), signal.SIGKILL)
    elif happening == "INT":
        os.killpg(0, signal.SIGINT)
    else:
        subprocess.run([happening], check=True, timeout=120)


def ticking(owner: Any, name: str) -> None:
    real = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        tick()
        found = real(*args, **kwargs)
        tick()
        return found

    setattr(owner, name, wrapped)


ticking(Store, "append")
for each in ("connect", "disconnect", "create_network", "remove_network"):
    ticking(Engine, each)
ticking(Path, "replace")
ticking(os, "link")
status = run(sys.argv[3:])
if at >= passed:
    sys.stderr.write(f"{passed}\n")
sys.exit(status)
