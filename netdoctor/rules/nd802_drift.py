"""The compose file and what runs disagree.

What is looked for
  On a container of the connection, compared with the compose file that its labels name: a network that the file
  declares, that the other end is on, and that the container is not attached to; an alias that the file gives it on a
  shared network and that it does not carry; another value of the variable that names the target; or a service that
  is no longer in the file at all. `netdoctor check --drift` compares whole projects, asked or not: networks, names,
  containers older than the file, services that do not run.

Why it breaks
  It works as it is, or fails for a reason of its own. But somebody changed one side only: a disconnect by hand, a
  reconnect without the aliases, an edit that was never deployed, a switch in a platform that has not taken effect.
  The next deploy brings what the file says, whether that is wanted or not.

What would prove it wrong
  `docker compose config` agrees with `docker inspect`. What a shell's variables decide is left out here.

The fix and its safety
  Decide which side is right. If it is the file: `docker compose up -d SERVICE` makes the container anew. If it is
  what runs: correct the file. Nothing needs to be done at once.

References
  https://docs.docker.com/reference/cli/docker/compose/up/
  coollabsio/coolify #11371, docker/compose #4140
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.rules._drift import PATH_CAUSES, End, compared, recreate, shared, wants_files
from netdoctor.rules._variables import mentions
from netdoctor.rules.registry import RULES


class Drift:
    code = "ND802"
    title = "compose file and runtime disagree"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()
    follows = PATH_CAUSES | {"ND605", "ND801", "ND803"}

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return wants_files(case)

    def judge(self, case: Case) -> Iterable[Finding]:
        for end in compared(case):
            found = list(_differences(case, end))
            if not found:
                continue
            others = (end.other.ref,) if end.other is not None else ()
            yield Finding(
                self.code,
                self.title,
                Severity.WARNING,
                Confidence.CERTAIN,
                Layer.MEMBERSHIP,
                (end.container.ref, *others),
                f"{end.container.name} and {end.named} disagree: {found[0]}.",
                tuple(found),
                (
                    Remedy(
                        "Let one follow the other",
                        advice=f"If the file is right: {recreate(end.container)}. If not, correct the file.",
                    ),
                ),
            )


def _differences(case: Case, end: End) -> Iterator[str]:
    """Those that touch this connection; others are nobody's concern here."""
    name, other, target = end.container.name, end.other, case.target
    if not end.files.declared:
        yield f"the service {end.container.service} is no longer in the file"
        return
    met = {each.network_name for each in case.topology.endpoints_of(other)} if other is not None else set()
    met |= {
        n for each in compared(case) if other is not None and each.container.id == other.id for n in each.files.missing
    }
    for network in end.files.missing:
        if network in met:
            yield f"{name} is not on {network}, which the file declares"
    common = {network.name for network in shared(case)}
    carried = {name for e in end.container.endpoints if e.network_name in common for name in e.names}
    for network, alias in end.files.aliases:
        # Another network that the two share may give the same name.
        if network in common and alias.lower() not in carried:
            yield f"{name} does not have the name {alias} on {network}, which the file gives it"
    for each in end.files.changed:
        is_caller = case.source is not None and end.container.id == case.source.id and target is not None
        if is_caller and target is not None and each.running != each.declared and mentions(each.running or "-", target):
            yield f"{each.variable} leads to {each.running}, and to {each.declared or 'nobody'} by the file"


RULE = RULES.add(Drift.code, Drift(), home=__name__)
