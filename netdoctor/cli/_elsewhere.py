"""A name that is on no container here may be carried on another node of the Swarm: said so, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netdoctor.errors import EngineRefused, NotFound
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.engine.client import Engine


@contextmanager
def on_this_node(engine: Engine, verb: str, source: str | None, target: str | None = None) -> Iterator[None]:
    """Around what looks containers up: a name that only another node carries is told as that.

    Raises NotFound, with what ``netdoctor VERB`` can do about it from here.
    """
    try:
        yield
    except NotFound as error:
        raise _told(engine, error, verb, source, target) from None


def _told(engine: Engine, error: NotFound, verb: str, source: str | None, target: str | None) -> NotFound:
    from netdoctor.edges.address import parse_address
    from netdoctor.engine.swarm import elsewhere

    for text, role in ((source, "source"), (target, "target")):
        name = parse_address(text).host if text and role == "target" else text
        if not name or f"{plain(name)!r}" not in error.message:
            continue
        try:
            found = elsewhere(engine, name)
        except EngineRefused:
            # An engine without Swarm has no other node; that nobody here has the name stays true.
            continue
        if found is None:
            continue
        network, nodes = found
        where = f"{'another node' if len(nodes) == 1 else 'other nodes'} of the Swarm ({', '.join(map(plain, nodes))})"
        hint = f"Run netdoctor {verb} on that node."
        if role == "target" and source:
            hint = _from_here(verb, plain(source), plain(name), plain((target or "").partition(":")[2]) or "PORT")
        return NotFound(
            f"{plain(name)!r} is on the overlay network {plain(network)}, but runs on {where}, where this engine "
            "cannot inspect it.",
            hint=hint,
        )
    return error


def _from_here(verb: str, source: str, name: str, port: str) -> str:
    """The caller is here: its own network can be stood in, and what it finds under the name can be asked."""
    there = f"{source} tcp://{name}:{port}"
    if verb == "tunnel":
        return f"The overlay leads there from here: netdoctor tunnel {there}"
    asked = f"Its name and port can be asked from here: netdoctor check {there}."
    if verb == "fix":
        return f"{asked} A fix is planned where both ends can be seen, or declared in the stack file of {name}."
    return f"{asked} What it listens on, and the way back, only on that node."
