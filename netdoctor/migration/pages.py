"""Keeps memory that is used again and again, instead of giving it back to the system after every batch.

Arrays and request bodies of a megabyte come and go with every batch. The C library asks the system for each of them
anew, and every page of new memory costs a fault, which was a fifth of all that a migration does.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""As ``malloc.h`` numbers them."""
_KEPT = 32 << 20
"""The most that glibc takes for a block of its own heap; and so much unused memory is kept at its end."""
_HEAPS = 2
"""Threads share them: with one for each, every one keeps what it once had."""


def keep_pages() -> bool:
    """For programs, not for libraries: it is the whole process'. Whether this system's C library has the switch."""
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        return all(
            mallopt(*pair) for pair in ((_MMAP_THRESHOLD, _KEPT), (_TRIM_THRESHOLD, _KEPT), (_ARENA_MAX, _HEAPS))
        )
    return False
