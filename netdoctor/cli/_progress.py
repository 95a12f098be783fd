"""One line on stderr that says how far a long run is; gone again when the report comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netdoctor.cli.settings import Settings

PATIENCE = 1.0
"""Seconds in which nobody needs to be told anything."""
EVERY = 0.1
"""Seconds between two lines."""

Told = Callable[[int, int], None]


@contextmanager
def progress_line(settings: Settings) -> Iterator[Told | None]:
    """What to tell how many of how many questions are answered; None where nobody watches."""
    if settings.quiet or not sys.stderr.isatty():
        yield None
        return
    began = time.monotonic()
    last = 0.0
    shown = 0

    def tell(done: int, every: int) -> None:
        nonlocal last, shown
        now = time.monotonic()
        if now - began < PATIENCE or now - last < EVERY:
            return
        last = now
        text = f"netdoctor: {done} of {every} questions answered"
        sys.stderr.write(f"\r{text:<{shown}}")
        sys.stderr.flush()
        shown = len(text)

    try:
        yield tell
    finally:
        if shown:
            sys.stderr.write(f"\r{' ' * shown}\r")
            sys.stderr.flush()
