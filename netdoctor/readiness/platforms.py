"""Who deploys the containers here, and whether their own way to make a fix last is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from netdoctor.platforms.interface import owner_of
from netdoctor.readiness.interface import CHECKS, Line, Situation, State


class Platforms:
    rank = 50

    def look(self, situation: Situation) -> Iterable[Line]:
        topology = situation.topology
        if topology is None:
            return
        found = Counter(owner_of(container, topology).title for container in topology.containers)
        if not found:
            yield Line("platform", State.OK, "no containers here yet")
            return
        told = ", ".join(f"{title} ({number})" for title, number in found.most_common())
        yield Line("platform", State.OK, f"containers made by {told}")


CHECKS.add("platforms", Platforms(), home=__name__)
