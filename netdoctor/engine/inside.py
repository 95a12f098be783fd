"""Whether netdoctor seems to run in a container, where what it lacks is given to it by ``docker run``.

Seems: a machine that was made from an image has the mark as well, so nothing is concluded from it alone, and what is
said because of it is said beside what is true elsewhere.
"""

from __future__ import annotations

from pathlib import Path

MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""What an engine puts into a container: Docker, Podman."""


def in_container() -> bool:
    return any(mark.exists() for mark in MARKS)


def to_have_a_socket(socket: Path) -> str:
    """What to add to the hint where there is none; empty where we are in no container."""
    if not in_container():
        return ""
    return f" A container is given the engine's with: docker run -v {socket}:{socket}"


def to_use_a_socket(socket: Path) -> str:
    """What to add where its group is lacking; the group's number can be read where the socket cannot be used."""
    if not in_container():
        return ""
    try:
        group = str(socket.stat().st_gid)
    except OSError:
        group = f'"$(stat -c %g {socket})"'
    return f" A container is given the group with: docker run --group-add {group}"
