"""Ctrl-C, once and many times: the first unwinds the run, and none of them ever shows a traceback."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType

_installed = False
_ending = False


def install() -> None:
    """For this process, once. Does nothing where Ctrl-C is ignored, as in a shell's background."""
    global _installed
    ignored_anyway = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if _installed or ignored_anyway or threading.current_thread() is not threading.main_thread():
        return
    raised, ignored = sys.excepthook, sys.unraisablehook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            raised(kind, error, trace)

    def unraisablehook(unraisable: sys.UnraisableHookArgs) -> None:
        # One that came in a finalizer.
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            ignored(unraisable)

    hooks = (excepthook.__code__, unraisablehook.__code__)

    def interrupt(_number: int, frame: FrameType | None) -> None:
        if _ending:
            # All is put back and the end is being told; whoever cannot wait for that ends it with the next one.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        elif frame is None or frame.f_code not in hooks:
            raise KeyboardInterrupt

    _installed = True
    sys.excepthook, sys.unraisablehook = excepthook, unraisablehook
    signal.signal(signal.SIGINT, interrupt)


def no_more() -> None:
    """From here on nothing is left to unwind."""
    global _ending  # of the process, like the handler
    _ending = True
