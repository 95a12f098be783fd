"""A name for a container that no container has: never created, scaled to nothing, or simply another one. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from netdoctor.model import Case, Confidence, Container, Question, Ref, Remedy, Topology
from netdoctor.probes.compose_files import ComposeFiles
from netdoctor.rules._placing import set_in
from netdoctor.rules._reading import carried_by_nobody, declared, dns_line

NEAREST = 3


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of such a name."""

    confidence: Confidence
    about: tuple[Ref, ...]
    cause: str
    evidence: tuple[str, ...]
    remedies: tuple[Remedy, ...]


def wants_the_files(case: Case) -> Iterable[Question[Any]]:
    """The caller's compose files may declare who is missing."""
    asked = carried_by_nobody(case)
    return () if asked is None else (ComposeFiles(asked[0].ref),)


def called_by_nobody(case: Case) -> Told | None:
    """None where the edge leads to a container, or where the name is for the world outside."""
    asked = carried_by_nobody(case)
    if asked is None or case.edge is None:
        return None
    source, name = asked
    where = set_in(case.edge, source)
    absent, near = _absent(case, source, name), names_near(case.topology, source, name)
    place = where.removesuffix(f" of {source.name}")
    cause = f"{source.name} uses the name {name}{place}, which no container on its networks carries"
    advice = f"Use the name of a container or service on a network of {source.name}."
    if near:
        advice = f"Use {near[0]} instead of {name}{where}, if that is what is meant."
    remedy = Remedy("Use a name that exists", advice=advice)
    if declared(case.topology):
        cause = f"{source.name} uses the name {name}{place}, and nothing that these files start is called that"
    if absent is not None:
        cause += f": {absent[0]}"
        remedy = Remedy(f"Create {name}", advice=absent[1])
    confidence = Confidence.LIKELY if absent is None else Confidence.CERTAIN
    return Told(
        Confidence.POSSIBLE if may_be_elsewhere(case.topology, source) else confidence,
        (*((case.edge.basis,) if case.edge.basis is not None else ()), source.ref),
        f"{cause}.",
        (*dns_line(case), *((f"nearest names: {', '.join(near)}",) if near else ())),
        (remedy,),
    )


def may_be_elsewhere(topology: Topology, source: Container) -> bool:
    """Files alone do not know who else is on an external network, or whom another resolver knows."""
    if not declared(topology):
        return False
    networks = (topology.network(endpoint.network) for endpoint in source.endpoints)
    return bool(source.dns or source.dns_search) or any(each is None or each.external for each in networks)


def _absent(case: Case, source: Container, name: str) -> tuple[str, str] | None:
    """Why a service of the caller's compose file has no container, as a clause, and what creates it."""
    seen = case.seen.get(ComposeFiles(source.ref))
    found = dict(seen.evidence.absent) if seen is not None and seen.evidence is not None else {}
    if name not in found:
        return None
    files = "its compose file declares that service"
    profiles = found[name]
    if profiles:
        words = "profile" if len(profiles) == 1 else "profiles"
        clause = f"{files} for the {words} {' and '.join(profiles)} only, and it was never created"
        return clause, f"docker compose --profile {profiles[0]} up -d {name}"
    return f"{files}, but it has no container (never created, removed, or scaled to 0)", f"docker compose up -d {name}"


def names_near(topology: Topology, source: Container, name: str) -> tuple[str, ...]:
    """Names like it that others on the caller's networks carry."""
    names = [
        each
        for endpoint in source.endpoints
        for member in topology.members(endpoint.network)
        if member.id != source.id
        for each in (member.endpoint_on(endpoint.network) or endpoint).names
        if not member.id.startswith(each)
    ]
    return tuple(difflib.get_close_matches(name.lower(), dict.fromkeys(names), n=NEAREST, cutoff=0.6))
