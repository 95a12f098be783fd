"""Ctrl-C, once and many times: the first unwinds the run, and none of them is lost or ever shows a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType, TracebackType

_installed = False
_ending = False
_AGAIN = (0.05, 0.2, 0.5, 1.0)
"""Seconds between the knocks at the main thread after a signal."""


def install() -> None:
    """For this process, once, in its main thread. Ctrl-C stays ignored where it is, as in a shell's background."""
    global _installed
    if _installed or threading.current_thread() is not threading.main_thread():
        return
    _installed = True
    _lose_none()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        _unwind_quietly()


def _lose_none() -> None:
    """A signal that meets the main thread just before it begins to wait is acted on all the same.

    Python's own part of a handler runs between two steps of the main thread. One that has made its last step before a
    wait of an hour sleeps through: the signal came too early to interrupt the wait, or the system gave it to another
    thread. So every signal leaves a byte in a pipe, and the thread that reads it knocks at the main one.
    """
    from_signals, to_thread = os.pipe()
    os.set_blocking(to_thread, False)
    main = threading.get_ident()
    # Ignored by whoever does not ask for it, and harmless at any moment: it only ends a wait, which then goes on.
    signal.signal(signal.SIGURG, lambda *_: None)
    signal.set_wakeup_fd(to_thread, warn_on_full_buffer=False)

    def knock() -> None:
        while came := os.read(from_signals, 1):
            if came[0] == signal.SIGURG:
                continue
            for pause in _AGAIN:
                time.sleep(pause)
                signal.pthread_kill(main, signal.SIGURG)

    threading.Thread(target=knock, name="netdoctor-signals", daemon=True).start()


def _unwind_quietly() -> None:
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

    sys.excepthook, sys.unraisablehook = excepthook, unraisablehook
    signal.signal(signal.SIGINT, interrupt)


def no_more() -> None:
    """From here on nothing is left to unwind."""
    global _ending  # of the process, like the handler
    _ending = True
