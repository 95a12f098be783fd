"""The server answers with an HTTP error: the Host header, the path, or its own failure.

What is looked for
  A status of 400 or more to the question that was asked, and, as controls, the same question with the address as
  the Host, and the path `/`.

Why it breaks
  The network did its work. A server that checks the Host header refuses a name that it does not know (Django's
  ALLOWED_HOSTS, a virtual host), or one with characters that a host name must not have; the path is not there, or
  lies behind a prefix; or the server itself fails (500), or the one behind it (502, 504).

What would prove it wrong
  The same request from the caller's own program that succeeds: it may send other headers or another method.

The fix and its safety
  Add the name to what the server accepts, use another of its names, or correct the path. For a failure of the server
  its own log says more. Nothing in the network needs to change.

References
  https://docs.djangoproject.com/en/stable/ref/settings/#allowed-hosts
  https://www.rfc-editor.org/rfc/rfc9110#name-status-codes
  psf/requests #3683
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from netdoctor.model import Case, Confidence, Edge, Fact, Finding, Layer, Observation, Question, Remedy, Severity
from netdoctor.probes.http import Http
from netdoctor.rules._reading import spoken_to
from netdoctor.rules._speaking import about, lines, name_of, where_set
from netdoctor.rules.registry import RULES

OF_THE_HOST = frozenset({400, 403, 404, 421})
"""Statuses with which a server refuses a Host header."""
ELSEWHERE = frozenset({401, 403, 503})
"""ND403 and ND503 speak of these, unless the Host header is the cause."""


class HttpError:
    code = "ND404"
    title = "HTTP error"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        for question, _, status in _refused(case):
            if status in OF_THE_HOST and question.host != question.address:
                yield _by_address(question)
            if question.strict and question.path != "/":
                yield _root(question)

    def judge(self, case: Case) -> Iterable[Finding]:
        edge = case.edge
        for question, observation, status in _refused(case):
            if edge is None:
                continue
            by_host = status in OF_THE_HOST and _well(case.seen.get(_by_address(question)))
            # A guessed path that is not there says nothing; a name that is refused will be refused to the caller too.
            if not by_host and (observation.good or status in ELSEWHERE):
                continue
            controls = (_by_address(question), _root(question))
            cause, remedy = _explained(case, edge, question, status, by_host)
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.CERTAIN,
                Layer.HTTP,
                about(edge),
                cause,
                tuple(dict.fromkeys(lines(case, (question, *controls)))),
                (remedy,),
                caller_fails=by_host,
            )
            return


def _refused(case: Case) -> list[tuple[Http, Observation[Any], int]]:
    if case.edge is None or case.edge.reverse:
        return []
    return [
        (question, observation, observation.evidence.status)
        for question, observation in spoken_to(case)
        if isinstance(question, Http)
        and observation.evidence is not None
        and (observation.evidence.status or 0) >= 400
        and (question.strict or observation.evidence.status in OF_THE_HOST)
    ]


def _by_address(question: Http) -> Http:
    return replace(question, host=question.address)


def _root(question: Http) -> Http:
    """The question itself, when it is about that path already."""
    return question if question.path == "/" else replace(question, path="/", strict=False)


def _well(observation: Observation[Any] | None) -> bool:
    return observation is not None and observation.evidence is not None and 0 < (observation.evidence.status or 0) < 400


def _explained(case: Case, edge: Edge, question: Http, status: int, by_host: bool) -> tuple[str, Remedy]:
    target = name_of(case, edge.target)
    if by_host:
        return (
            f"{target} answers {status} to the Host {question.host}, and accepts its address: it refuses that name.",
            Remedy(
                "Let the server accept the name",
                advice=f"Add {question.host} to the hosts that {target} accepts (ALLOWED_HOSTS, server_name, ...), "
                f"or use another of its names{where_set(case)}.",
            ),
        )
    if status == 404:
        there = " (/ is there)" if _well(case.seen.get(_root(question))) else ""
        return (
            f"{target} has nothing at {question.path}{there}: it answers 404.",
            Remedy("Correct the path", advice=f"Ask {target} for a path that it has instead of {question.path}."),
        )
    if status in (502, 504):
        return (
            f"{target} answers {status}: it is a proxy, and what is behind it cannot be reached.",
            Remedy("Check what is behind it", advice=f"netdoctor check {target}"),
        )
    if status == 421:
        return (
            f"{target} answers 421 to the Host {question.host}: it does not serve that name, nor its own address.",
            Remedy(
                "Use a name that the server serves",
                advice=f"Send requests with a Host that {target} is set up for{where_set(case)} (a network alias of "
                f"that name leads there), or add {question.host} to the names that it serves.",
            ),
        )
    who = "fails itself" if status >= 500 else "refuses the request"
    return (
        f"{target} answers {status} to {question.path}: it {who}.",
        Remedy("Read its log", advice=f"docker logs --tail 50 {target}"),
    )


RULE = RULES.add(HttpError.code, HttpError(), home=__name__)
