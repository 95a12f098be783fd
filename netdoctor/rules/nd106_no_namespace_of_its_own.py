"""One of the two has no network of its own: none at all, another container's, or one that is dead.

What is looked for
  `network_mode: none`, or `container:X` (in Compose `service:X`): whether X is still there, runs, and has not
  been restarted since; whether X shares a network with the other side; and whose names are used.
  Also a refused port of X itself, while somebody who lived in its network was left behind in the old one.

Why it breaks
  `none` leaves only loopback. A borrower lives in the namespace of another container: networks, addresses,
  names and published ports all belong to that one, and the borrower's own name is carried by nobody. The
  engine keeps the owner's id and namespace from the moment the borrower started. When the owner is recreated
  or restarted, the borrower stays in the old namespace, in which nothing but loopback is left: typical after
  an update of a VPN container.

What would prove it wrong
  A connection that opens; or an owner that runs and started before the borrower did.

The fix and its safety
  Restart the borrower after its owner (recreate it when the owner has another id now). Address the owner's
  name, not the borrower's. Where no network is shared, connect the owner. A container with `none` leaves it and
  joins a network, which is undone as easily, but was perhaps meant to be alone.

References
  https://docs.docker.com/engine/network/#container-networks
  passteque/gluetun #641, #504
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Container,
    Edge,
    Fact,
    Finding,
    Layer,
    Question,
    Remedy,
    Severity,
    carriers,
)
from netdoctor.model.joining import common_networks, preferred_join
from netdoctor.rules._borrowing import dead, left_behind, names_a_person_uses, out_of_none
from netdoctor.rules._placing import caller, mode, runs, set_in
from netdoctor.rules._reading import declared, dial_lines, dns_line, name_failed, networks_line, refused, works
from netdoctor.rules.registry import RULES


class NoNamespaceOfItsOwn:
    code = "ND106"
    title = "no network, or another container's"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND101", "ND102", "ND201", "ND204", "ND205", "ND211", "ND304", "ND501", "ND503"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        asked, target = caller(case), case.target
        if asked is None or (target is not None and target.id == asked[1].id) or works(case):
            return
        edge, source = asked
        ends = [source, *([target] if target is not None else [])]
        for one in ends:
            said = dead(case.topology, one)
            if said is not None:
                yield _finding(case, one, f"{one.name} {said[0]}.", said[1])
                return
            # Who only waits for another to start was perhaps meant to be alone.
            waits = edge.origin == "depends_on"
            if mode(case.topology, one) == "none" and not waits and runs(one):
                cause = f"{one.name} has no network at all (network_mode: none)."
                yield _finding(case, one, cause, *out_of_none(case.topology, one, ends))
                return
        if target is not None and all(runs(each) for each in ends):
            yield from _borrowed(case, edge, source, target)
            yield from _left_behind(case, edge, target)


def _left_behind(case: Case, edge: Edge, target: Container) -> Iterable[Finding]:
    lost = left_behind(case.topology, target) if refused(case) else None
    if lost is not None:
        cause = f"Nobody serves at {target.name}:{edge.port}: {lost[0].name} {lost[1]}."
        yield replace(_finding(case, lost[0], cause, lost[2]), confidence=Confidence.LIKELY)


def _finding(case: Case, about: Container, cause: str, *remedies: Remedy) -> Finding:
    edge = case.edge
    refs = [edge.target, edge.source] if edge is not None else []
    return Finding(
        NoNamespaceOfItsOwn.code,
        NoNamespaceOfItsOwn.title,
        Severity.ERROR,
        Confidence.CERTAIN,
        Layer.MEMBERSHIP,
        (about.ref, *(each for each in refs if each != about.ref)),
        cause,
        # "container:" and as much of an id as `docker ps` shows.
        (f"{about.name}: network_mode {(about.network_mode or 'none')[:22]}", *dns_line(case), *dial_lines(case)),
        remedies,
    )


def _borrowed(case: Case, edge: Edge, source: Container, target: Container) -> Iterable[Finding]:
    topology = case.topology
    mine, theirs = topology.network_owner(source), topology.network_owner(target)
    if mine is None or theirs is None or (mine is source and theirs is target):
        return
    if "host" in (mode(topology, mine), mode(topology, theirs)):
        return
    about, owner = (source, mine) if mine is not source else (target, theirs)
    uses = f"{about.name} lives in the network of {owner.name}"
    where = set_in(edge, source)
    # From files alone nobody has asked; that nobody carries the name is known all the same.
    unasked = declared(topology) and edge.name is not None and not carriers(topology, source, edge.name)
    nameless = name_failed(case) or unasked
    if mine.id == theirs.id:
        if nameless:
            advice = f"Use 127.0.0.1 instead of {edge.name}{where}."
            both = f"{source.name} and {target.name} both live in the network of {mine.name}, without {edge.name}."
            yield _finding(case, about, both, Remedy("Use loopback", advice=advice))
        return
    if not common_networks(topology, mine, theirs):
        joins = preferred_join(topology, mine, theirs)
        lines = f"{networks_line(mine)}; {networks_line(theirs)}"
        remedies = [
            Remedy(f"Connect {join.container_name} to {join.network_name}", (join,), safe=True) for join in joins
        ]
        yield _finding(case, about, f"{uses}, and no network is shared ({lines}).", *remedies)
    elif nameless and theirs is not target:
        own = names_a_person_uses(topology, mine, theirs)
        cause = (
            f"{target.name} lives in the network of {theirs.name} and so carries no name: {edge.name} leads nowhere."
        )
        advice = f"Use {own[0] if own else theirs.name} instead of {edge.name}{where}."
        yield _finding(case, about, cause, Remedy(f"Use the name of {theirs.name}", advice=advice))


RULE = RULES.add(NoNamespaceOfItsOwn.code, NoNamespaceOfItsOwn(), home=__name__)
