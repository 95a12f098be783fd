"""The target is not ready yet, or takes connections and does not serve them.

What is looked for
  One of: nothing listens yet while the health check says `starting` or the container is seconds old; a service that
  says so itself (503; Redis LOADING, MISCONF; Postgres "the database system is starting up", "too many clients
  already"; MySQL 1040; MongoDB's replica set not initialised); connections in the accept queue; one never answered.

Why it breaks
  `depends_on` waits for the container, not for the server in it. A database that replays its log, an index that is
  loaded, a program that is stuck or overloaded: the kernel goes on completing handshakes on its behalf until the queue
  is full, and drops them afterwards. That looks like a firewall, and is none.

What would prove it wrong
  The same question answered a moment later (`netdoctor check --wait 60`). A queue that is empty and a packet that is
  lost all the same: then something filters (ND304). Large answers alone that hang: then think of the MTU (ND701).

The fix and its safety
  Wait for it (`condition: service_healthy`, retries), or read its log. No connection left: see who holds them.

References
  https://docs.docker.com/compose/how-tos/startup-order/
  https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Outcome, Question, Severity
from netdoctor.probes.http import Http
from netdoctor.probes.listeners import Listeners
from netdoctor.rules._health import age
from netdoctor.rules._reading import (
    Ends,
    connected,
    dial_lines,
    dials,
    ends,
    listeners,
    listeners_line,
    wants_listeners,
)
from netdoctor.rules._refusing import relief
from netdoctor.rules._speaking import failed, name_of, other_way, said_line
from netdoctor.rules.registry import RULES

YOUNG = 10.0  # seconds that a server without a health check may need to open its port
Told = tuple[Confidence, str, tuple[str, ...]]


class NotReady:
    code = "ND503"
    title = "not ready, or its accept queue is full"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND303", "ND304", "ND404", "ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        if found is None or not found.target.running:
            return ()
        silent = [question for question, observation in failed(case) if observation.outcome is Outcome.TIMED_OUT]
        controls = [other_way(question) for question in silent if other_way(question) not in case.seen]
        # The queue is read once nothing else is under way: our own control questions would stand in it.
        if controls:
            return controls
        return (Listeners(found.target.ref),) if silent else wants_listeners(case)

    def judge(self, case: Case) -> Iterable[Finding]:
        edge = case.edge
        if edge is None or edge.reverse or edge.port is None:
            return
        told, found = _says_so(case, name_of(case, edge.target)), ends(case)
        if told is None and found is not None and found.target.running and found.common:
            told = _queue(case, found) or _silent(case, found) or _starting(case, found)
        if told is None:
            return
        confidence, cause, evidence = told
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            confidence,
            Layer.TARGET,
            (edge.target, edge.source),
            cause,
            (*evidence, *dial_lines(case)),
            (relief(case, edge, cause),),
        )


def _says_so(case: Case, target: str) -> Told | None:
    """The service answers, and the answer is that it cannot serve (yet)."""
    for question, observation in failed(case):
        evidence: Any = observation.evidence
        if observation.outcome is not Outcome.HTTP_ERROR or evidence is None:
            continue
        line = (said_line(question, observation),)
        if isinstance(question, Http):
            if evidence.status == 503:
                return Confidence.CERTAIN, f"{target} answers 503 to {question.path}: it is not ready.", line
        elif evidence.trouble:
            return Confidence.CERTAIN, f"{target} answers, and says: {evidence.trouble}.", line
    return None


def _queue(case: Case, found: Ends) -> Told | None:
    """Connections wait in the kernel, and the dial (or the request) got nowhere."""
    heard, port = listeners(case), found.edge.port or 0
    waiting = sum(socket.backlog_waiting for socket in heard.on(port)) if heard is not None else 0
    lost = any(observation.outcome is Outcome.TIMED_OUT for _, observation in dials(case)) and not connected(case)
    mute = any(observation.outcome is Outcome.TIMED_OUT for _, observation in failed(case))
    if heard is None or not waiting or not (lost or mute):
        return None
    full = "its accept queue is full" if lost else "it does not take them"
    count = "a connection waits" if waiting == 1 else f"{waiting} connections wait"
    cause = f"{found.target.name} has an open port {port} where {count}: {full}."
    return Confidence.CERTAIN, cause, (f"accept queue on {port}: {waiting} waiting", listeners_line(heard))


def _silent(case: Case, found: Ends) -> Told | None:
    for question, observation in failed(case):
        if observation.outcome is Outcome.TIMED_OUT:
            cause = (
                f"{found.target.name} takes connections on port {found.edge.port} and does not answer within "
                f"{observation.seconds:.0f} s: it is stuck, or slow (then ask with a longer --timeout)."
            )
            return Confidence.LIKELY, cause, (said_line(question, observation),)
    return None


def _starting(case: Case, found: Ends) -> Told | None:
    """Nothing listens on that port yet, in a container that has hardly begun."""
    heard, target = listeners(case), found.target
    if heard is None or heard.on(found.edge.port or 0) or connected(case):
        return None
    if target.health is not None and target.health.status == "starting":
        why = "its health check still says starting"
    elif target.health is None and (old := age(case.topology, target)) is not None and old < YOUNG:
        why = f"it was started {old:.0f} s ago"
    else:
        return None
    # A port that never opens looks the same for as long: only where no other port is open is waiting the better guess.
    if heard.ports:
        return None
    cause = f"{target.name} does not listen on port {found.edge.port} yet: {why}."
    return Confidence.LIKELY, cause, (listeners_line(heard),)


RULE = RULES.add(NotReady.code, NotReady(), home=__name__)
