"""The network is fine; the server does not take the credentials that the caller has, or not the caller at all.

What is looked for
  An answer that asks for credentials (401, 403, Redis's NOAUTH), and what both containers' environments say: no
  password or key for this server at the caller, or another one than the target is set up with. And a server that
  turns the caller away before any password: a host that MySQL does not allow, a user or a database that Postgres does
  not let in (pg_hba.conf) or does not have. Postgres is asked as the user, and for the database, that the caller's
  environment names, as `pg_isready` would. netdoctor sends no password, and shows none.

Why it breaks
  The key was never given to the caller, was rotated on one side only, or the database's volume is older than its
  variables: such variables count when the volume is first filled, and never again. A pg_hba.conf of one's own lists
  127.0.0.1 only, or another network. An answer from another container of the same name looks the same.

What would prove it wrong
  A request with the caller's credentials that succeeds; a caller that reads them from a file, a secret or its own
  code, which is not visible from outside: then this is called likely or possible only. What a server says of a user
  that the caller may not be is shown with the greeting, and is no finding.

The fix and its safety
  Give the caller the target's secret and recreate it. A database that was filled with another password keeps that
  one: change it inside the database; never throw the volume away for it.

References
  docker-library/postgres #679, #773
  https://www.postgresql.org/docs/current/auth-pg-hba-conf.html
  https://redis.io/docs/latest/operate/oss_and_stack/management/security/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Edge, Fact, Finding, Layer, Observation, Question, Remedy, Severity
from netdoctor.model.credentials import Carried, Wanted, any_secret, carried, mismatch, says_user, wanted
from netdoctor.probes.greeting import spoken
from netdoctor.probes.http import Http
from netdoctor.rules._reading import spoken_to
from netdoctor.rules._refusing import lack, turned_away
from netdoctor.rules._speaking import Asked, about, lines, name_of
from netdoctor.rules.registry import RULES

REFUSED = frozenset({401, 403})
KEPT = frozenset({"postgres"})
"""Whose password lives in the volume: what the target's variable says may be old, and is no proof."""
KEYED = "/collections"
"""A path of Qdrant that wants the key; its health paths answer without."""


class CredentialsRejected:
    code = "ND403"
    title = "credentials rejected"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND404"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return [question for question in _keyed(case) if question not in case.seen]

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, target = case.edge, case.target
        if edge is None or edge.reverse:
            return
        if (shut := turned_away(case, edge, self.code, self.title)) is not None:
            yield shut
            return
        have = carried(case.topology, edge)
        want = wanted(target, spoken(edge.protocol)[0].replace("https", "http")) if target is not None else None
        wrong = mismatch(have, want) if have and want else None
        for question, demand, fails in _demands(case):
            confidence = _confidence(case, edge, have, wrong, fails)
            # A 401 at a path nobody gave is what any guarded server says; the caller may hold its secret in a file.
            if confidence is Confidence.LIKELY and isinstance(question, Http) and not fails and want is None:
                confidence = Confidence.POSSIBLE
            if confidence is None:
                continue
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                confidence,
                Layer.HTTP,
                about(edge),
                f"{name_of(case, edge.target)} asks for {demand}, and {lack(case, edge, have, wrong, want)}.",
                lines(case, (question,)),
                (_remedy(case, edge, want, wrong),),
                caller_fails=confidence is not Confidence.POSSIBLE,
            )
            return


def _keyed(case: Case) -> list[Http]:
    """A path that wants the key, once the server answered and is known to have one."""
    target = case.target
    if target is None or target.env("QDRANT__SERVICE__API_KEY") is None:
        return []
    answered = [question for question, observation in spoken_to(case) if observation.good]
    return [Http(q.at, q.address, q.port, q.host, KEYED, q.tls) for q in answered if isinstance(q, Http)]


def _demands(case: Case) -> Iterable[tuple[Asked, str, bool]]:
    """Each question met with a demand, in words, and whether the edge fails by it."""
    asked: list[tuple[Asked, Observation[Any] | None]] = [*spoken_to(case)]
    asked += [(question, case.seen.get(question)) for question in _keyed(case)]
    for question, observation in asked:
        evidence: Any = observation.evidence if observation is not None else None
        if evidence is None:
            continue
        if not isinstance(question, Http):
            if evidence.demands:
                yield question, evidence.demands, False
        elif evidence.status == 401 or (evidence.status in REFUSED and question.strict):
            yield question, f"credentials ({evidence.status}{_said(evidence.start)})", question.strict


def _said(start: str) -> str:
    text = " ".join(start.split())[:60]
    return f": {text}" if text and "<" not in text else ""


def _confidence(
    case: Case, edge: Edge, have: tuple[Carried, ...] | None, wrong: Carried | None, fails: bool
) -> Confidence | None:
    """None: nothing says that the caller lacks them."""
    kept = edge.protocol in KEPT
    if wrong is not None:
        return Confidence.POSSIBLE if kept else Confidence.CERTAIN
    if have == () and case.source is not None:
        guarded = any_secret(case.source, edge)
        if kept and (guarded or not says_user(case.source, edge)):
            return None
        return Confidence.LIKELY if fails or not guarded else Confidence.POSSIBLE
    # The question itself failed for want of them, and what the caller has cannot be compared.
    return (Confidence.POSSIBLE if have else Confidence.LIKELY) if fails else None


def _remedy(case: Case, edge: Edge, want: Wanted | None, wrong: Carried | None) -> Remedy:
    caller, server = name_of(case, edge.source), name_of(case, edge.target)
    source = f"{want.variable} of {server}" if want is not None else f"the credentials that {server} expects"
    place = f" in {wrong.variable}" if wrong is not None else ""
    advice = f"Give {caller} the value of {source}{place}, and recreate it."
    if edge.protocol not in ("http", "https"):
        advice += " If its volume is older, the password inside the database counts."
    return Remedy("Align the credentials", advice=advice)


RULE = RULES.add(CredentialsRejected.code, CredentialsRejected(), home=__name__)
