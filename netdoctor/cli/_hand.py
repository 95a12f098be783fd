"""A child of ``migrate --processes``: it begins at its parent's word, tells what it does, and ends with its parent."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict

from netdoctor.migration.events import BatchDone, Event, Listener, Retrying

VARIABLE = "NETDOCTOR_HAND"
"""Set for a child, and for nobody else."""
GO = b"go\n"
_EVERY = 0.05
"""Seconds between two words about batches."""


def await_word(transport: str) -> None:
    """Load what the work takes, and wait for the plan to be there. Raises KeyboardInterrupt when no word comes.

    stdin is the parent's end of a pipe: when it closes, whatever the parent died of, this process stops in order.
    """
    # Ctrl-C is the parent's, which tells its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import numpy  # noqa: F401

    from netdoctor.migration import shards  # noqa: F401
    from netdoctor.migration.fast import fast_parser
    from netdoctor.migration.sources.interface import SOURCES
    from netdoctor.migration.target import Transport, load

    fast_parser()
    list(SOURCES)
    load(Transport(transport))
    said = b""
    while said != GO:
        some = os.read(0, 1)
        if not some:
            raise KeyboardInterrupt
        said += some
    threading.Thread(target=_end_with_the_parent, name="netdoctor-parent", daemon=True).start()


def _end_with_the_parent() -> None:
    # Not through sys.stdin: at the end of the process its lock would be held.
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def telling() -> Listener:
    """Each event that the parent shows is a line of JSON on stdout."""
    last = 0.0

    def listen(event: Event) -> None:
        nonlocal last
        if isinstance(event, BatchDone):
            now = time.monotonic()
            if now - last < _EVERY and event.done < event.total:
                return
            last = now
        elif not isinstance(event, Retrying):
            return
        sys.stdout.write(json.dumps({"event": type(event).__name__, **asdict(event)}) + "\n")
        sys.stdout.flush()

    return listen
