"""Network interfaces without iproute2, which a small Debian does not have (as root).

python3 netif.py up NAME | add-bridge NAME | delete-bridge NAME

Exit status 0 when done, 1 with the system's own words when not.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys

GET_FLAGS, SET_FLAGS, ADD_BRIDGE, DELETE_BRIDGE = 0x8913, 0x8914, 0x89A0, 0x89A1  # linux/sockios.h
UP = 1


def _change_flags(control: socket.socket, name: bytes, keep: int, add: int) -> None:
    answer = fcntl.ioctl(control, GET_FLAGS, struct.pack("16sh14x", name, 0))
    flags = struct.unpack("16sh14x", answer)[1]
    fcntl.ioctl(control, SET_FLAGS, struct.pack("16sh14x", name, flags & keep | add))


def main(verb: str, interface: str) -> None:
    name = interface.encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        if verb == "up":
            _change_flags(control, name, ~0, UP)
        elif verb == "add-bridge":
            fcntl.ioctl(control, ADD_BRIDGE, struct.pack("16s", name))
        elif verb == "delete-bridge":
            # The kernel refuses to delete a bridge that is up.
            _change_flags(control, name, ~UP, 0)
            fcntl.ioctl(control, DELETE_BRIDGE, struct.pack("16s", name))
        else:
            raise ValueError(f"no verb {verb}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, TypeError, ValueError) as error:
        sys.exit(f"netif: {error}")
