"""A macvlan (or ipvlan) container and its own host do not talk.

What is looked for
  The host (or a container in host mode) that dials a container whose networks are all macvlan or ipvlan, and gets no
  answer: no route after three seconds, or silence. Or the other way: such a container that dials an address of its
  host. The host's routes and addresses are read to see that the way is over the parent interface.

Why it breaks
  The container's interface is a child of one of the host's own (the network's `parent`). What the host sends over the
  parent leaves through the cable and is not delivered to a child, and what a child sends does not come up to the
  parent: the kernel is made so. Others on that LAN reach the container, and its neighbours on the same network do;
  only its own host does not, so that everything looks healthy from everywhere else. Published ports have no effect on
  such a network.

What would prove it wrong
  A connection that opens, or a refusal: then there is a way. A route to the container over another interface of the
  host (a shim that exists already, a second card): then this is not said.

The fix and its safety
  Put the container on a bridge besides: the host is on every bridge. An internal one changes neither its way out nor
  its default route, and nobody else is on it. Or give the host a child of its own on the same parent (a shim) with a
  route to the container; nothing changes for the container, and it takes root on the host. The other way round the
  container then uses the shim's address, or the bridge's gateway.

References
  https://docs.docker.com/engine/network/drivers/macvlan/
  https://docs.docker.com/engine/network/drivers/ipvlan/
  https://docs.kernel.org/networking/ipvlan.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import HOST, Case, Confidence, Fact, Finding, Layer, Question, Severity
from netdoctor.probes.addresses import Addresses
from netdoctor.probes.routes import Routes
from netdoctor.probes.routes import shown as shown_route
from netdoctor.rules._parents import Lost, holding, lost, parent_of, remedies, shown
from netdoctor.rules._placing import HOST_ALIASES, literal
from netdoctor.rules._reading import dial_lines, dns_line, network_names
from netdoctor.rules._speaking import about, name_of
from netdoctor.rules.registry import RULES

Told = tuple[Confidence, tuple[str, ...]]


class ParentAndChild:
    code = "ND113"
    title = "macvlan and its own host do not talk"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND304", "ND307", "ND311"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = lost(case)
        if found is not None:
            yield Routes(HOST) if found.from_host else Addresses(HOST)

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, found = case.edge, lost(case)
        if edge is None or found is None:
            return
        told = _outwards(case, found) if found.from_host else _upwards(case, found)
        if told is None:
            return
        confidence, lines = told
        child, parent = found.child.name, parent_of(found.network) or "its parent"
        who = "the host" if edge.source == HOST else f"{name_of(case, edge.source)}, in host mode,"
        where, ends = f"{child} is only on the {shown(found.network)}", f"{who} cannot reach {child}"
        if not found.from_host:
            where = f"{child} sends over the {shown(found.network)}, and {edge.name or found.address} is its own host"
            ends = f"{child} cannot reach it"
        named = () if literal(edge.name) else dns_line(case)
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            confidence,
            Layer.MEMBERSHIP,
            (*(ref for ref in about(edge) if ref != HOST), found.network.ref),
            f"{where}; the kernel delivers nothing between {parent} and what sits on it, so {ends}.",
            (f"{child} is on: {network_names(found.child)}", *lines, *named, *dial_lines(case)),
            tuple(remedies(case, found)),
        )


def _outwards(case: Case, found: Lost) -> Told | None:
    """From the host to the child: unless its routes say that the way is another."""
    seen = case.seen.get(Routes(HOST))
    if seen is None or seen.evidence is None or ":" in found.address:
        return Confidence.LIKELY, ()
    way, parent = seen.evidence.way_to(found.address), parent_of(found.network)
    if way is None:
        return Confidence.LIKELY, (f"the host has no route to {found.address}",)
    if parent is not None and way.interface != parent:
        return None
    sure = Confidence.CERTAIN if parent is not None else Confidence.LIKELY
    return sure, (f"the host's route to {found.address}: {shown_route(way)}",)


def _upwards(case: Case, found: Lost) -> Told | None:
    """From the child to its host: only an address that is surely the host's own."""
    seen = case.seen.get(Addresses(HOST))
    own = seen.evidence.addresses if seen is not None and seen.evidence is not None else ()
    bridges = {gateway for each in case.topology.networks if each.driver == "bridge" for gateway in each.gateways}
    line = (f"{found.address} is an address of the host",)
    if found.address in own and holding((found.network,), found.address) is not None:
        return Confidence.CERTAIN, line
    # No router on a LAN knows a bridge's gateway: what a child sends there goes nowhere.
    named = case.edge is not None and (case.edge.name or "").lower() in HOST_ALIASES
    return (Confidence.LIKELY, line) if found.address in bridges or (named and found.address in own) else None


RULE = RULES.add(ParentAndChild.code, ParentAndChild(), home=__name__)
