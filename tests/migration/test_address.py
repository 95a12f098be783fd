"""Which Qdrant is meant, and at which address the app reaches it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from netdoctor.errors import Ambiguous, NotFound, UsageError
from netdoctor.migration.address import Address, Wanted, folder_of, resolve_target, what_was_asked
from netdoctor.migration.targets.interface import TargetUnreachable
from netdoctor.model import Container, Endpoint, Fact, Network, State, Topology
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import CannotAsk, ResolverConfig
from netdoctor.vantage.lookup import ResolverUnread, look_up

RUNNING = State("running", running=True)


def container(name: str, *networks: tuple[str, str], **how: object) -> Container:
    endpoints = tuple(Endpoint(net, net, ip, names=(name, f"{name}-alias")) for net, ip in networks)
    return Container(f"{name}-id".ljust(64, "0"), name, state=RUNNING, endpoints=endpoints, **how)  # type: ignore[arg-type]


def topology(*containers: Container) -> Topology:
    names = sorted({endpoint.network for each in containers for endpoint in each.endpoints})
    return Topology(frozenset({Fact.RUNTIME}), containers, tuple(Network(name, name) for name in names))


APP = container("app", ("coolify", "10.0.0.15"), environment=(("QDRANT_URL", "http://qdrant:6333"),))
APART = container("qdrant", ("uuid", "10.0.4.2"))
JOINED = container("qdrant", ("uuid", "10.0.4.2"), ("coolify", "10.0.0.42"))


class Named(HostVantage):
    """A vantage whose hosts file knows one name."""

    name = "fake"

    def resolver(self) -> ResolverConfig:
        return ResolverConfig((), hosts=(("10.9.9.9", ("elsewhere", "other")),))


def resolve(text: str, *containers: Container, app: Container | None = APP, grpc_port: int | None = None) -> Address:
    return resolve_target(
        Wanted(text, "--to"),
        topology=topology(*containers),
        app=app,
        vantage=Named() if app else None,
        grpc_port=grpc_port,
    )


def test_precedence_of_the_url() -> None:
    both = {"QDRANT_URL": "http://b", "QDRANT_URL_MIGRATION": "http://a"}
    assert what_was_asked("x", both, APP) == Wanted("x", "--to")
    assert what_was_asked(None, both, APP) == Wanted("http://a", "QDRANT_URL_MIGRATION")
    assert what_was_asked(None, {"QDRANT_URL": "http://b", "QDRANT_URL_MIGRATION": ""}, APP).text == "http://b"
    assert what_was_asked(None, {}, APP) == Wanted("http://qdrant:6333", "QDRANT_URL of app")
    with pytest.raises(UsageError, match="No target"):
        what_was_asked(None, {}, None)
    placeholder = container("app", environment=(("QDRANT_URL", "http://placeholder:6333"),))
    with pytest.raises(UsageError, match="placeholder"):
        what_was_asked(None, {}, placeholder)


def test_the_address_is_the_one_on_the_shared_network() -> None:
    found = resolve("qdrant", APP, JOINED)
    assert (found.ip, found.rest, found.grpc, found.url) == ("10.0.0.42", 6333, 6334, "http://qdrant:6333")
    assert found.target == JOINED
    assert resolve("http://qdrant:6333", APP, JOINED).ip == "10.0.0.42"
    assert resolve("http://qdrant-alias:6333", APP, JOINED).ip == "10.0.0.42"
    assert resolve("qdrant", APP, JOINED, app=None).ip == "10.0.4.2"


@pytest.mark.parametrize("text", ["qdrant", "qdrant:6333", "http://qdrant:6333"])
def test_without_a_shared_network_nothing_is_tried_and_the_diagnosis_is_named(text: str) -> None:
    with pytest.raises(TargetUnreachable, match=r"share no network.*Nothing was written") as caught:
        resolve(text, APP, APART)
    assert caught.value.hint == "netdoctor check app qdrant"


def test_a_borrowed_namespace_is_reached_on_loopback() -> None:
    inside = Container("s".ljust(64, "0"), "side", state=RUNNING, network_mode=f"container:{JOINED.id}")
    assert resolve("qdrant", inside, JOINED, app=inside).ip == "127.0.0.1"


def test_a_target_that_does_not_run_is_told() -> None:
    stopped = Container("q".ljust(64, "0"), "qdrant", state=State("exited"))
    with pytest.raises(TargetUnreachable, match=r"is not running \(exited\)") as caught:
        resolve("qdrant", APP, stopped)
    assert caught.value.hint == "docker start qdrant"


def test_unknown_and_ambiguous_names() -> None:
    with pytest.raises(NotFound) as caught:
        resolve("qdrnt", APP, JOINED)
    assert "qdrant" in caught.value.candidates
    labels = {"com.docker.compose.service": "db"}
    with pytest.raises(Ambiguous):
        resolve("db", container("a-db", labels=labels), container("b-db", labels=labels))


def test_other_names_are_looked_up_from_inside() -> None:
    assert resolve("http://elsewhere:7000/base/", APP, JOINED) == Address(
        "http", "elsewhere", "10.9.9.9", 7000, None, "/base", "--to", None
    )
    assert resolve("https://10.1.2.3", APP).ip == "10.1.2.3"
    with pytest.raises(TargetUnreachable, match="'nowhere' does not resolve from app"):
        resolve("http://nowhere:6333", APP, JOINED)


def test_without_an_engine_the_host_resolves() -> None:
    found = resolve_target(Wanted("http://Some.Host:6333", "--to"), topology=None, app=None, vantage=None)
    assert (found.host, found.ip, found.rest, found.grpc) == ("Some.Host", None, 6333, 6334)
    six = resolve_target(Wanted("http://[::1]:6333", "--to"), topology=None, app=None, vantage=None)
    assert (six.host, six.url) == ("::1", "http://[::1]:6333")


@pytest.mark.parametrize(
    ("text", "grpc_port", "rest", "grpc"),
    [
        ("http://h", None, 6333, 6334),
        ("http://h:6333", None, 6333, 6334),
        ("http://h:6334", None, None, 6334),
        ("http://h:7000", None, 7000, None),
        ("http://h:7000", 7001, 7000, 7001),
        ("http://h/qdrant", None, 6333, None),
    ],
)
def test_ports(text: str, grpc_port: int | None, rest: int | None, grpc: int | None) -> None:
    found = resolve_target(Wanted(text, "--to"), topology=None, app=None, vantage=None, grpc_port=grpc_port)
    assert (found.rest, found.grpc) == (rest, grpc)


@pytest.mark.parametrize("text", ["ftp://h", "http://", "http://h:99999", "http://user:pw@h:6333"])
def test_what_is_no_target_is_a_usage_error_that_shows_no_password(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_target(Wanted(text, "QDRANT_URL"), topology=None, app=None, vantage=None)
    assert "pw@" not in str(caught.value) + caught.value.hint


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert folder_of("./new") == Path("./new")
    assert folder_of(str(tmp_path)) == tmp_path
    assert folder_of("here") == Path("here")
    assert folder_of("qdrant") is None
    assert folder_of("http://here") is None


class Dns(HostVantage):
    """A vantage with one nameserver on loopback; ``udp`` False: only streams can be opened."""

    def __init__(self, port: int, *, udp: bool) -> None:
        super().__init__()
        self._port = port
        self._udp = udp

    def resolver(self) -> ResolverConfig:
        return ResolverConfig(("127.0.0.1",), search=("lan",))

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        if not self._udp:
            raise CannotAsk("no datagrams here")
        return super().datagram(address, self._port, payload, timeout)

    def dial(self, address: str, port: int, timeout: float):  # type: ignore[no-untyped-def]
        return super().dial(address, self._port, timeout)


@pytest.mark.parametrize("udp", [True, False])
def test_names_are_asked_of_the_containers_own_nameserver(udp: bool) -> None:
    import dns.message
    import dns.rrset

    asked: list[str] = []

    def answer(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        name = str(query.question[0].name)
        asked.append(name)
        if name == "qdrant.lan." and query.question[0].rdtype == 1:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "10.7.7.7"))
        return bytes(reply.to_wire())

    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        if not udp:
            server.listen()

        def serve() -> None:
            for _ in range(4):
                try:
                    if udp:
                        data, peer = server.recvfrom(4096)
                        server.sendto(answer(data), peer)
                    else:
                        stream, _ = server.accept()
                        with stream:
                            data = stream.recv(4096)
                            made = answer(data[2:])
                            stream.sendall(len(made).to_bytes(2, "big") + made)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        vantage = Dns(server.getsockname()[1], udp=udp)
        assert look_up(vantage, "qdrant") == "10.7.7.7"
        assert asked == ["qdrant.lan."]


class Unreadable(HostVantage):
    name = "fake"

    def resolver(self) -> ResolverConfig:
        raise CannotAsk("there is no cat in it")


def test_a_resolver_that_cannot_be_read_is_told_as_that_and_whose_it_is() -> None:
    with pytest.raises(ResolverUnread, match=r"cannot be looked up from inside app: its resolv\.conf cannot be read"):
        resolve_target(
            Wanted("http://somewhere.test:6333", "--to"),
            topology=topology(APP),
            app=APP,
            vantage=Unreadable(),
            grpc_port=None,
        )
