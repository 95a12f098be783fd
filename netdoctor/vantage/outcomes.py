"""What an errno of a dial means: one table for every vantage."""

from __future__ import annotations

import errno
import os

from netdoctor.model import Outcome
from netdoctor.vantage.interface import CannotAsk, DialFailed

OUTCOME_OF_ERRNO: dict[int, Outcome] = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.ETIMEDOUT: Outcome.TIMED_OUT,
    errno.ECONNRESET: Outcome.RESET,
    errno.EPIPE: Outcome.RESET,
    errno.ECONNABORTED: Outcome.RESET,
    errno.EHOSTUNREACH: Outcome.NO_ROUTE,
    errno.ENETUNREACH: Outcome.NO_ROUTE,
    errno.ENETDOWN: Outcome.NO_ROUTE,
    errno.EHOSTDOWN: Outcome.NO_ROUTE,
    errno.EACCES: Outcome.NO_ROUTE,  # a "prohibit" route
    errno.EAFNOSUPPORT: Outcome.NO_ROUTE,  # no IPv6 in this kernel
}


def failure(number: int | None, *, address: str, seconds: float, text: str = "") -> DialFailed | CannotAsk:
    """The exception for a dial that ended with that errno; one that says nothing about the path is CannotAsk."""
    detail = text or (os.strerror(number) if number else "")
    # An IPv6 address with no IPv6 address of our own to start from; for IPv4 the same errno means no free port.
    if number == errno.EADDRNOTAVAIL and ":" in address:
        return DialFailed(Outcome.NO_ROUTE, detail, errno=number, seconds=seconds)
    outcome = OUTCOME_OF_ERRNO.get(number) if number is not None else None
    if outcome is None:
        return CannotAsk(f"the connection could not be tried: {detail or 'unknown error'}")
    return DialFailed(outcome, detail, errno=number, seconds=seconds)


def timed_out(seconds: float) -> DialFailed:
    """No answer within our own timeout: the kernel has not given up yet, so there is no errno."""
    return DialFailed(Outcome.TIMED_OUT, f"no answer in {seconds:.1f} s", seconds=seconds)
