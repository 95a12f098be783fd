"""Something between the two filters the traffic.

What is looked for
  A shared network that carries traffic, a target that runs and listens at the dialled address and port with
  an empty accept queue, and a dial that was lost (DROP), refused (REJECT with a reset) or answered with "no
  route to host" (REJECT with an ICMP message).

Why it breaks
  A packet filter stands in the way: the host's firewall (ufw, firewalld) on bridged traffic, a rule in
  DOCKER-USER, or rules inside one of the two containers. Between nodes of a Swarm it may be a closed 4789/udp.
  Ping often passes, because the filter looks at TCP only.

What would prove it wrong
  No listener at that address (ND301, ND303), a full accept queue (the server is too slow to accept), a paused
  target (ND501), inter-container communication off (ND108). A refusal is called likely only, because a
  server that was just starting looks the same.

The fix and its safety
  Find the rule and allow the network's subnet; netdoctor changes no firewall. The commands list where to
  look: on the host, and inside the target's namespace.

References
  https://docs.docker.com/engine/network/packet-filtering-firewalls/
  docker/for-linux #1353, moby/moby #16137, firewalld/firewalld #546
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Container,
    Fact,
    Finding,
    Layer,
    Observation,
    Outcome,
    Question,
    Remedy,
    Severity,
    network_of_address,
)
from netdoctor.probes.listeners import ListenersEvidence
from netdoctor.rules._reading import (
    Ends,
    dial_lines,
    dialled,
    dials,
    ends,
    listeners,
    listeners_line,
    pinged,
    wants_listeners,
)
from netdoctor.rules.registry import RULES

UNANSWERED = 1.5
"""Seconds."""
STOPPED = {
    Outcome.TIMED_OUT: "dropped",
    Outcome.REFUSED: "rejected",
    Outcome.NO_ROUTE: "rejected",
}


class Filtered:
    code = "ND304"
    title = "filtered"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return wants_listeners(case)

    def judge(self, case: Case) -> Iterable[Finding]:
        found, heard = ends(case), listeners(case)
        if found is None or heard is None or found.edge.port is None or not found.target.running:
            return
        stopped = _stopped(case, found, heard)
        if stopped is None:
            return
        address, observation = stopped
        echo = pinged(case, address)
        reached = echo is not None and echo.good
        sure = reached and observation.outcome is not Outcome.REFUSED
        port, what = found.edge.port, STOPPED[observation.outcome]
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if sure else Confidence.LIKELY,
            Layer.TCP,
            (found.target.ref, found.source.ref),
            f"{found.target.name} listens on {address}:{port}, but connections from {found.source.name} are {what} "
            "on the way: a packet filter stands between them.",
            (*dial_lines(case), listeners_line(heard), *((f"ping {address}: answered",) if reached else ())),
            (Remedy("Find the rule and allow the traffic", advice=_advice(found, address)),),
        )


def _stopped(case: Case, found: Ends, heard: ListenersEvidence) -> tuple[str, Observation[Any]] | None:
    """The first dialled address where a socket listens and the dial did not reach it."""
    port = found.edge.port or 0
    if any(socket.backlog_waiting > 0 for socket in heard.on(port)):
        return None
    outcomes = dict(dials(case))
    for address in dialled(case):
        observation = outcomes.get(address)
        network = network_of_address(found.topology, found.target, address)
        if observation is None or observation.outcome not in STOPPED or not heard.reachable(port, address):
            continue
        if (
            network is not None
            and network.icc
            and network in found.common
            and not _nobody_answers(case, address, observation)
        ):
            return address, observation
    return None


def _nobody_answers(case: Case, address: str, observation: Observation[Any]) -> bool:
    """A filter rejects at once; an address for which nobody answers takes seconds, and a missing route says so."""
    echo = pinged(case, address)
    if observation.outcome is not Outcome.NO_ROUTE or (echo is not None and echo.good):
        return False
    number = observation.evidence.errno if observation.evidence is not None else None
    return observation.seconds >= UNANSWERED or number == errno.ENETUNREACH


def _advice(found: Ends, address: str) -> str:
    network = network_of_address(found.topology, found.target, address)
    subnet = ", ".join(network.subnets) if network is not None else ""
    return (
        "Look for the rule on the host: iptables -S FORWARD; iptables -S DOCKER-USER; nft list ruleset. "
        f"In {found.target.name}: nsenter -t {_pid(found.target)} -n iptables -S; "
        f"in {found.source.name}: nsenter -t {_pid(found.source)} -n iptables -S. "
        f"Then allow {subnet or 'the network'} to port {found.edge.port}."
    )


def _pid(container: Container) -> int | str:
    return (container.state.pid if container.state is not None else None) or "PID"


RULE = RULES.add(Filtered.code, Filtered(), home=__name__)
