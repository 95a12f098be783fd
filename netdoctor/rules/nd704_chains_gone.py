"""Docker's own packet filter rules are gone.

What is looked for
  A dial that was lost (no answer, no route) although the two share a network, or one to the outside; and the
  engine's packet filter, read as root in its own network namespace: no rule of FORWARD leads into a DOCKER chain,
  or neither PREROUTING nor POSTROUTING has a rule of the engine's.

Why it breaks
  The engine writes its rules when it starts and when a container comes or goes. A firewall script that flushes
  (`iptables -F`), an `iptables-restore`, csf or a reload of firewalld takes them away, and the engine does not look
  again. What is left is often "forward nothing": no traffic between containers, no way out, no published port.
  New containers may fail with "No chain/target/match by that name".

What would prove it wrong
  `iptables -S FORWARD` and `iptables -t nat -S` show the engine's rules, in the backend that it uses; or the engine
  was started with `--iptables=false` on purpose, and other rules do its work.

The fix and its safety
  `systemctl restart docker` writes them anew; containers are restarted with it unless live-restore is on. For good:
  let the firewall service not flush, or restart docker after it. netdoctor reads these rules and changes none.

References
  https://docs.docker.com/engine/network/packet-filtering-firewalls/
  moby/moby #16816, #10218
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import HOST, Case, Confidence, Fact, Finding, Layer, Outcome, Question, Remedy, Severity
from netdoctor.probes.firewall import Firewall, FirewallEvidence
from netdoctor.rules._drift import shared
from netdoctor.rules._reading import connected, dial_lines, dials
from netdoctor.rules.registry import RULES

_LOST = (Outcome.TIMED_OUT, Outcome.NO_ROUTE)


class ChainsGone:
    code = "ND704"
    title = "Docker's packet filter rules are gone"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND205", "ND304", "ND503"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return (Firewall(HOST),) if _lost(case) else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        answer = case.seen.get(Firewall(HOST)) if _lost(case) else None
        evidence = answer.evidence if answer is not None and answer.good else None
        if evidence is None or case.edge is None or (evidence.forward and evidence.nat):
            return
        inside = case.target is not None
        # Between two containers of one bridge a missing rule matters only where the rest drops what it is given.
        if inside and (evidence.forward or not evidence.drops):
            return
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if not evidence.chains else Confidence.LIKELY,
            Layer.TCP,
            (HOST, case.edge.source, case.edge.target),
            f"The engine's own packet filter rules are gone ({_missing(evidence)}), so nothing forwards what "
            "containers send.",
            (_said(evidence), *dial_lines(case)),
            (
                Remedy(
                    "Let the engine write them anew",
                    advice="systemctl restart docker (restarts the containers, unless live-restore is on). Then keep "
                    "the firewall from flushing: restart docker after it, or load its rules without -F.",
                ),
            ),
        )


def _lost(case: Case) -> bool:
    """A dial was lost on a path that should carry it."""
    if case.edge is None or case.edge.reverse or connected(case) or (case.target is not None and not shared(case)):
        return False
    if case.target is not None and not all(network.icc for network in shared(case)):
        return False
    return any(observation.outcome in _LOST for _, observation in dials(case))


def _missing(evidence: FirewallEvidence) -> str:
    return " and ".join(t for t, there in (("filter", evidence.forward), ("nat", evidence.nat)) if not there)


def _said(evidence: FirewallEvidence) -> str:
    policy = "FORWARD drops what no rule accepts" if evidence.drops else "FORWARD accepts what no rule forbids"
    return f"chains of the engine: {', '.join(evidence.chains) or 'none'}; {policy}"


RULE = RULES.add(ChainsGone.code, ChainsGone(), home=__name__)
