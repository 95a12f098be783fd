"""A whole diagnosis without an engine: a topology, a fake vantage at each end, a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rules.build import container, network, topology

from netdoctor.diagnosis.run import diagnose
from netdoctor.model import Container, Edge, Network, Outcome, Report, Topology
from netdoctor.vantage.fake import Datagram, Dialled, FakeVantage, FakeVantages, Peer
from netdoctor.vantage.interface import ListeningSocket, ResolverConfig

DOCKER = "127.0.0.11"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def http_peer(said: bytes = OK) -> Peer:
    return Peer(answer=lambda _: said, hangs_up=True)


def names(records: Mapping[str, Sequence[str]]) -> Datagram:
    """Docker's DNS for one container: these names have these addresses, others do not exist."""
    import dns.message
    import dns.rcode
    import dns.rrset

    def answer(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text(omit_final_dot=True)
        reply = dns.message.make_response(query)
        if name not in records:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif query.question[0].rdtype == 1:
            reply.answer.append(dns.rrset.from_text(f"{name}.", 600, "IN", "A", *records[name]))
        return reply.to_wire()

    return answer


def inside(
    *,
    knows: Mapping[str, Sequence[str]] | None = None,
    dials: Mapping[tuple[str, int], Dialled] | None = None,
    pings: Mapping[str, Any] | None = None,
    listens: Sequence[str] | None = ("0.0.0.0:6333",),
    name: str = "fake",
) -> FakeVantage:
    """A vantage inside a container on a user network; ``knows`` None: its nameserver is silent."""
    sockets = None
    if listens is not None:
        parts = [each.rpartition(":") for each in listens]
        sockets = [ListeningSocket(address, int(port), 6 if ":" in address else 4) for address, _, port in parts]
    datagrams: dict[tuple[str, int], Datagram] = {}
    datagrams[DOCKER, 53] = Outcome.TIMED_OUT if knows is None else names(knows)
    return FakeVantage(
        name=name,
        dials=dials,
        datagrams=datagrams,
        pings=pings,
        resolver=ResolverConfig((DOCKER,), (), 0),
        listeners=sockets,
        routes=[],
        addresses=["127.0.0.1"],
        neighbours=[],
        connections=[],
    )


COOLIFY = network("coolify")
OWN = network("qkkkc8kskocgwo0o8c444cgo")
APP_IP, QDRANT_IP = "10.0.1.5", "10.0.4.2"
APP = container(
    "app", COOLIFY, service="web", project="u8088", address=APP_IP,
    environment=(("QDRANT_URL", "http://qdrant:6333"), ("QDRANT_API_KEY", "hunter2Sup3rSecret")),
)  # fmt: skip
QDRANT = container(
    "qdrant", OWN, service="qdrant", project="qkkkc8kskocgwo0o8c444cgo", address=QDRANT_IP,
    image="qdrant/qdrant:v1.16.1", environment=(),
)  # fmt: skip


def incident() -> tuple[Topology, FakeVantages]:
    """The app on the platform's network, Qdrant alone on its own."""
    seen = topology(APP, QDRANT, COOLIFY, OWN, endpoint="unix:///var/run/docker.sock", engine_version="20.10.24")
    return seen, FakeVantages(
        {APP.ref: inside(listens=["0.0.0.0:3000"]), QDRANT.ref: inside(listens=["0.0.0.0:6333", "0.0.0.0:6334"])}
    )


def healthy(**at_app: Any) -> tuple[Topology, FakeVantages, Container, Container, Network]:
    """The two on one network, and everything open."""
    net = network("shop")
    app = container("app", net, service="app", project="shop", address="10.0.0.2", environment=())
    db = container("db", net, service="db", project="shop", address="10.0.0.3", environment=())
    settings = {
        "knows": {"db": ["10.0.0.3"], app.short_id: ["10.0.0.2"]},
        "dials": {("10.0.0.3", 80): http_peer()},
        "pings": {"10.0.0.3": 0.0002},
        **at_app,
    }
    at_db = inside(pings={"10.0.0.2": 0.0003}, knows={}, listens=["0.0.0.0:80"])
    return topology(app, db, net), FakeVantages({app.ref: inside(**settings), db.ref: at_db}), app, db, net


def run(seen: Topology, vantages: FakeVantages, *edges: Edge, timeout: float = 0.2, **options: Any) -> Report:
    return diagnose(seen, edges, vantages, timeout=timeout, **options)
