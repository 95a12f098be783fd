"""Containers that live in another one's network namespace: is that one still there, and what is it called? Pure."""

from __future__ import annotations

from netdoctor.model import Container, Remedy, Topology
from netdoctor.rules._placing import later


def dead(topology: Topology, one: Container) -> tuple[str, Remedy] | None:
    """Why the namespace that it borrows is of no use, and what to do; None when it borrows none, or a live one."""
    word, _, wanted = (one.network_mode or "").partition(":")
    if word != "container":
        return None
    owner = topology.network_owner(one)
    if owner is None:
        advice = f"docker rm -f {one.name}, then create it again with the owner that is there now."
        return f"lives in the network of container {wanted[:12]}, which is gone", Remedy("Recreate it", advice=advice)
    if owner.state is not None and not owner.state.running:
        advice = f"docker start {owner.name} && docker restart {one.name}"
        title = f"Start {owner.name}, then restart {one.name}"
        return f"lives in the network of {owner.name}, which does not run", Remedy(title, advice=advice)
    if one.state is None or owner.state is None or not one.state.running:
        return None
    if later(owner.state.started_at, one.state.started_at):
        said = f"lives in the network that {owner.name} had before it was restarted; only loopback is left there"
        return said, Remedy(f"Restart {one.name}", advice=f"docker restart {one.name}")
    return None


def names_a_person_uses(topology: Topology, asker: Container, owner: Container) -> tuple[str, ...]:
    """The owner's names on networks that the asker shares with it: no ids, aliases first."""
    shared = {network.id for network in topology.shared_networks(asker, owner)}
    endpoints = [endpoint for endpoint in owner.endpoints if endpoint.network in shared]
    names = [name for endpoint in endpoints for name in (*endpoint.aliases, *endpoint.names)]
    return tuple(dict.fromkeys(name for name in names if not owner.id.startswith(name)))
