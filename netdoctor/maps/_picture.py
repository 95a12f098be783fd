"""A topology and what was found between its containers, as a picture."""

from __future__ import annotations

from netdoctor.maps.interface import BROKEN, HOLDS, UNASKED, UNKNOWN, UNSEEN, Arrow, Box, Cause, Joint, Net, Picture
from netdoctor.model import HOST, Container, Edge, Endpoint, Finding, Network, Ref, Report, Topology, Unseen, Verdict
from netdoctor.redact import redact_text
from netdoctor.terminal import plain

_SAYS = {Verdict.HOLDS: HOLDS, Verdict.BROKEN: BROKEN, Verdict.UNKNOWN: UNKNOWN}
_UNDRAWN = ("host", "null")
"""Drivers of networks that connect nobody."""


def picture_of(topology: Topology, report: Report | None = None, declared: tuple[Edge, ...] = ()) -> Picture:
    """``report``: what was asked. Without it the ``declared`` edges are drawn as not asked."""
    used = {endpoint.network for container in topology.containers for endpoint in container.endpoints}
    nets = [each for each in topology.networks if each.driver not in _UNDRAWN]
    # Empty networks of Docker's own say nothing; one that somebody made and nobody is on may be the answer.
    nets = [each for each in nets if each.id in used or not each.default_bridge]
    drawn = {each.id for each in nets}
    boxes = [_box(topology, container, drawn) for container in topology.containers]
    boxes += [_unseen(each) for each in topology.unseen]
    arrows = _arrows(report) if report is not None else [_unasked(topology, edge) for edge in declared]
    known = {box.id for box in boxes}
    for arrow in arrows:
        for end in (arrow.source, arrow.target):
            if end not in known:
                known.add(end)
                boxes.append(_outsider(end))
    where = f" at {_text(topology.endpoint)}" if topology.endpoint else ""
    version = f"Docker Engine {_text(topology.engine_version)}" if topology.engine_version else "Topology"
    return Picture(
        f"{version}{where}",
        tuple(sorted((_net(each) for each in nets), key=lambda each: (each.name, each.id))),
        tuple(sorted(boxes, key=lambda each: (each.kind != "container", each.name, each.id))),
        tuple(arrows),
    )


def _text(text: str | None) -> str:
    return plain(redact_text(text or ""))


def _net(network: Network) -> Net:
    flags = []
    if network.driver != "bridge":
        flags.append(_text(network.driver))
    if network.internal:
        flags.append("internal")
    if not network.icc:
        flags.append("ICC off")
    if network.default_bridge:
        flags.append("no names")
    if network.external:
        flags.append("external")
    return Net(network.id, _text(network.name), tuple(flags), tuple(_text(each) for each in network.subnets))


def _box(topology: Topology, container: Container, drawn: set[str]) -> Box:
    state = container.state
    said = "" if state is None else state.status + (" (paused)" if state.paused and state.status != "paused" else "")
    if container.health is not None and container.health.status not in ("none", ""):
        said = f"{said}, {container.health.status}" if said else container.health.status
    joints = [_joint(endpoint) for endpoint in container.endpoints if endpoint.network in drawn]
    return Box(
        container.id,
        _text(container.name),
        state=_text(said),
        up=state is None or container.running,
        image=_text(container.image),
        joints=tuple(sorted(joints, key=lambda each: each.net)),
        note="" if joints else _note(topology, container),
    )


def _joint(endpoint: Endpoint) -> Joint:
    return Joint(
        endpoint.network,
        tuple(_text(each) for each in endpoint.addresses),
        tuple(dict.fromkeys(_text(each) for each in endpoint.aliases)),
    )


def _note(topology: Topology, container: Container) -> str:
    mode = container.network_mode or ""
    if mode == "host":
        return "host networking"
    if mode == "none":
        return "no network"
    if mode.startswith("container:"):
        owner = topology.network_owner(container)
        return f"in {_text(owner.name)}'s namespace" if owner is not None else "in a namespace that is gone"
    return "on no network"


def _unseen(hidden: Unseen) -> Box:
    return Box(hidden.id, _text(hidden.label), UNSEEN, up=False, note=f"could not be looked at: {_text(hidden.reason)}")


def _outsider(id_: str) -> Box:
    return Box(id_, "host", "host") if id_ == _id(HOST) else Box(id_, _text(id_.partition(":")[2]), "external")


def _id(ref: Ref) -> str:
    """A container's own id; other things are told apart from containers by their kind."""
    return ref.id if ref.kind == "container" else f"{ref.kind}:{ref.id}"


def _arrows(report: Report) -> list[Arrow]:
    found = []
    for each in report.edges:
        ends = (each.edge.source, each.edge.target)
        causes = [f for f in report.findings if f.edge is not None and (f.edge.source, f.edge.target) == ends]
        if not causes and each.verdict is Verdict.BROKEN and each.like:
            twin = next((other for other in report.edges if other.label == each.like), None)
            causes = [f for f in report.findings if twin is not None and f.edge == twin.edge]
        found.append(
            Arrow(
                _id(each.edge.source),
                _id(each.edge.target),
                _text(each.label),
                _SAYS[each.verdict],
                _text(each.reason),
                tuple(_cause(finding) for finding in causes),
            )
        )
    return found


def _cause(finding: Finding) -> Cause:
    fix: list[str] = []
    for remedy in finding.remedies[:1]:
        fix.append(_text(remedy.title))
        fix += [_text(line) for line in remedy.advice.splitlines()]
    return Cause(
        finding.code,
        _text(finding.title),
        _text(finding.cause),
        tuple(_text(line) for line in finding.evidence),
        tuple(line for line in fix if line),
    )


def _unasked(topology: Topology, edge: Edge) -> Arrow:
    source, target = topology.container(edge.source), topology.container(edge.target)
    ends = [_text(one.name if one else ref.id) for one, ref in ((source, edge.source), (target, edge.target))]
    port = f":{edge.port}" if edge.port else ""
    return Arrow(_id(edge.source), _id(edge.target), f"{ends[0]} -> {ends[1]}{port}", UNASKED, _text(edge.origin))
