"""Containers that live in another one's network namespace: is that one still there, and what is it called? Pure."""

from __future__ import annotations

from collections.abc import Iterable

from netdoctor.model import Container, Disconnect, Remedy, Topology
from netdoctor.model.joining import join_operation, open_for_joining
from netdoctor.rules._placing import later, networks_of


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


def left_behind(topology: Topology, owner: Container) -> tuple[Container, str, Remedy] | None:
    """One who served in that container's network, and stayed in the one it had before it was restarted or made anew."""
    for each in topology.containers:
        said = dead(topology, each) if each.running and each.id != owner.id else None
        if said is None:
            continue
        now = topology.network_owner(each)
        # The old owner is gone: Compose says that it is started after the service whose network it uses.
        after = each.labels.get("com.docker.compose.depends_on", "").split(",")
        again = now is None and each.project == owner.project and owner.service in [a.partition(":")[0] for a in after]
        if again or (now is not None and now.id == owner.id):
            return each, *said
    return None


def out_of_none(topology: Topology, alone: Container, ends: list[Container]) -> Iterable[Remedy]:
    """Into a network of the other end's instead of none at all."""
    other = next((each for each in ends if each.id != alone.id), None)
    nothing = next((n for n in networks_of(topology, alone) if n.driver == "null"), None)
    found = [n for n in networks_of(topology, other) if open_for_joining(n)] if other is not None else []
    if nothing is not None and found:
        leave = Disconnect(alone.id, alone.name, nothing.id, nothing.name)
        join = join_operation(topology, alone, found[0])
        yield Remedy(f"Connect {alone.name} to {found[0].name}", (leave, join), safe=True)
    yield Remedy("Give it a network", advice=f"Take network_mode: none away from {alone.name} and recreate it.")


def names_a_person_uses(topology: Topology, asker: Container, owner: Container) -> tuple[str, ...]:
    """The owner's names on networks that the asker shares with it: no ids, aliases first."""
    shared = {network.id for network in topology.shared_networks(asker, owner)}
    endpoints = [endpoint for endpoint in owner.endpoints if endpoint.network in shared]
    names = [name for endpoint in endpoints for name in (*endpoint.aliases, *endpoint.names)]
    return tuple(dict.fromkeys(name for name in names if not owner.id.startswith(name)))
