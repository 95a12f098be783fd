"""The name has addresses of both families, and the server listens on one of them only.

What is looked for
  A network with IPv6, a dial to the target's IPv6 address that fails, and, in the target's namespace, a listener on
  that port at an IPv4 address and none that takes IPv6 (or the reverse: IPv6 only, and a refused IPv4 address).

Why it breaks
  On a network with IPv6 the engine gives every member an address of each family, and its DNS answers both, whatever
  the programs do. A server bound to 0.0.0.0 knows nothing of IPv6. Clients that try IPv6 first and do not fall back
  are refused; others are slow the first time; so some clients work, and some do not.

What would prove it wrong
  A listener on `::` (which normally takes IPv4 as well), or an IPv6 dial that opens.

The fix and its safety
  Let the server bind `::`, or take IPv6 off that network, or tell the client to prefer IPv4. A caller that falls back
  works already: then this is a warning.

References
  https://docs.docker.com/engine/daemon/ipv6/
  moby/moby #47055
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Outcome, Question, Remedy, Severity
from netdoctor.probes.listeners import Listeners, ListenersEvidence, is_loopback
from netdoctor.rules._reading import Ends, dial_lines, dials, ends, listeners, listeners_line
from netdoctor.rules.registry import RULES

FAILED = frozenset({Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.NO_ROUTE, Outcome.RESET})


class Ipv6Answer:
    code = "ND305"
    title = "addresses of two families, a listener on one"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND303", "ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        if found is None or not found.target.running or not _failing(case, found):
            return ()
        return (Listeners(found.target.ref),)

    def judge(self, case: Case) -> Iterable[Finding]:
        found, heard = ends(case), listeners(case)
        if found is None or heard is None or found.edge.port is None or not found.target.running:
            return
        port = found.edge.port
        for address in _failing(case, found):
            served, missing = ("IPv4", "IPv6") if ":" in address else ("IPv6", "IPv4")
            if not _one_sided(heard, port, address):
                continue
            target = found.target.name
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.CERTAIN,
                Layer.TARGET,
                (found.target.ref, found.source.ref),
                f"{target} has an {missing} address ({address}), and listens on port {port} for {served} only.",
                (listeners_line(heard), *dial_lines(case)),
                (
                    Remedy(
                        "Listen on both families",
                        advice=f"Let the server in {target} bind [::]:{port}, which takes IPv4 as well; or let "
                        f"{found.source.name} prefer {served}; or take IPv6 off the network.",
                    ),
                ),
            )
            return


def _failing(case: Case, found: Ends) -> list[str]:
    """Addresses of the target that did not take the dial, while it has one of the other family too."""
    theirs = {address for endpoint in found.target.endpoints for address in endpoint.addresses}
    if len({":" in address for address in theirs}) < 2:
        return []
    return [address for address, seen in dials(case) if seen.outcome in FAILED and address in theirs]


def _one_sided(heard: ListenersEvidence, port: int, address: str) -> bool:
    """Whether what listens on that port takes the other family from outside, and not this one."""
    outside = [socket for socket in heard.on(port) if not is_loopback(socket.address)]
    if not outside:
        return False
    if ":" in address:
        return not any(":" in socket.address for socket in outside)
    # An IPv6 any-address normally takes IPv4 too; refused all the same, it was told not to.
    return all(":" in socket.address for socket in outside)


RULE = RULES.add(Ipv6Answer.code, Ipv6Answer(), home=__name__)
