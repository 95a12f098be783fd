"""Containers that are there and cannot be looked at: netdoctor cannot do its work where they matter."""

from __future__ import annotations

from collections.abc import Iterable

from netdoctor.readiness.interface import CHECKS, Line, Situation, State


class Containers:
    rank = 15

    def look(self, situation: Situation) -> Iterable[Line]:
        for each in situation.topology.unseen if situation.topology is not None else ():
            remedy = each.hint or f"look at it with: docker inspect {each.name}"
            yield Line(f"{each.kind} {each.name}", State.BAD, f"could not be looked at: {each.reason}", remedy)


CHECKS.add("containers", Containers(), home=__name__)
