"""How each kind of server is told to name addresses that its clients can reach: exact text, applied by nobody here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netdoctor.model import Case, Connect, Fact, Ref, Remedy
from netdoctor.model.joining import join_operation, joinable, open_for_joining
from netdoctor.probes.followed import is_loopback, spelled
from netdoctor.rules._elsewhere import Sent, owners
from netdoctor.rules._elsewhere_written import advertised_variable, listeners_in
from netdoctor.rules._speaking import name_of, where_set

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}\Z")


def subjects(case: Case) -> tuple[Ref, ...]:
    """The variable that says so, where the target has one."""
    variable = advertised_variable(case.target)
    return (case.target.ref.at("environment", variable),) if case.target is not None and variable else ()


def remedies(case: Case, found: Sent) -> Iterator[Remedy]:
    """A network on which all of those addresses are, where there is one, and what the server should say instead."""
    join = _join(case, found)
    if join is not None:
        yield Remedy(f"Connect {join.container_name} to {join.network_name}", (join,), safe=True)
    yield _said_otherwise(case, found)


def _join(case: Case, found: Sent) -> Connect | None:
    caller = case.source
    if caller is None or joinable(caller) is not None or Fact.RUNTIME not in case.topology.knows:
        return None
    among = [{endpoint.network for _, endpoint in owners(case, each.host)} for each, _ in found.lost]
    shared = [network for network in case.topology.networks if all(network.id in each for each in among)]
    chosen = next((network for network in shared if open_for_joining(network)), None)
    return join_operation(case.topology, caller, chosen) if chosen is not None else None


def _said_otherwise(case: Case, found: Sent) -> Remedy:
    """For the sort of addresses that this server names."""
    target = name_of(case, case.edge.target) if case.edge is not None else ""
    caller = name_of(case, case.edge.source) if case.edge is not None else ""
    if found.sort == "brokers":
        return _kafka(case, found, target, caller)
    if found.sort.startswith("replica set"):
        return _mongo(case, found, target, caller)
    if found.sort == "cluster":
        advice = (
            "Give each node a name that its clients resolve: --cluster-announce-hostname NAME and "
            "--cluster-preferred-endpoint-type hostname (Redis 7 and later), else --cluster-announce-ip with its "
            f"address on a network that {caller} is on. Every node of the cluster must reach it there too."
        )
        return Remedy("Announce addresses that the clients reach", advice=advice)
    if found.sort == "sentinel":
        advice = (
            "In sentinel.conf, before the masters: sentinel resolve-hostnames yes, sentinel announce-hostnames yes; "
            "then sentinel monitor with the master's name instead of its address, and replica-announce-ip NAME at each "
            f"server. Or let {caller} join the network on which those addresses are."
        )
        return Remedy("Let the Sentinel name the master as its clients reach it", advice=advice)
    place = spelled(found.lost[0][0].host, found.lost[0][0].port)
    advice = (
        f"Set the address under which {target} believes to be visited (its base or public URL, server_name) to one "
        f"that {caller} reaches too, let it redirect to paths only, or give {caller} the final address, not {place}."
    )
    return Remedy("Redirect to a place that the caller reaches", advice=advice)


def _dialled_as(case: Case) -> str:
    """The name by which the caller gets there."""
    edge, target = case.edge, case.target
    named = edge.name if edge is not None else None
    if named and _NAME.match(named) and not is_loopback(named) and not named.replace(".", "").isdigit():
        return named
    own = (target.service or target.name) if target is not None else ""
    return own if _NAME.match(own) else "NAME"


def _names(case: Case) -> frozenset[str]:
    """By which the target is known on a network that the caller is on, too."""
    if case.source is None or case.target is None:
        return frozenset()
    shared = {network.id for network in case.topology.shared_networks(case.source, case.target)}
    return frozenset(name for each in case.target.endpoints if each.network in shared for name in each.names)


def _kafka(case: Case, found: Sent, target: str, caller: str) -> Remedy:
    name, variable = _dialled_as(case), advertised_variable(case.target)
    port = case.edge.port if case.edge is not None else None
    bad = [spelled(each.host, each.port) for each, _ in found.lost]
    written = (case.target.env(variable) or "") if case.target is not None and variable else ""
    listeners = listeners_in(written)
    title = "Advertise an address that the clients reach"
    if len(found.places) > 1:
        example = f"{variable or 'KAFKA_ADVERTISED_LISTENERS'}=PLAINTEXT://<its service name>:{port}"
        return Remedy(title, advice=f"Let each broker advertise its own name on the clients' network: {example}")
    if case.target is not None and "redpanda" in case.target.image.rpartition("/")[2]:
        return Remedy(title, advice=f"Start {target} with --advertise-kafka-addr {name}:{port}, and recreate it.")
    other = next((each for each in listeners if each.host.lower() in _names(case)), None)
    if other is not None and other.port != port:
        place = spelled(other.host, other.port)
        advice = f"Let {caller} use {place}{where_set(case)}: {target} has the listener {other.name} there."
        return Remedy("Use the listener for containers", advice=advice)
    text = f"PLAINTEXT://{name}:{port}"
    if listeners:
        text = ",".join(
            each.at(name, port) if spelled(each.host, each.port) in bad else str(each) for each in listeners
        )
    advice = f"In {target}, set {variable or 'KAFKA_ADVERTISED_LISTENERS'}={text} and recreate it."
    if any(is_loopback(each.host) for each, _ in found.lost):
        advice += (
            f" Programs on the machine itself that use {bad[0]} then need a listener of their own, on another port "
            "(KAFKA_LISTENERS, KAFKA_LISTENER_SECURITY_PROTOCOL_MAP)."
        )
    return Remedy(title, advice=advice)


def _mongo(case: Case, found: Sent, target: str, caller: str) -> Remedy:
    port = case.edge.port if case.edge is not None else None
    alone = found.all_of == 1
    lost = found.lost[0][0]
    new = f"{_dialled_as(case)}:{port}" if alone else "NAME:PORT"
    old = spelled(lost.host, lost.port)
    script = (
        f'c = rs.conf(); c.members.forEach(m => {{ if (m.host == "{old}") m.host = "{new}" }}); '
        f"rs.reconfig(c{', {force: true}' if alone else ''})"
    )
    advice = f"In mongosh at {target}: {script}"
    if not alone:
        advice += ", with the name that every member and every client has for it, one member at a time"
    return Remedy(
        "Name the members as the clients reach them",
        advice=f"{advice}. Or, for one server only, add directConnection=true to the URL of {caller}.",
    )
