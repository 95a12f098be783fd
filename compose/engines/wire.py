"""A wire between engines that have network namespaces of their own (as root).

The first one gets a bridge, every other a cable to it; the machine's own network never sees any of it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

ADDRESS = "198.18.214.{}"
"""Of the range that is kept for measuring networks; it exists in these namespaces only."""


def join(pids: Sequence[int]) -> list[str]:
    """Wire the network namespaces of these processes together; their addresses, in order.

    Raises subprocess.CalledProcessError where the kernel refuses. The wire goes away with the namespaces.
    """
    first, addresses = pids[0], [ADDRESS.format(number) for number in range(1, len(pids) + 1)]
    _ip(first, "link", "add", "nodes", "type", "bridge")
    _up(first, "nodes", addresses[0])
    for number, (pid, address) in enumerate(zip(pids[1:], addresses[1:], strict=True), start=2):
        _ip(first, "link", "add", f"node{number}", "type", "veth", "peer", "name", "nodes", "netns", str(pid))
        _ip(first, "link", "set", f"node{number}", "master", "nodes", "up")
        _up(pid, "nodes", address)
    return addresses


def _up(pid: int, name: str, address: str) -> None:
    _ip(pid, "address", "add", f"{address}/24", "dev", name)
    _ip(pid, "link", "set", name, "up")


def _ip(pid: int, *words: str) -> None:
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *words]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
