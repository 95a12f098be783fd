"""Can a fix be written down, so that it can be undone?"""

from __future__ import annotations

import os
from collections.abc import Iterable

from netdoctor.fixes.store import Store, state_folder
from netdoctor.readiness.interface import CHECKS, Line, Situation, State


class Journal:
    rank = 60

    def look(self, situation: Situation) -> Iterable[Line]:
        engine = situation.engine
        if engine is None:
            return
        folder = state_folder(engine.id, situation.environment, root=situation.root)
        Store(folder, engine.id).read()
        nearest = next(each for each in (folder, *folder.parents) if each.exists())
        if not os.access(nearest, os.W_OK | os.X_OK):
            yield Line(
                "journal",
                State.NOTE,
                f"{folder} cannot be written: netdoctor fix would refuse to change anything",
                "name a folder of yours in NETDOCTOR_STATE_DIR",
            )
            return
        yield Line("journal", State.OK, f"{folder}")


CHECKS.add("journal", Journal(), home=__name__)
