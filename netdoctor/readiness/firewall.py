"""Can Docker's packet filter rules be read, for the causes that lie in them?"""

from __future__ import annotations

from collections.abc import Iterable

from netdoctor.commands import as_root, find_command
from netdoctor.probes.firewall import rules_of_engine
from netdoctor.probes.interface import CannotAsk
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
            yield Line(subject, State.NOTE, "not readable without root: ND704 and parts of ND304", as_root("..."))
        elif not any(find_command(name) for name in ("iptables", "nft")):
            yield Line(subject, State.NOTE, "neither iptables nor nft is installed", "install iptables")
        else:
            yield _tried(subject, situation)


def _tried(subject: str, situation: Situation) -> Line:
    """That the command is there says nothing: a container may not use it, and the engine may be in another one."""
    assert situation.topology is not None
    try:
        rules_of_engine(situation.topology)
    except CannotAsk as refused:
        # What is not there can be installed; what is hidden is to be seen from elsewhere.
        missing = refused.reason.startswith("there is no ")
        remedy = "install it" if missing else "run netdoctor as root on the engine's machine itself, not in a container"
        return Line(subject, State.NOTE, f"not readable: {refused.reason}: ND704 and parts of ND304", remedy)
    return Line(subject, State.OK, "readable")


CHECKS.add("firewall", Firewall(), home=__name__)
