"""The interfaces of a network namespace and how large a packet each takes, by the kernel's oldest calls."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Callable, Iterable

_GET_ADDRESS, _GET_MTU = 0x8915, 0x8921


def mtus(make: Callable[[int, int, int], socket.socket], names: Iterable[str]) -> tuple[tuple[str, str, int], ...]:
    """(interface, IPv4 address or "", MTU in bytes). ``make`` creates a socket in that namespace. Raises OSError."""
    found = []
    with make(socket.AF_INET, socket.SOCK_DGRAM, 0) as asking:
        for name in names:
            request = struct.pack("256s", name.encode()[:15])
            try:
                size = struct.unpack_from("i", fcntl.ioctl(asking, _GET_MTU, request), 16)[0]
            except OSError:
                continue
            try:
                address = socket.inet_ntoa(fcntl.ioctl(asking, _GET_ADDRESS, request)[20:24])
            except OSError:
                address = ""
            found.append((name, address, size))
    return tuple(found)


def names_in(table: str) -> tuple[str, ...]:
    """The interfaces of /proc/net/dev."""
    return tuple(line.partition(":")[0].strip() for line in table.splitlines() if ":" in line)


def sizes_in(lines: str) -> tuple[tuple[str, int], ...]:
    """(interface, MTU) of lines like ``eth0 1500``; a line that is none is passed over."""
    pairs = (line.split() for line in lines.splitlines())
    return tuple((pair[0], int(pair[1])) for pair in pairs if len(pair) == 2 and pair[1].isdecimal())
