"""The connection opens, and is closed or reset before any answer.

What is looked for
  A request (or a greeting) that met an open port and got no byte back: closed, or reset. The first words of other
  protocols, and TLS, were tried at the same place and met the same. Where this machine's port of a container was
  asked, that container's own listeners are read.

Why it breaks
  A published port is taken by Docker itself (docker-proxy), whoever listens behind it: it connects, fails to reach
  the container's port, and closes. So does a load balancer without a backend. A server that allows some addresses
  only (allow lists, TCP wrappers), one at its limit of connections, and one that dies of the request close too; and
  one that speaks a protocol of its own and is spoken to in another.

What would prove it wrong
  An answer of any kind to the caller's own program.

The fix and its safety
  Let the server listen on the container's port that is published, on 0.0.0.0. Else its log says why it closes.

References
  https://docs.docker.com/engine/network/packet-filtering-firewalls/
  moby/moby #11185, docker/for-linux #1105
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    HOST,
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
)
from netdoctor.probes.listeners import Listeners, is_loopback
from netdoctor.rules._placing import HOST_ALIASES
from netdoctor.rules._reading import SAID, answered, dials, listeners_line, spoken_to
from netdoctor.rules._speaking import about, name_of, protocol_word, said_line
from netdoctor.rules.registry import RULES


class ClosedWithoutAnswer:
    code = "ND407"
    title = "closed without an answer"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        behind = _published(case)
        # Docker's own proxy takes every connection: an open port of the machine proves nothing by itself.
        return (Listeners(behind[0].ref),) if behind is not None and _asked(case) and not answered(case) else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, closed, behind = case.edge, _closed(case), _published(case)
        empty = behind is not None and _nobody_there(case, *behind)
        if edge is None or edge.reverse or not (closed or (empty and not answered(case))):
            return
        asked, lines = closed or ("", tuple(f"tcp {a}:{edge.port}: {SAID.get(o.outcome)}" for a, o in dials(case)))
        target = name_of(case, edge.target)
        cause = f"{target} takes the connection on port {edge.port} and closes it without an answer{asked}."
        remedy = Remedy("Read its log", advice=f"docker logs --tail 50 {target}")
        confidence = Confidence.LIKELY
        if edge.target.kind != "container":
            remedy = Remedy(
                "Ask the server's own log", advice=f"See why what listens at {target}:{edge.port} closes it."
            )
        if behind is not None:
            who, port = behind
            heard = case.seen.get(Listeners(who.ref))
            found = heard.evidence if heard is not None else None
            if found is not None and empty:
                where = "on loopback only" if found.on(port) else "nowhere"
                confidence, lines = Confidence.CERTAIN, (*lines, f"{who.name}: {listeners_line(found)}")
                cause = (
                    f"Port {edge.port} of the machine is port {port} of {who.name}, which listens there {where}: "
                    + (
                        "Docker takes the connection, reaches nobody, and closes it."
                        if closed
                        else "nobody is reached."
                    )
                )
                others = ", ".join(str(each) for each in found.ports)
                also = f", or publish the port that it listens on ({others})" if others else ""
                advice = f"Let the server in {who.name} listen on 0.0.0.0:{port}{also}, and recreate it."
                remedy = Remedy(f"Listen on port {port}", advice=advice)
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            confidence,
            Layer.HTTP,
            about(edge),
            cause,
            lines,
            (remedy,),
            caller_fails=empty,
        )


def _closed(case: Case) -> tuple[str, tuple[str, ...]] | None:
    """What was asked, in words, and the evidence; None when anything was answered."""
    edge = case.edge
    if edge is None or edge.reverse or edge.port is None:
        return None
    for question, observation in spoken_to(case):
        if observation.outcome is Outcome.RESET:
            return f" to {protocol_word(question)}", (said_line(question, observation),)
    reset: list[tuple[str, Observation[Any]]] = [each for each in dials(case) if each[1].outcome is Outcome.RESET]
    return ("", (f"tcp {reset[0][0]}:{edge.port}: reset",)) if reset else None


def _asked(case: Case) -> bool:
    return _closed(case) is not None or any(observation.known for _, observation in dials(case))


def _nobody_there(case: Case, who: Container, port: int) -> bool:
    """Its listeners were read, and none but loopback's is on that port."""
    heard = case.seen.get(Listeners(who.ref))
    found = heard.evidence if heard is not None and heard.good else None
    return found is not None and all(is_loopback(socket.address) for socket in found.on(port))


def _published(case: Case) -> tuple[Container, int] | None:
    """The container whose port this machine's port is, when that was asked: from the machine, or by its name."""
    edge = case.edge
    if edge is None or edge.target.kind == "container" or edge.port is None:
        return None
    if edge.source != HOST and (edge.name or "").lower() not in HOST_ALIASES:
        return None
    found = {
        (each.id, binding.container_port): (each, binding.container_port)
        for each in case.topology.containers
        if each.running
        for binding in each.published or ()
        if binding.host_port == edge.port
    }
    return next(iter(found.values())) if len(found) == 1 else None


RULE = RULES.add(ClosedWithoutAnswer.code, ClosedWithoutAnswer(), home=__name__)
