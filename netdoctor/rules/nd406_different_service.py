"""Another service than the wanted one answers on that port.

What is looked for
  A connection that opens and an answer that is not the wanted protocol's: HTTP where Redis is meant, Redis where
  HTTP is meant, gRPC where REST is. Where nothing comes back at all, the first words of other protocols are tried,
  without credentials.

Why it breaks
  The port belongs to something else: the REST client is given the gRPC port (6334 instead of 6333), two services
  swapped their variables, a name is carried by another container too, or a platform's proxy took the port.

What would prove it wrong
  An answer in the wanted protocol. That a right service asks for a password is not this.

The fix and its safety
  Use the port on which the target speaks the wanted protocol, or the name of the right service. If the name is
  carried by several containers, that comes first (ND203). Only the caller's configuration changes.

References
  https://docs.docker.com/engine/network/#dns-services
  coollabsio/coolify #11142, docker/compose #8223
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Edge,
    Fact,
    Finding,
    Layer,
    Observation,
    Outcome,
    Question,
    Remedy,
    Severity,
)
from netdoctor.probes.greeting import Greeting
from netdoctor.probes.http import Http
from netdoctor.probes.listeners import Listeners
from netdoctor.rules._reading import listeners, listeners_line
from netdoctor.rules._speaking import MUTE, Asked, about, failed, lines, name_of, protocol_word, spoke, where_set
from netdoctor.rules.registry import RULES

OTHERS = ("postgres", "mongo", "amqp", "grpc", "redis")
"""Protocols that answer their own first words only; the others speak first, or answer anything."""


class DifferentService:
    code = "ND406"
    title = "a different service answers"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND404", "ND407", "ND503", "ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        for question, observation in failed(case):
            if observation.outcome in MUTE:
                yield from _controls(question)
            if observation.outcome is Outcome.WRONG_SERVICE and case.target is not None and case.target.running:
                yield Listeners(case.target.ref)

    def judge(self, case: Case) -> Iterable[Finding]:
        edge = case.edge
        for question, observation in failed(case):
            known, control = _answered_as(case, question, observation)
            if edge is None or known is None:
                continue
            caller, target, wanted = name_of(case, edge.source), name_of(case, edge.target), protocol_word(question)
            what = f"it answers as {known}" if known else "what answers is something else"
            heard = listeners(case)
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.CERTAIN if known else Confidence.LIKELY,
                Layer.HTTP,
                about(edge),
                f"{caller} speaks {wanted} to {target} on port {edge.port}, but {what}.",
                (*lines(case, (question, *control)), *((listeners_line(heard),) if heard is not None else ())),
                (_remedy(case, edge, target, wanted),),
            )
            return


def _controls(question: Asked) -> list[Asked]:
    """Other protocols' first words at the same place; a right service answers at once."""
    at, address, port = question.at, question.address, question.port
    greetings = [Greeting(at, address, port, each, brief=True) for each in OTHERS if each != protocol_word(question)]
    web = [] if isinstance(question, Http) else [Http(at, address, port, address, brief=True)]
    return [*web, *greetings]


def _answered_as(case: Case, question: Asked, observation: Observation[Any]) -> tuple[str | None, list[Asked]]:
    """The service that answered instead ("" for an unknown one, None when none is proven), and the proof."""
    if observation.outcome is Outcome.WRONG_SERVICE:
        service = getattr(observation.evidence, "service", "") if observation.evidence is not None else ""
        return service, []
    if observation.outcome in MUTE:
        for control in _controls(question):
            if spoke(case.seen.get(control)):
                return protocol_word(control), [control]
    return None, []


def _remedy(case: Case, edge: Edge, target: str, wanted: str) -> Remedy:
    heard = listeners(case)
    others = [str(port) for port in heard.ports if port != edge.port] if heard is not None else []
    ports = f" It also takes connections on port{'s' if len(others) > 1 else ''} {', '.join(others)}." if others else ""
    return Remedy(
        "Use the right port or name",
        advice=f"Use the port on which {target} speaks {wanted}, or the container that does{where_set(case)}.{ports}",
    )


RULE = RULES.add(DifferentService.code, DifferentService(), home=__name__)
