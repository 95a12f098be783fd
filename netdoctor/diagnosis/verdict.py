"""An edge holds, is broken or unknown: decided by its highest known layer, plus DNS when a name is used."""

from __future__ import annotations

from collections.abc import Iterator

from netdoctor.diagnosis.ladder import UDP, addresses, top_question
from netdoctor.model import Answers, Case, Edge, Observation, Outcome, Verdict
from netdoctor.probes.dns import Dns
from netdoctor.probes.membership import Membership
from netdoctor.probes.ping import Ping
from netdoctor.probes.tcp import Tcp


def decide(case: Case) -> tuple[Verdict, str]:
    """The verdict, and the reason when it is unknown."""
    edge = case.edge
    if edge is None:
        return Verdict.UNKNOWN, "no edge was asked"
    if edge.reverse:
        return _reverse(case, edge)
    name = case.seen.get(Dns(edge.source, edge.name)) if edge.name is not None else None
    path = _path(case, edge)
    needed: list[Observation[object]] = [*([name] if name is not None else []), path]
    if edge.name is not None and name is None:
        return Verdict.UNKNOWN, f"nobody asked for the name {edge.name}"
    if any(observation.known and not observation.good for observation in needed):
        return Verdict.BROKEN, ""
    silent = next((observation for observation in needed if not observation.known), None)
    if silent is not None:
        return Verdict.UNKNOWN, silent.reason
    return (Verdict.BROKEN if _paused(case) else Verdict.HOLDS), ""


def _paused(case: Case) -> bool:
    """The kernel goes on taking connections for a paused container: an open port proves nothing then."""
    return case.target is not None and case.target.state is not None and case.target.state.paused


def _path(case: Case, edge: Edge) -> Observation[object]:
    """One observation for the whole path below the name."""
    if edge.port is None:
        return _unknown("no port is known: give one, like qdrant:6333")
    dialled = addresses(case.topology, edge, case.seen)
    if not dialled:
        return _no_address(case, edge)
    if edge.protocol == UDP:
        return _unknown(f"port {edge.port} is UDP, where nobody answers a caller: ask the program, or the server's log")
    families = ([a for a in dialled if ":" not in a], [a for a in dialled if ":" in a])
    # A client that gets both families falls back from one to the other; within one family every address must do.
    judged = [_worst([_top(edge, case.seen, address) for address in family]) for family in families if family]
    return next((o for o in judged if o.good), None) or next((o for o in judged if not o.known), judged[0])


def _no_address(case: Case, edge: Edge) -> Observation[object]:
    target = case.target
    if target is not None and target.state is not None and not target.running:
        return Observation(Outcome.NO_ROUTE, None, f"{target.name} has no address: it is {target.state.status}")
    return _unknown(f"no address to dial is known for {edge.name or edge.target.id}")


def _top(edge: Edge, seen: Answers, address: str) -> Observation[object]:
    question = top_question(edge, address)
    top = seen.get(question) if question is not None else None
    if top is not None and top.known:
        return top
    return seen.get(Tcp(edge.source, address, edge.port or 0)) or _unknown(f"nobody dialled {address}")


def _worst(found: list[Observation[object]]) -> Observation[object]:
    return next((o for o in found if o.known and not o.good), None) or next((o for o in found if not o.known), found[0])


def _unknown(reason: str) -> Observation[object]:
    return Observation(Outcome.COULD_NOT_ASK, None, reason)


def _reverse(case: Case, edge: Edge) -> tuple[Verdict, str]:
    """Evidence only: good when something came back, broken when everything asked was lost."""
    seen = list(_asked(case, edge))
    known = [observation for observation in seen if observation.known]
    if not known:
        reason = seen[0].reason if seen else "nothing to ask on the way back"
        return Verdict.UNKNOWN, reason
    return (Verdict.HOLDS if any(observation.good for observation in known) else Verdict.BROKEN), ""


def _asked(case: Case, edge: Edge) -> Iterator[Observation[object]]:
    """Membership decides alone where it says no; else what was sent decides."""
    membership = case.seen.get(Membership(edge.source, edge.target))
    if membership is not None and membership.known and not membership.good:
        yield membership
        return
    for address in addresses(case.topology, edge, case.seen):
        for question in (Ping(edge.source, address), *([Tcp(edge.source, address, edge.port)] if edge.port else [])):
            found = case.seen.get(question)
            if found is not None:
                yield found
