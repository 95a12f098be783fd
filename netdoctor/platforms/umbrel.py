"""Umbrel: an app's compose file is copied anew from the store on every update, and an override file is not read."""

from __future__ import annotations

import re

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import PLATFORMS, Permanence, compose_text, paths_of

_FOLDER = re.compile(r"^(?P<home>/.*?umbrel)/app-data/(?P<app>[^/]+)")


class Umbrel:
    title = "Umbrel"
    rank = 50
    api = None

    def recognises(self, container: Container, topology: Topology) -> bool:
        return any(_FOLDER.match(path) for path in paths_of(container))

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        found = next(match for match in map(_FOLDER.match, paths_of(container)) if match is not None)
        return Permanence(
            self.title,
            why="Umbrel copies this app's compose file anew on every update of the app, and reads no override file.",
            text=(
                "Until the app's next update: add these lines to "
                f"{found['home']}/app-data/{found['app']}/docker-compose.yml, then\n"
                f"umbreld client apps.restart.mutate --appId {found['app']}\n"
                "For good it has to be the other side that joins, where that one is yours: --move.\n"
                f"{compose_text(container, membership)}"
            ),
        )


PLATFORM = PLATFORMS.add("umbrel", Umbrel(), home=__name__)
