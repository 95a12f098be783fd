"""An overlay network that plain containers may not join.

What is looked for
  A container that never started, with the engine's words "not manually attachable" or "not in the right
  scope" in its state, or that waits for an overlay network with `Attachable: false`. Or two that share no
  network, where every network of the one is such an overlay and the other is a plain container.

Why it breaks
  An overlay network belongs to the Swarm. Its services join it by themselves; a container from `docker run` or
  Compose may join only when the network was made attachable, and those that a stack makes are not. The other
  way round, a service cannot use a network that exists on one machine only (scope `local`).

What would prove it wrong
  `docker network inspect --format '{{.Attachable}} {{.Scope}}'` says `true swarm`, or a common network.

The fix and its safety
  A network cannot be made attachable afterwards: all services leave it, it is removed and made again with
  `attachable: true`. `netdoctor fix --disruptive` adds the service to the attachable overlay that the container is
  on, or to a second one that both join (`docker service update --network-add`, which makes its tasks anew).

References
  https://docs.docker.com/engine/network/drivers/overlay/
  moby/moby #27064, #34839, docker/compose #8996
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Network, Question, Remedy, Severity
from netdoctor.model.joining import carries_peers, joins_new_overlay, service_joins
from netdoctor.rules._placing import caller, is_swarm_task, networks_of
from netdoctor.rules._reading import dial_lines, dns_line, ends, works
from netdoctor.rules.registry import RULES

_REFUSALS = ("not manually attachable", "not in the right scope")


class OverlayNotAttachable:
    code = "ND109"
    title = "overlay not attachable or in the wrong scope"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND101", "ND102", "ND110", "ND201", "ND204", "ND304", "ND501"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        asked, target = caller(case), case.target
        if asked is None:
            return
        for one in (target, asked[1]):
            refused = _refused(case, one) if one is not None else None
            if one is not None and refused is not None:
                yield _finding(case, one, refused[0], refused[1], refused[2])
                return
        found = ends(case)
        if found is None or found.common or works(case):
            return
        for served, plain in ((found.target, found.source), (found.source, found.target)):
            closed = _closed(case, served)
            if closed and not is_swarm_task(plain):
                names = ", ".join(network.name for network in closed)
                cause = (
                    f"{served.name} is only on {names}, which {plain.name} may not join: the overlay is not attachable."
                )
                lines = f"{names}: overlay, Attachable false"
                yield _finding(case, served, cause, closed[0], lines, _remedies(case, served, plain))
                return


def _refused(case: Case, one: Container) -> tuple[str, Network | None, str] | None:
    """Why it never started, the network, and the engine's own words."""
    state = one.state
    if state is None or state.running:
        return None
    waits = next((n for n in networks_of(case.topology, one) if n.driver == "overlay" and not n.attachable), None)
    said = next((each for each in _REFUSALS if each in state.error), None)
    if said is None and (waits is None or state.status != "created" or is_swarm_task(one)):
        return None
    name = waits.name if waits is not None else one.network_mode or "its network"
    why = said or "not manually attachable"
    return (
        f"{one.name} could not start: the engine says that {name} is {why}.",
        waits,
        state.error or f"{name}: overlay",
    )


def _closed(case: Case, one: Container) -> tuple[Network, ...]:
    """Its networks, when all that carry peers are overlays that nobody may join by hand; else ()."""
    found = tuple(network for network in networks_of(case.topology, one) if carries_peers(network))
    return found if found and all(n.driver == "overlay" and not n.attachable for n in found) else ()


def _remedies(case: Case, served: Container, plain: Container) -> Iterable[Remedy]:
    """The service joins the overlay that the plain container is on, else both join a new one."""
    for join in service_joins(case.topology, plain, served):
        yield Remedy(f"Add {join.network_name} to the service {join.service_name}", (join,))
    steps = joins_new_overlay(case.topology, plain, served)
    if steps:
        yield Remedy(f"Connect {plain.name} and the service of {served.name} to a new attachable overlay", steps)


def _finding(
    case: Case, about: Container, cause: str, network: Network | None, said: str, remedies: Iterable[Remedy] = ()
) -> Finding:
    edge = case.edge
    refs = [network.ref] if network is not None else []
    refs += [ref for ref in ((edge.target, edge.source) if edge is not None else ()) if ref != about.ref]
    return Finding(
        OverlayNotAttachable.code,
        OverlayNotAttachable.title,
        Severity.ERROR,
        Confidence.CERTAIN,
        Layer.MEMBERSHIP,
        (about.ref, *refs),
        cause,
        (said, *dns_line(case), *dial_lines(case)),
        (*remedies, Remedy("Use an attachable overlay", advice=_advice(about, network))),
    )


def _advice(about: Container, network: Network | None) -> str:
    new = f"{network.name if network is not None else 'shared'}-open"
    service = about.labels.get("com.docker.swarm.service.name", "SERVICE")
    return (
        f"docker network create -d overlay --attachable {new} && docker service update --network-add {new} {service}, "
        f"then start the plain container on {new}. For good: attachable: true under the network in the stack file."
    )


RULE = RULES.add(OverlayNotAttachable.code, OverlayNotAttachable(), home=__name__)
