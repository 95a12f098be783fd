"""Shows a migration's events on a terminal as a bar, elsewhere as plain lines."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from netdoctor.migration.events import (
    BatchDone,
    CollectionReady,
    Event,
    Listener,
    Planned,
    Planning,
    Preflighted,
    Retrying,
    Verifying,
    Waiting,
)
from netdoctor.migration.pace import Pace, in_words
from netdoctor.redact import redact_text
from netdoctor.terminal import plain

_EVERY = 1.0
"""Seconds between two progress lines of a long run."""
_ALL_SHOWN = 20
"""Runs of so few batches get a line for each."""


@contextlib.contextmanager
def showing(stream: TextIO, *, quiet: bool = False, bar: bool | None = None) -> Iterator[Listener]:
    """A listener that writes to ``stream``. ``bar`` None: when the stream is a terminal.

    Nobody may be there to read it any more, or its disk be full: that is no reason to stop.
    """
    if quiet:
        yield lambda _event: None
    elif stream.isatty() if bar is None else bar:
        with _bar(stream) as listener:
            yield _unfailing(listener)
    else:
        yield _unfailing(Lines(lambda line: (stream.write(f"{line}\n"), stream.flush())[0]))


def _unfailing(listener: Listener) -> Listener:
    def listen(event: Event) -> None:
        with contextlib.suppress(OSError, ValueError):
            listener(event)

    return listen


class Lines:
    """One line per event worth one."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._last = clock()
        self._pace = Pace(clock)

    def __call__(self, event: Event) -> None:
        line: str | None = told(event)
        if isinstance(event, BatchDone):
            few = event.points * _ALL_SHOWN >= event.total or event.batches <= _ALL_SHOWN
            left = self._pace.left(event.done, event.total)
            line = line if few or event.done == event.total or self._due() else None
            if line and left is not None and event.done < event.total:
                line = f"{line}, about {in_words(left)} left to write"
        elif isinstance(event, Verifying):
            line = line if event.done == event.total or self._due() else None
        elif isinstance(event, Planning):
            line = line if self._due() else None
        if line:
            self._write(line)

    def _due(self) -> bool:
        now = self._clock()
        if now - self._last < _EVERY:
            return False
        self._last = now
        return True


def told(event: Event) -> str:
    """The event as one line of plain text, without secrets: a server's words are in it."""
    return redact_text(_told(event))


def _told(event: Event) -> str:
    match event:
        case Planning(records, done, size):
            part = f" ({done * 100 // size} %)" if size else ""
            return f"Reading the export: {records} records{part}"
        case Planned(points, collections, resumed):
            again = ", resuming" if resumed else ""
            return f"Planned: {_count(points, 'vector')} for {_count(collections, 'collection')}{again}"
        case Preflighted(lines):
            return "\n".join(map(plain, lines))
        case CollectionReady(name, created):
            return f"Collection {plain(name)}: {'created' if created else 'exists, fits'}"
        case BatchDone(collection, batch, batches, points, done, total):
            return f"Batch {batch}/{batches} of {plain(collection)}: {_count(points, 'vector')} ({done}/{total} total)"
        case Retrying(reason, seconds):
            return f"Trying again in {seconds:.1f} s: {plain(reason)}"
        case Waiting(reason, seconds):
            return f"Waiting {seconds:.0f} s: {plain(reason)}"
        case Verifying(done, total):
            return f"Verified {done}/{total}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextlib.contextmanager
def _bar(stream: TextIO) -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=stream)
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        reading = progress.add_task("Reading the export", total=None)
        writing = progress.add_task("Writing", total=None, visible=False)
        checking = progress.add_task("Verifying", total=None, visible=False)

        def listen(event: Event) -> None:
            match event:
                case Planning(_, done, size):
                    progress.update(reading, completed=done, total=size)
                case Planned(points):
                    progress.update(reading, visible=False)
                    progress.update(writing, total=points, visible=True)
                    console.print(told(event), markup=False, highlight=False)
                case BatchDone(_, _, _, _, done, total):
                    progress.update(writing, completed=done, total=total, visible=True)
                case Verifying(done, total):
                    progress.update(checking, completed=done, total=total, visible=True)
                case CollectionReady() | Retrying() | Waiting() | Preflighted():
                    console.print(told(event), markup=False, highlight=False)

        yield listen
