"""Ctrl-C, once and many times: the first unwinds the run, and none of them is lost or ever shows a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType

_installed = False
_knocking = False
_ending = False
_AGAIN = (0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between the knocks at the main thread after a signal."""
_LOCKING = {
    "threading.py": {
        *("__enter__", "__exit__", "_acquire_restore", "_is_owned", "_release_save", "acquire", "notify", "notify_all"),
        "release",
    },
    "_base.py": {"__enter__", "__exit__"},  # of concurrent.futures, which takes the locks of many at once
}
"""Functions of the standard library, by file: what is interrupted there has a lock, and nobody gives it back."""
_put_off: Callable[[], None] | None = None
_times = 0
_MOST = 50
"""How often a signal is put off; whoever is still there by then waits for a lock that does not come."""


def install() -> None:
    """For this process, once, in its main thread. Ctrl-C stays ignored where it is, as in a shell's background."""
    global _installed
    if _installed or threading.current_thread() is not threading.main_thread():
        return
    _installed = True
    _lose_none()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        _unwind_quietly()


def unwind(_number: int, frame: FrameType | None) -> None:
    """A handler: raises KeyboardInterrupt, in a place that can bear it."""
    at_a_good_moment(_raise, frame)


def at_a_good_moment(raising: Callable[[], None], frame: FrameType | None) -> None:
    """Now; or at the next knock, while the main thread is taking or giving back what other threads wait for: they
    would wait for ever, and the end for them."""
    global _put_off, _times
    if _knocking and frame is not None and _is_locking(frame) and _times < _MOST:
        _put_off, _times = raising, _times + 1
        return
    _put_off, _times = None, 0
    raising()


def no_more() -> None:
    """From here on nothing is left to unwind."""
    global _ending, _put_off  # of the process, like the handler
    _ending, _put_off = True, None


def _raise() -> None:
    raise KeyboardInterrupt


def _is_locking(frame: FrameType) -> bool:
    code = frame.f_code
    return code.co_name in _LOCKING.get(os.path.basename(code.co_filename), ())  # noqa: PTH119 - in a handler: no more than this


def _lose_none() -> None:
    """A signal that meets the main thread just before it begins to wait is acted on all the same.

    Python's own part of a handler runs between two steps of the main thread. One that has made its last step before a
    wait of an hour sleeps through: the signal came too early to interrupt the wait, or the system gave it to another
    thread. So every signal leaves a byte in a pipe, and the thread that reads it knocks at the main one.
    """
    global _knocking
    from_signals, to_thread = os.pipe()
    os.set_blocking(to_thread, False)
    main = threading.get_ident()

    def knocked(_number: int, frame: FrameType | None) -> None:
        if _put_off is not None:
            at_a_good_moment(_put_off, frame)

    def knock() -> None:
        while came := os.read(from_signals, 1):
            if came[0] == signal.SIGURG:
                continue
            for pause in _AGAIN:
                time.sleep(pause)
                signal.pthread_kill(main, signal.SIGURG)
            for _ in range(2 * _MOST):
                if _put_off is None:
                    break
                time.sleep(_AGAIN[0])
                signal.pthread_kill(main, signal.SIGURG)

    # Ignored by whoever does not ask for it, and harmless at any moment: it only ends a wait, which then goes on.
    signal.signal(signal.SIGURG, knocked)
    signal.set_wakeup_fd(to_thread, warn_on_full_buffer=False)
    threading.Thread(target=knock, name="netdoctor-signals", daemon=True).start()
    _knocking = True


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

    def interrupt(number: int, frame: FrameType | None) -> None:
        if _ending:
            # All is put back and the end is being told; whoever cannot wait for that ends it with the next one.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        elif frame is None or frame.f_code not in hooks:
            unwind(number, frame)

    sys.excepthook, sys.unraisablehook = excepthook, unraisablehook
    signal.signal(signal.SIGINT, interrupt)
