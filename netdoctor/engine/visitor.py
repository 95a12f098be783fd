"""A command of an image, run once in a helper container, with this process's own stdin, stdout and stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from netdoctor.engine.client import Engine
from netdoctor.engine.helpers import start_helper
from netdoctor.engine.streams import STDERR, RawStream
from netdoctor.engine.translate import translated
from netdoctor.errors import EngineRefused

_PIECE = 1 << 16
_END = 1 << 16
"""Bytes of the answer that tells an exit status."""
_NOT_STARTED = ("executable file not found", "no such file or directory", "unable to start container process: exec:")
"""What engines say of a command that is not there, or is no program."""


class NoSuchProgram(EngineRefused):
    """The image has no such command, or one that cannot be run."""


def visit(engine: Engine, *, image: str, beside: str, argv: Sequence[str], marker: bytes = b"") -> int:
    """Its exit status. Ends with this process, however that ends. Raises NoSuchProgram, Gone, EngineRefused.

    With a ``marker`` the command is one that reads frames and says the marker on stderr, and nothing else, where what
    it was to run cannot be run: see ``live/programs/fed.py``.
    """
    answers: list[Any] = []
    try:
        helper = start_helper(
            engine, image=image, beside=beside, argv=argv, created=lambda made: answers.append(_ending(engine, made))
        )
    except EngineRefused as error:
        if any(sign in error.message.lower() for sign in _NOT_STARTED):
            raise NoSuchProgram(error.message) from error
        raise
    finally:
        if answers and sys.exc_info()[0] is not None:
            answers[0].close()
    from netdoctor.engine.careful import parsed, read_some
    from netdoctor.engine.told import usable

    api: Any = engine.api
    try:
        feed = _feed_frames if marker else _feed
        threading.Thread(target=feed, args=(helper.stream,), name="netdoctor-stdin", daemon=True).start()
        while (piece := _next(helper.stream)) is not None:
            channel, data = piece
            if marker and channel == STDERR and data == marker:
                raise NoSuchProgram("The helper's image has no such program.")
            _write(2 if channel == STDERR else 1, data)
        with translated(engine.host, "wait for the helper's end"):
            told = usable(
                "POST", "/containers/helper/wait", parsed(read_some(answers[0], _END, api.timeout, in_its_time=True))
            )
            return int(told["StatusCode"])
    finally:
        answers[0].close()
        helper.close()


def _next(stream: RawStream) -> tuple[int, bytes] | None:
    """Raises EngineRefused where the engine's stream breaks off: what the command said is not known then."""
    try:
        return stream.read(None)
    except OSError as error:
        raise EngineRefused(f"The command's output broke off: {error}.") from error


def _ending(engine: Engine, container: str) -> Any:
    """The engine's promise to tell the exit status; asked before the start, so that a quick end is not missed."""
    api: Any = engine.api
    with translated(engine.host, f"wait for helper {container[:12]}"):
        response = api._post(
            api._url("/containers/{0}/wait", container),
            params={"condition": "next-exit"},
            stream=True,
            timeout=(api.timeout, None),
        )
        api._raise_for_status(response)
    return response


def _feed(stream: RawStream) -> None:
    """Our stdin, until either side ends."""
    with contextlib.suppress(OSError, ValueError):
        while data := os.read(0, _PIECE):
            stream.write(data)
    stream.close_write()


def _feed_frames(stream: RawStream) -> None:
    """The same where the connection has no half-close: its end is a frame."""
    with contextlib.suppress(OSError, ValueError):
        while True:
            data = os.read(0, _PIECE)
            stream.write(len(data).to_bytes(4, "big") + data)
            if not data:
                return


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
