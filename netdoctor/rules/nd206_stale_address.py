"""An address is written down, in `extra_hosts` or in a variable, and it is not the target's any more.

What is looked for
  A line of `extra_hosts` for the name in use, whose address is not one of the target's; or an IP address in
  the caller's environment (or as the target itself) that lies in a subnet of the caller's networks and
  belongs to no container. The address is dialled. A line that `--link` wrote counts like one of `extra_hosts`.

Why it breaks
  Containers get their addresses anew when they are recreated, in the order in which they start. What was
  right when somebody looked it up leads nowhere afterwards ("no route to host" after three seconds), or to
  whoever got the address next.

What would prove it wrong
  A container with that address, by inspect; or a connection that opens to an address outside the engine's
  networks (a machine of the user's own): that is not reported.

The fix and its safety
  Use the name instead of the address, and take the line out of `extra_hosts`: the engine knows the present
  address. It takes a recreation of the caller. Where it must be an address, fix it: `ipv4_address` on a
  network with a subnet of its own.

References
  https://docs.docker.com/compose/how-tos/networking/
  docker/compose #2003, getsentry/self-hosted #1795
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Edge, Fact, Finding, Layer, Outcome, Question, Ref, Remedy, Severity
from netdoctor.model.topology import Container
from netdoctor.probes.tcp import Tcp
from netdoctor.rules._placing import caller, owner_of_address, runs
from netdoctor.rules._reading import SAID, dns, linked, works
from netdoctor.rules._written import Written, stale_values
from netdoctor.rules.registry import RULES

LINKED = "the hosts file (--link)"
_ANSWERED = (Outcome.CONNECTED, Outcome.REFUSED)


class StaleAddress:
    code = "ND206"
    title = "extra_hosts or a literal address is stale"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND201", "ND203", "ND304"})
    by_absence = True

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        asked = caller(case)
        for written in _written(case) if asked is not None else ():
            if asked is not None and (written.port or asked[0].port):
                yield Tcp(asked[1].ref, written.address, written.port or asked[0].port or 0)

    def judge(self, case: Case) -> Iterable[Finding]:
        asked = caller(case)
        if asked is None:
            return
        edge, source = asked
        for written in _written(case):
            dial = case.seen.get(Tcp(source.ref, written.address, written.port or edge.port or 0))
            owner = owner_of_address(case.topology, written.address)
            if dial is not None and owner is None and dial.outcome in _ANSWERED:
                continue
            # Without a dial only inspect speaks: it cannot know of machines outside the engine.
            sure = dial is not None and dial.known and (owner is not None or not dial.good)
            whose = f"{owner.name} has now" if owner is not None else "no container has"
            where = f"{written.where} of {source.name}"
            holds = (
                f"{where[0].upper()}{where[1:]} holds"
                if written.where == LINKED
                else f"{where} holds"
                if written.where
                else f"{source.name} uses"
            )
            target = case.target
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.CERTAIN if sure else Confidence.LIKELY,
                Layer.DNS,
                (_place(written, source), *([target.ref] if target is not None else []), source.ref),
                f"{holds} the address {written.address}, which {whose}.",
                (
                    *(_now(target) if target is not None else ()),
                    *((f"tcp {written.address}: {SAID.get(dial.outcome, dial.outcome.value)}",) if dial else ()),
                ),
                (_remedy(edge, target, written, where),),
            )
            return


def _written(case: Case) -> tuple[Written, ...]:
    """Addresses that are written down for this edge and are not the target's."""
    asked, target = caller(case), case.target
    if asked is None or (target is not None and not runs(target)):
        return ()
    edge, source = asked
    present = {a for endpoint in (case.topology.endpoints_of(target) if target else ()) for a in endpoint.addresses}
    found = []
    for line in source.extra_hosts or ():
        name, _, address = line.partition(":")
        # The name of the host itself stands for the machine, wherever that is.
        if name.lower() != (edge.name or "").lower() or address in present or target is None or works(case):
            continue
        if address and address != "host-gateway":
            found.append(Written("extra_hosts", address.strip("[]"), None, ("extra_hosts", line)))
    answer = dns(case)
    if target is not None and linked(source, edge.name or "") and answer is not None and answer.evidence is not None:
        lost = [each for each in answer.evidence.answers if each not in present and not works(case)]
        found += [Written(LINKED, each, None, ("links", edge.name or "")) for each in lost]
    return (*found, *stale_values(case.topology, edge, source, target))


def _now(target: Container) -> Iterable[str]:
    for endpoint in target.endpoints:
        yield f"{target.name} is at {' and '.join(endpoint.addresses) or 'no address'} on {endpoint.network_name}"


def _place(written: Written, source: Container) -> Ref:
    return source.ref.at(*written.path) if written.path else source.ref


def _remedy(edge: Edge, target: Container | None, written: Written, where: str) -> Remedy:
    name = (target.service or target.name) if target is not None else "the name of the container that is meant"
    if written.where == "extra_hosts":
        advice = f"Take the line {':'.join(written.path[1:])} out of {where}, and recreate the container."
    elif written.where == LINKED:
        advice = f"Recreate the container after {name}: the line is written when it starts. On a network of their own, "
        advice += "names are looked up each time, and need no --link."
    else:
        inside = f" in {where}, and recreate the container" if written.where else ""
        advice = f"Use {name} instead of {written.address}{inside}."
    return Remedy("Use the name, not the address", advice=advice)


RULE = RULES.add(StaleAddress.code, StaleAddress(), home=__name__)
