"""Programs that run inside a container for us: fixed texts, given to an interpreter that is there already.

Each speaks one protocol on its stdin and stdout: frames of type (1 byte), stream id and length (4 bytes each,
big-endian), payload. Nothing is ever pasted into a text; what it works on arrives in frames or as arguments.

To a relay: ``D`` dial (address, port, timeout; one per line), ``S`` data, ``F`` we send no more, ``C`` close,
``W`` so many bytes were taken, ``U`` datagram (address, port, timeout, then the payload), ``P`` ping (address,
timeout), ``R`` read (a table of /proc/net by its name, /etc/resolv.conf or /etc/hosts; or, as lines of name and
bytes, the MTU of each interface in /sys/class/net).
From a relay: ``H`` here I am, ``O`` connected (seconds), ``E`` failed (errno's name, text, seconds), ``S``, ``F``,
``W``, ``X`` an open stream broke (errno's name, text), ``A`` the answer.
Either side sends at most WINDOW bytes of a stream that the other has not taken yet.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

WINDOW = 262144


@cache
def text(name: str) -> str:
    """The program's text, like ``relay.js``."""
    return files(__name__).joinpath(name).read_text("utf-8")
