"""A server that names other addresses, asked in full: greeting, list and the way to each fit into the four rounds."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest
from probes.advertising import KAFKA_BROKERS, KAFKA_VERSIONS, NO_CLUSTER
from rules.build import container, network, topology

from netdoctor.diagnosis.run import diagnose
from netdoctor.model import Edge, Outcome, Ref, Severity, Verdict
from netdoctor.vantage.fake import FakeVantage, FakeVantages, Peer
from netdoctor.vantage.interface import ResolverConfig

NET = network("n")
KNOWN = {"kafka": "10.0.0.2", "kafka.example": "192.0.2.7"}


def nameserver(raw: bytes) -> bytes:
    query = dns.message.from_wire(raw)
    reply = dns.message.make_response(query)
    asked = query.question[0]
    name = str(asked.name).rstrip(".")
    if name not in KNOWN:
        reply.set_rcode(3)
    elif asked.rdtype == 1:
        reply.answer.append(dns.rrset.from_text(asked.name, 1, "IN", "A", KNOWN[name]))
    return reply.to_wire()


def broker(heard: bytes) -> bytes:
    return KAFKA_VERSIONS if heard[5] == 18 else KAFKA_BROKERS


def diagnosed(edge: Edge, dials, *more):
    app = container("app", NET, address="10.0.0.9")
    at = FakeVantage(
        dials=dials,
        datagrams={("127.0.0.11", 53): nameserver},
        pings={"10.0.0.2": True, "192.0.2.7": True},
        resolver=ResolverConfig(("127.0.0.11",)),
        listeners=(),
    )
    edge = Edge(app.ref, edge.target, name=edge.name, port=edge.port, protocol=edge.protocol)
    everybody = {app.ref: at, **{each.ref: FakeVantage(listeners=()) for each in more}}
    report = diagnose(topology(app, *more, NET), [edge], FakeVantages(everybody), timeout=1.0, both_ways=False)
    return report, [call[1:] for call in at.asked if call[0] == "dial"]


@pytest.mark.parametrize("inside", [True, False])
def test_a_broker_that_names_localhost_and_a_stranger_is_found_out(inside):
    kafka = container("kafka", NET, address="10.0.0.2")
    target = kafka.ref if inside else Ref("external", "kafka.example")
    name, address = ("kafka", "10.0.0.2") if inside else ("kafka.example", "192.0.2.7")
    dials = {(address, 9092): Peer(answer=broker), ("127.0.0.1", 9092): Outcome.REFUSED}
    edge = Edge(target, target, name=name, port=9092, protocol="kafka")
    report, asked = diagnosed(edge, dials, *([kafka] if inside else []))
    (finding,) = report.findings
    assert (finding.code, finding.severity, report.verdict) == ("ND408", Severity.ERROR, Verdict.BROKEN)
    assert finding.cause.endswith("to localhost:9092 and kafka-2:19092, none of which app reaches.")
    assert not [each for each in report.unjudged if each.code == "ND408"]
    assert ("127.0.0.1", 9092) in asked


def test_a_redis_alone_is_asked_two_questions_more_and_no_other_service_any():
    server = container("kafka", NET, address="10.0.0.2")
    redis = Peer(answer=lambda heard: b"+PONG\r\n" if heard.startswith(b"PING") else NO_CLUSTER)
    edge = Edge(server.ref, server.ref, name="kafka", port=6379, protocol="redis")
    report, asked = diagnosed(edge, {("10.0.0.2", 6379): redis}, server)
    assert (report.verdict, report.findings, len(asked)) == (Verdict.HOLDS, (), 3)
    edge = Edge(server.ref, server.ref, name="kafka", port=11211, protocol="memcached")
    report, asked = diagnosed(edge, {("10.0.0.2", 11211): Peer(answer=lambda _: b"VERSION 1\r\n")}, server)
    assert (report.verdict, report.findings, len(asked)) == (Verdict.HOLDS, (), 2)
