"""The server answers, and sends the caller to another address, which the caller cannot reach.

What is looked for
  Addresses that the server itself names to its clients: Kafka's brokers (advertised.listeners), the members of a
  MongoDB replica set, the masters of a Redis Cluster or of a Sentinel, and where an HTTP redirect leads. The server
  is asked in its own protocol, without credentials (a broker that wants a sign-in first notes a failed one in its
  log, and is not judged); at most five of the addresses are then resolved and dialled from the caller.
  In files, and where a broker cannot be asked: a listener that KAFKA_ADVERTISED_LISTENERS calls localhost.

Why it breaks
  The first connection only asks where to go. What it is told was written for somebody else: `localhost` for a
  program on the machine, a host name of another project, an address of a network that the caller is not on. In
  the log it reads as a broker `localhost:9092` that is not available, `ServerSelectionTimeoutError`, or a cluster
  whose slots cannot be read, although the name resolves and the port is open.

What would prove it wrong
  A client that does not follow: a MongoDB URL with `directConnection=true` (Java's driver with one host and no
  `replicaSet` stays where it is, too), a plain client at a Redis Cluster of one node, a caller of HTTP that reads the
  redirect itself. One address of several, and a redirect, are called a warning; what could not be asked is not judged,
  nor are redirects that a reverse proxy hands on.

The fix and its safety
  Where all of those addresses are on one network, the caller can join it: that interrupts nothing and is undone.
  Else let the server name addresses that all of its clients reach; where some are on the machine and some in
  containers, Kafka needs a listener for each. It is restarted for that; netdoctor changes no server's configuration.

References
  https://kafka.apache.org/documentation/#brokerconfigs_advertised.listeners
  https://www.mongodb.com/docs/manual/reference/method/rs.reconfig/
  https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/
  Automattic/mongoose #10718, redis/redis #2527
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Outcome, Question, Severity
from netdoctor.probes.followed import spelled
from netdoctor.rules._elsewhere import (
    Sent,
    clustered,
    follow_wanted,
    follows,
    heard,
    in_writing,
    lines,
    lists_wanted,
    sent,
    speaks_java,
)
from netdoctor.rules._elsewhere_remedies import remedies, subjects
from netdoctor.rules._speaking import about, name_of
from netdoctor.rules.registry import RULES

WHY = {
    Outcome.REFUSED: "where nothing listens",
    Outcome.NAME_NOT_FOUND: "a name that {caller} cannot resolve",
    Outcome.RESOLVER_FAILED: "a name that {caller} cannot resolve",
    Outcome.NO_ROUTE: "to which {caller} has no way",
}


class SendsElsewhere:
    code = "ND408"
    title = "sent to an address that cannot be reached"
    needs: frozenset[Fact] = frozenset()
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return [*lists_wanted(case), *follow_wanted(case)]

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, found = case.edge, sent(case)
        if edge is None:
            return
        if found is None:
            # It could not be asked, or it does not run yet; its own variable says it all the same.
            found = in_writing(case)
        if found is None or not found.lost:
            return
        severity, confidence = _weighed(case, found)
        yield Finding(
            self.code,
            self.title,
            severity,
            confidence,
            Layer.HTTP,
            (*subjects(case), *about(edge)),
            _cause(case, found, name_of(case, edge.target), name_of(case, edge.source)),
            lines(case, found),
            tuple(remedies(case, found)),
            caller_fails=severity is Severity.ERROR,
        )


def _weighed(case: Case, found: Sent) -> tuple[Severity, Confidence]:
    """All that are named, or the one that is needed: it fails. Some of several: it will, sooner or later."""
    edge = case.edge
    if edge is None or edge.origin == "pair":
        # Nobody says that these two talk to each other.
        return Severity.WARNING, Confidence.POSSIBLE
    if found.sort == "redirect":
        # Of a path that nobody wrote it is not known whether anybody follows.
        return Severity.WARNING, Confidence.LIKELY if edge.said_path else Confidence.POSSIBLE
    if not (found.all_lost or found.needed_lost):
        return Severity.WARNING, Confidence.LIKELY
    if found.sort == "cluster" and found.all_of == 1 and not clustered(case):
        # A plain client never leaves a node that has all the slots.
        return Severity.WARNING, Confidence.POSSIBLE
    if found.sort.startswith("replica set") and follows(case) is None and speaks_java(case):
        return Severity.WARNING, Confidence.POSSIBLE
    if not heard(case):
        return Severity.ERROR, Confidence.LIKELY
    sure = edge.origin != "depends_on" and found.all_of == len(found.places)
    if found.sort.startswith("replica set"):
        sure = sure and follows(case) is True
    return Severity.ERROR, Confidence.CERTAIN if sure else Confidence.LIKELY


def _cause(case: Case, found: Sent, target: str, caller: str) -> str:
    named = [spelled(each.host, each.port) for each, _ in found.lost]
    shown = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]
    why = WHY.get(found.lost[0][1], "which does not answer").format(caller=caller)
    if len(named) > 1:
        why = f"none of which {caller} reaches"
    if found.sort == "redirect":
        return f"{target} redirects {caller} to {shown}, {why}."
    several = f" among {found.all_of} addresses" if found.all_of > len(named) else ""
    if not heard(case):
        return f"{target} sends {caller} to {shown}, which is {caller} itself, and not {target}."
    return f"{target} answers, and sends {caller} to {shown}{several}, {why}."


RULE = RULES.add(SendsElsewhere.code, SendsElsewhere(), home=__name__)
