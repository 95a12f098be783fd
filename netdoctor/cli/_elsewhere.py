"""A name that is on no container here may be carried on another node of the Swarm: said so, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdoctor.errors import EngineRefused, NotFound
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.engine.client import Engine


def on_another_node(engine: Engine, error: NotFound, source: str | None, target: str | None) -> NotFound:
    """The same error, or that the name is carried on another node of the Swarm, and what can be asked from here."""
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
        hint = "Run this on that node."
        if role == "target" and source:
            port = (target or "").partition(":")[2] or "PORT"
            hint = (
                f"Its name and port can be asked from here: netdoctor check {plain(source)} tcp://{plain(name)}:"
                f"{plain(port)}. What it listens on, and the way back, only on that node."
            )
        return NotFound(
            f"{plain(name)!r} is on the overlay network {plain(network)}, but runs on {where}, where this engine "
            "cannot inspect it.",
            hint=hint,
        )
    return error
