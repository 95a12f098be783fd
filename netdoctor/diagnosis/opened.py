"""A port that was refused, and at which something listens a moment later: refused is asked once more.

A server that has just been started looks like a packet filter otherwise: nobody listened when it was dialled, and
somebody does when the sockets are read.
"""

from __future__ import annotations

from collections.abc import Iterable

from netdoctor.diagnosis.ask import Asker
from netdoctor.model import Answers, Edge, Outcome, Ref
from netdoctor.probes.interface import World
from netdoctor.probes.listeners import Listeners
from netdoctor.probes.tcp import Tcp


def opened_meanwhile(edges: Iterable[Edge], answers: Answers, world: World) -> dict[Ref, str]:
    """Targets that take a connection now which was refused before, with what to say of each."""
    doubtful: dict[Tcp, Edge] = {}
    for edge in edges:
        if edge.isolated or edge.reverse or edge.port is None or not _listening(edge, answers):
            continue
        for question, observation in answers.asked_at(edge.source):
            refused = observation.outcome is Outcome.REFUSED
            if isinstance(question, Tcp) and question.port == edge.port and refused:
                doubtful[question] = edge
    if not doubtful:
        return {}
    with Asker(world) as again:
        again.ask(doubtful)
        return {
            edge.target: f"it opened port {edge.port} only then"
            for question, edge in doubtful.items()
            if (answer := again.answers.get(question)) is not None and answer.good
        }


def _listening(edge: Edge, answers: Answers) -> bool:
    heard = answers.get(Listeners(edge.target))
    return heard is not None and heard.evidence is not None and bool(heard.evidence.on(edge.port or 0))


__all__ = ["opened_meanwhile"]
