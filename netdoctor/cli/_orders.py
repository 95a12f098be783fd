"""An order to stop is obeyed like Ctrl-C: what must be put back is put back, and nothing is left behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from netdoctor.cli._interrupts import unwind

_ORDERS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def obeying() -> Iterator[None]:
    """SIGTERM (``docker stop``, an engine that moves a job) and SIGHUP (the terminal is gone) raise KeyboardInterrupt.

    One that is ignored, as under ``nohup``, stays ignored. Elsewhere than in the main thread nothing can be done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ORDERS}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, unwind)
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
