"""A command of an image, run once in a helper container, with this process's own stdin, stdout and stderr."""

from __future__ import annotations

import contextlib
import json
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
_NOT_STARTED = ("executable file not found", "no such file or directory", "unable to start container process: exec:")
"""What engines say of a command that is not there, or is no program."""


class NoSuchProgram(EngineRefused):
    """The image has no such command, or one that cannot be run."""


def visit(engine: Engine, *, image: str, beside: str, argv: Sequence[str]) -> int:
    """Its exit status. Ends with this process, however that ends. Raises NoSuchProgram, Gone, EngineRefused."""
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
    try:
        threading.Thread(target=_feed, args=(helper.stream,), name="netdoctor-stdin", daemon=True).start()
        while (piece := helper.stream.read(None)) is not None:
            channel, data = piece
            _write(2 if channel == STDERR else 1, data)
        with translated(engine.host, "wait for the helper's end"):
            return int(json.loads(answers[0].content)["StatusCode"])
    finally:
        answers[0].close()
        helper.close()


def _ending(engine: Engine, container: str) -> Any:
    """The engine's promise to tell the exit status; asked before the start, so that a quick end is not missed."""
    api: Any = engine.api
    with translated(engine.host, f"wait for helper {container[:12]}"):
        response = api._post(
            api._url("/containers/{0}/wait", container), params={"condition": "next-exit"}, stream=True, timeout=None
        )
        api._raise_for_status(response)
    return response


def _feed(stream: RawStream) -> None:
    """Our stdin, until either side ends."""
    with contextlib.suppress(OSError, ValueError):
        while data := os.read(0, _PIECE):
            stream.write(data)
    stream.close_write()


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
