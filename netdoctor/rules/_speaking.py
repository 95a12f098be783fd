"""What the rules of the protocol layer share: what was asked over an open connection, and control questions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from netdoctor.model import Case, Container, Edge, Observation, Outcome, Ref
from netdoctor.probes.greeting import Greeting, GreetingEvidence
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.rules._reading import spoken_to

Asked = Http | Greeting
MUTE = frozenset({Outcome.RESET, Outcome.TIMED_OUT})
"""The connection opened, and no word came back."""
TOLD = {
    Outcome.CONNECTED: "answered",
    Outcome.RESET: "closed without an answer",
    Outcome.TIMED_OUT: "no answer",
    Outcome.TLS_MISMATCH: "TLS and plain text met",
    Outcome.HTTP_ERROR: "an error",
    Outcome.WRONG_SERVICE: "another service",
    Outcome.COULD_NOT_ASK: "could not be asked",
}


def failed(case: Case) -> Iterator[tuple[Asked, Observation[Any]]]:
    """Each request and greeting of the edge that met something, and was not answered well. Not on the way back."""
    if case.edge is None or case.edge.reverse:
        return
    for question, observation in spoken_to(case):
        if observation.known and not observation.good:
            yield question, observation


def other_way(question: Asked) -> Asked:
    """The same words with TLS instead of without, or the other way round; any answer will do.

    A handshake that is tried on a suspicion gets little time: a server that speaks TLS begins at once.
    """
    if isinstance(question, Http):
        return replace(question, tls=not question.tls, path="/", strict=False, brief=not question.tls)
    return replace(question, tls=not question.tls, brief=not question.tls)


def spoke(observation: Observation[Any] | None) -> bool:
    """Whether what answered speaks the protocol at all, content or not."""
    return observation is not None and observation.outcome in (Outcome.CONNECTED, Outcome.HTTP_ERROR)


def protocol_word(question: Asked) -> str:
    """``http``, ``redis``"""
    return "http" if isinstance(question, Http) else question.protocol


def scheme(question: Asked, tls: bool) -> str:
    """As people write it in a URL."""
    if isinstance(question, Http):
        return "https" if tls else "http"
    own = {"redis": "rediss", "amqp": "amqps"}
    return own.get(question.protocol, question.protocol) if tls else question.protocol


def name_of(case: Case, ref: Ref) -> str:
    """A container's name, or the ref's own."""
    container: Container | None = case.topology.container(ref) if ref.kind == "container" else None
    return container.name if container is not None else ref.id


def about(edge: Edge) -> tuple[Ref, ...]:
    """The place that says so first, where there is one; then target and caller."""
    return (*((edge.basis,) if edge.basis is not None else ()), edge.target, edge.source)


def where_set(case: Case) -> str:
    """`` in QDRANT_URL of app``, when the caller's environment is where the edge comes from."""
    edge = case.edge
    if edge is None:
        return ""
    word, _, variable = edge.origin.partition(" ")
    return f" in {variable} of {name_of(case, edge.source)}" if word == "environment" and variable else ""


def authority(edge: Edge) -> str:
    """``qdrant:6333``"""
    host = edge.name or edge.target.id[:12]
    return f"[{host}]:{edge.port}" if ":" in host else f"{host}:{edge.port}"


def said_line(question: Asked, observation: Observation[Any]) -> str:
    """``https://qdrant:6333/: WRONG_VERSION_NUMBER``"""
    evidence = observation.evidence
    status = ""
    if isinstance(evidence, HttpEvidence) and evidence.status:
        status = f"{evidence.status} {evidence.phrase}".strip()
    detail = status or (evidence.detail if evidence is not None else "") or TOLD.get(observation.outcome, "")
    if isinstance(evidence, GreetingEvidence) and evidence.demands:
        detail += f", asks for {evidence.demands}"
    address = f"[{question.address}]" if ":" in question.address else question.address
    path = question.path if isinstance(question, Http) else ""
    return f"{scheme(question, question.tls)} to {address}:{question.port}{path}: {detail}"


def lines(case: Case, questions: Iterable[Asked]) -> tuple[str, ...]:
    """A line of evidence for each of them that was asked."""
    found = ((question, case.seen.get(question)) for question in questions)
    return tuple(said_line(question, observation) for question, observation in found if observation is not None)
