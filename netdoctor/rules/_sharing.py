"""Names that two projects' files put on one external network. Pure; from files alone."""

from __future__ import annotations

from collections.abc import Iterable

from netdoctor.model import Confidence, Container, Finding, Layer, Remedy, Severity, Topology


def clashes(topology: Topology, code: str, title: str) -> Iterable[Finding]:
    """One finding for each name and external network on which containers of different projects carry it."""
    for network in topology.networks:
        if not network.external:
            continue
        carried: dict[str, list[Container]] = {}
        for member in topology.members(network.id):
            endpoint = member.endpoint_on(network.id)
            for name in dict.fromkeys(endpoint.names if endpoint is not None else ()):
                carried.setdefault(name, []).append(member)
        for name, members in carried.items():
            if len({member.project for member in members}) < 2:
                continue
            first, *others = members
            whose = " and ".join(f"{each.service or each.name} of {each.project}" for each in members)
            yield Finding(
                code,
                title,
                Severity.WARNING,
                Confidence.CERTAIN,
                Layer.DNS,
                (others[0].ref.at("networks"), network.ref, first.ref),
                f"On the external network {network.name} the name {name} belongs to {whose}.",
                (f"{network.name}: external",),
                (
                    Remedy(
                        "Give one of them another name",
                        advice=f"Rename that service or alias in one of the files, or take it off {network.name}.",
                    ),
                ),
            )
