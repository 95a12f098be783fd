"""The caller speaks plain text to a port that speaks TLS.

What is looked for
  A connection that opens, a plain request that is met with a TLS alert, with "the plain HTTP request was sent to
  HTTPS port", or with a closed connection; and, as a control, a TLS handshake on the same port: it succeeds.

Why it breaks
  The server was given a certificate and serves TLS only, and the caller's URL says `http://` (or `redis://`). Some
  servers answer with an alert, some with a page that says so, most just hang up, which reads as "connection reset"
  or "empty reply".

What would prove it wrong
  A plain request that is answered, or a TLS handshake that fails as well.

The fix and its safety
  Write the scheme that the port speaks; the caller must also trust the certificate, whose name must be the one it
  dials. Only the caller's configuration changes. Switching off the check of certificates is no fix.

References
  https://nginx.org/en/docs/http/configuring_https_servers.html
  qdrant/qdrant #2148
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Outcome, Question, Remedy, Severity
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


class PlainToTlsPort:
    code = "ND402"
    title = "plain text spoken to a TLS port"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND404", "ND406", "ND407", "ND503", "ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return [other_way(question) for question, _ in _plain_failed(case)]

    def judge(self, case: Case) -> Iterable[Finding]:
        edge = case.edge
        for question, told in _plain_failed(case):
            inside = other_way(question)
            if edge is None or not (told or spoke(case.seen.get(inside))):
                continue
            caller, target = name_of(case, edge.source), name_of(case, edge.target)
            plain, tls, where = scheme(question, False), scheme(question, True), authority(edge)
            advice = (
                f"Use {tls}://{where} instead of {plain}://{where}{where_set(case)}, "
                f"and let {caller} trust the certificate that {target} shows."
            )
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.CERTAIN,
                Layer.HTTP,
                about(edge),
                f"{caller} speaks plain {protocol_word(question)} to {target} on port {edge.port}, which speaks TLS.",
                lines(case, (question, inside)),
                (Remedy(f"Use {tls}://", advice=advice),),
            )
            return


def _plain_failed(case: Case) -> list[tuple[Asked, bool]]:
    """Plain words that failed, and whether the port itself said that it speaks TLS."""
    return [
        (question, observation.outcome is Outcome.TLS_MISMATCH)
        for question, observation in failed(case)
        if not question.tls and (observation.outcome is Outcome.TLS_MISMATCH or observation.outcome in MUTE)
    ]


RULE = RULES.add(PlainToTlsPort.code, PlainToTlsPort(), home=__name__)
