"""Run as a program: ``netdoctor fix`` that is killed (SIGKILL) at the n-th moment of its applying.

Moments are: before and after each journal record, before and after each call that changes the engine.
Arguments: the moment, then netdoctor's own.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from netdoctor.cli.main import main
from netdoctor.engine.client import Engine
from netdoctor.fixes.store import Store

left = int(sys.argv[1])


def tick() -> None:
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1


def ticking(owner: type, name: str) -> None:
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
main(sys.argv[2:])
