"""The caller speaks TLS to a port that speaks plain text.

What is looked for
  A connection that opens, a TLS handshake that fails, and, as a control, the same question in plain text: it is
  answered. A Postgres that says it offers no TLS, to a caller whose `sslmode` insists on it.

Why it breaks
  Inside a network most servers speak plain HTTP; TLS ends at the proxy in front. A URL with `https://` (or
  `rediss://`) and an internal name makes the client begin a handshake, and the server takes it for garbage:
  "wrong version number", EPROTO, "packet length too long", or `fetch failed` around one of these. Clients of Qdrant
  do it by themselves: given `host=` and an API key they turn HTTPS on.

What would prove it wrong
  A TLS handshake that succeeds, or a port that does not answer in plain text either.

The fix and its safety
  Write the scheme that the port speaks. Only the caller's configuration changes; traffic between two containers of
  one network does not leave the machine. For Qdrant's clients give the whole URL (`url="http://qdrant:6333"`), or
  `https=False`. For Postgres leave `sslmode=require` away, or give the server a certificate and `ssl = on`.

References
  https://nodejs.org/api/tls.html
  https://www.postgresql.org/docs/current/libpq-ssl.html
  qdrant/qdrant #1930, #2148
  qdrant/qdrant-client #437, #770
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Edge, Fact, Finding, Layer, Outcome, Question, Remedy, Severity
from netdoctor.probes.greeting import GreetingEvidence
from netdoctor.rules._speaking import (
    MUTE,
    Asked,
    about,
    authority,
    failed,
    lines,
    name_of,
    other_way,
    protocol_word,
    scheme,
    spoke,
    where_set,
)
from netdoctor.rules.registry import RULES


class TlsToPlainPort:
    code = "ND401"
    title = "TLS spoken to a plain port"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND404", "ND406", "ND407", "ND503", "ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return [other_way(question) for question in _tls_failed(case)]

    def judge(self, case: Case) -> Iterable[Finding]:
        edge = case.edge
        for question, evidence in _insists(case):
            if edge is not None:
                caller, target = name_of(case, edge.source), name_of(case, edge.target)
                advice = (
                    f"Leave sslmode away in {evidence.variable} of {caller} (or say sslmode=prefer), or give {target} "
                    "a certificate and 'ssl = on'."
                )
                yield Finding(
                    self.code,
                    self.title,
                    Severity.ERROR,
                    Confidence.CERTAIN,
                    Layer.HTTP,
                    about(edge),
                    f"{caller} insists on TLS with {target} on port {edge.port}: {evidence.needs_tls}.",
                    lines(case, (question,)),
                    (Remedy("Ask for no more than it offers", advice=advice),),
                )
                return
        for question in _tls_failed(case):
            plain = other_way(question)
            if edge is None or not spoke(case.seen.get(plain)):
                continue
            caller, target, word = name_of(case, edge.source), name_of(case, edge.target), protocol_word(question)
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.CERTAIN,
                Layer.HTTP,
                about(edge),
                f"{caller} speaks TLS to {target} on port {edge.port}, which answers in plain {word}.",
                lines(case, (question, plain)),
                (_remedy(case, edge, question),),
            )
            return


def _insists(case: Case) -> list[tuple[Asked, GreetingEvidence]]:
    """What a server that offers no TLS said to a caller that takes nothing else."""
    told = ((question, observation.evidence) for question, observation in failed(case))
    return [(question, said) for question, said in told if isinstance(said, GreetingEvidence) and said.needs_tls]


def _tls_failed(case: Case) -> list[Asked]:
    """A handshake that failed, or that a plain server met with silence."""
    return [
        question
        for question, observation in failed(case)
        if question.tls and (observation.outcome is Outcome.TLS_MISMATCH or observation.outcome in MUTE)
    ]


def _remedy(case: Case, edge: Edge, question: Asked) -> Remedy:
    plain, tls = scheme(question, False), scheme(question, True)
    where = authority(edge)
    advice = f"Use {plain}://{where} instead of {tls}://{where}{where_set(case)}."
    target = case.target
    if target is not None and "qdrant" in target.image.lower():
        advice += f'\nIn the client: QdrantClient(url="http://{where}") with the key as before, not host="{edge.name}".'
    return Remedy(f"Use {plain}://", advice=advice)


RULE = RULES.add(TlsToPlainPort.code, TlsToPlainPort(), home=__name__)
