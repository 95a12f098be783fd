"""Can Docker's packet filter rules be read, for the causes that lie in them?"""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from netdoctor.readiness.interface import CHECKS, Line, Situation, State


class Firewall:
    rank = 30

    def look(self, situation: Situation) -> Iterable[Line]:
        engine = situation.engine
        if engine is None:
            return
        subject = "packet filter"
        if not engine.on_this_machine:
            yield Line(subject, State.NOTE, "not readable: the engine runs on another machine", "run netdoctor there")
        elif not situation.root:
            yield Line(subject, State.NOTE, "not readable without root: ND704 and parts of ND304", "sudo netdoctor ...")
        elif not any(shutil.which(name) for name in ("iptables", "nft")):
            yield Line(subject, State.NOTE, "neither iptables nor nft is installed", "install iptables")
        else:
            yield Line(subject, State.OK, "readable")


CHECKS.add("firewall", Firewall(), home=__name__)
