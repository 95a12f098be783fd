"""A server is asked where it sends its clients, in its own protocol and without credentials; strangers' text is kept
out of what follows."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.model import HOST, Fact, Layer, Observation, Outcome, Topology
from netdoctor.probes._advertised import LONGEST, Foreign, document, is_host, kafka_request, mongo_request
from netdoctor.probes.advertised import SENDS_ON, Advertised, AdvertisedEvidence, AdvertisedProbe, Announced
from netdoctor.probes.greeting import PROTOCOLS
from netdoctor.probes.interface import World
from netdoctor.vantage.fake import FakeVantage, Peer
from netdoctor.vantage.host import HostVantage

from .advertising import (
    HELLO,
    HELLO_REQUEST,
    KAFKA_BROKERS,
    KAFKA_METADATA_REQUEST,
    NO_CLUSTER,
    NO_COMMAND,
    bulk,
    conversation,
    masters,
    op_msg,
    slots,
)
from .greeting_servers import answers, free_port, program, says, serving, throwaway_certificate

NOTHING = Topology(frozenset({Fact.RUNTIME}), (), ())
PROBE = AdvertisedProbe()


def ask(protocol: str, port: int, *, timeout: float = 2.0, tls: bool = False, vantage=None):
    vantage = vantage or HostVantage()
    world = World(NOTHING, lambda ref: vantage, timeout, time.monotonic)
    return PROBE.ask(Advertised(HOST, "127.0.0.1", port, protocol, tls), world)


def said(protocol: str, talk, **asked):
    with serving(talk) as port:
        return ask(protocol, port, **asked)


def named(found) -> list[tuple[str, int, str]]:
    return [(each.host, each.port, each.role) for each in found.evidence.announced]


# --- what is said, and how it is read ---------------------------------------------------------------------------------


def test_what_we_say_to_a_broker_is_what_another_client_says():
    assert kafka_request() == KAFKA_METADATA_REQUEST


def test_kafka_names_its_brokers():
    found = said("kafka", conversation({KAFKA_METADATA_REQUEST: KAFKA_BROKERS}))
    assert found.outcome is Outcome.CONNECTED
    assert found.evidence.sort == "brokers"
    assert named(found) == [("localhost", 9092, "broker 1"), ("kafka-2", 19092, "broker 2")]


def test_a_broker_that_wants_a_sign_in_first_cannot_be_asked():
    found = said("kafka", lambda connection: connection.recv(100))
    assert found.outcome is Outcome.COULD_NOT_ASK
    assert "SASL" in found.reason


def test_mongo_names_the_members_the_primary_first():
    found = said("mongo", conversation({HELLO_REQUEST: op_msg(HELLO)}))
    assert found.evidence.sort == "replica set rs0"
    assert named(found) == [("localhost", 27017, "primary"), ("mongo-2", 27017, "member")]


def test_an_old_mongo_is_asked_in_its_own_word():
    unknown = b"\x1d\x00\x00\x00\x01ok\x00" + struct.pack("<d", 0) + b"\x10code\x00" + struct.pack("<i", 59) + b"\x00"
    unknown = struct.pack("<i", len(unknown)) + unknown[4:]
    found = said("mongo", conversation({HELLO_REQUEST: op_msg(unknown), b"isMaster": op_msg(HELLO)}))
    assert len(named(found)) == 2
    assert b"isMaster" in mongo_request("isMaster")


def test_a_mongo_alone_sends_nobody_anywhere():
    alone = b"\x01ok\x00" + struct.pack("<d", 1)
    alone = struct.pack("<i", len(alone) + 5) + alone + b"\x00"
    found = said("mongo", conversation({HELLO_REQUEST: op_msg(alone)}))
    assert (found.outcome, found.evidence.sort, named(found)) == (Outcome.CONNECTED, "", [])
    assert PROBE.describe(Advertised(HOST, "127.0.0.1", 1, "mongo"), found) == "nowhere"


def test_a_redis_cluster_names_the_masters_of_its_slots():
    talk = conversation({b"CLUSTER": slots(("10.0.0.2", 6379), ("redis-2", 6380), ("10.0.0.2", 6379))})
    found = said("redis", talk)
    assert found.evidence.sort == "cluster"
    assert [each[:2] for each in named(found)] == [("10.0.0.2", 6379), ("redis-2", 6380)]


@pytest.mark.parametrize("endpoint", [None, "", "?"])
def test_an_endpoint_that_a_cluster_does_not_know_is_nothing_to_follow(endpoint):
    assert named(said("redis", conversation({b"CLUSTER": slots((endpoint, 6379))}))) == []


def test_a_sentinel_names_the_masters_that_it_watches():
    talk = conversation({b"CLUSTER": NO_COMMAND, b"SENTINEL": masters(cache="172.18.0.9:6379", queue="queue:6380")})
    found = said("redis", talk)
    assert found.evidence.sort == "sentinel"
    assert named(found) == [("172.18.0.9", 6379, "master cache"), ("queue", 6380, "master queue")]


def test_a_redis_alone_sends_nobody_anywhere():
    talk = conversation({b"CLUSTER": NO_CLUSTER, b"SENTINEL": b"-ERR unknown command 'SENTINEL'\r\n"})
    found = said("redis", talk)
    assert (found.outcome, found.evidence.sort) == (Outcome.CONNECTED, "")


@pytest.mark.parametrize(
    "refusal", [b"-NOAUTH Authentication required.\r\n", b"-NOPERM this user has no permissions\r\n"]
)
def test_a_redis_that_wants_a_password_first_cannot_be_asked(refusal):
    found = said("redis", conversation({b"CLUSTER": refusal}))
    assert found.outcome is Outcome.COULD_NOT_ASK
    assert "password" in found.reason


@pytest.mark.parametrize("protocol", sorted(SENDS_ON))
def test_no_credential_is_ever_sent(protocol):
    heard = b""

    def talk(connection):
        nonlocal heard
        while more := connection.recv(4096):
            heard += more
            connection.sendall(NO_CLUSTER)

    said(protocol, talk, timeout=0.5)
    assert heard
    assert not any(word in heard.lower() for word in (b"auth", b"pass", b"user", b"login"))


def test_every_protocol_that_is_asked_has_a_greeting():
    assert SENDS_ON <= PROTOCOLS


# --- answers that are none --------------------------------------------------------------------------------------------

HUGE = struct.pack(">i", LONGEST + 1)
BAD = {
    "kafka": [
        b"\x15\x03\x03\x00\x02\x02\x50",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        HUGE,
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x04\x00\x00\x00\x01",
        b"\x00\x00\x00\x0c\x00\x00\x6e\x64\x7f\xff\xff\xff\x00\x00\x00\x01",
        b"\x00\x00\x00\x10\x00\x00\x6e\x64\x00\x00\x00\x01\x00\x00\x00\x01\x7f\xff\x41\x41",
        b"\xff\xff\xff\xff",
    ],
    "mongo": [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        op_msg(HELLO, answers_to=1),
        op_msg(b"\x05\x00\x00\x00"),
        op_msg(b"\xff\xff\xff\x7f\x02a\x00"),
        op_msg(b"\x0c\x00\x00\x00\x7ea\x00\x00\x00\x00\x00\x00"),
        op_msg(b"\x0c\x00\x00\x00\x02a\x00\xff\xff\xff\x7f\x00"),
        op_msg(b"\x0c\x00\x00\x00\x02a\x00\xff\xff\xff\xff\x00"),
        b"",
    ],
    "redis": [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*1\r\n" * 20, b"*x\r\n", b"$9999999999\r\n", b"\x00\x00\r\n", b""],
}


@pytest.mark.parametrize(("protocol", "raw"), [(name, raw) for name, every in BAD.items() for raw in every])
def test_what_is_no_such_answer_names_nothing_and_breaks_nothing(protocol, raw):
    found = said(protocol, lambda connection: (connection.recv(4096), connection.sendall(raw)))
    assert found.outcome in (Outcome.WRONG_SERVICE, Outcome.RESET)
    assert not found.evidence.announced


def mutated(whole: bytes):
    """Any bytes, and the right answer with something else in one place."""
    changed = st.tuples(st.integers(0, len(whole) - 1), st.binary(max_size=6))
    return st.binary(max_size=200) | changed.map(lambda at: whole[: at[0]] + at[1] + whole[at[0] + len(at[1]) :])


@pytest.mark.parametrize(
    ("protocol", "whole"),
    [("kafka", KAFKA_BROKERS), ("mongo", op_msg(HELLO)), ("redis", slots(("a", 1), ("b", 2)))],
    ids=["kafka", "mongo", "redis"],
)
@given(data=st.data())
def test_any_bytes_are_some_outcome_and_name_only_what_can_be_a_place(protocol, whole, data):
    raw = data.draw(mutated(whole))
    peer = Peer(answer=lambda _: raw, hangs_up=True)
    found = ask(protocol, 1, timeout=0.2, vantage=FakeVantage(dials={("127.0.0.1", 1): peer}))
    for host, port, _ in named(found) if found.evidence is not None else ():
        assert is_host(host)
        assert 0 < port < 65536


def test_an_answer_without_end_is_given_up():
    def talk(connection):
        connection.recv(4096)
        connection.sendall(b"*100000\r\n")
        while True:
            connection.sendall(bulk("a" * 16000))

    assert said("redis", talk).outcome is Outcome.WRONG_SERVICE


def test_a_dripping_answer_ends_in_time():
    def talk(connection):
        connection.recv(4096)
        for byte in KAFKA_BROKERS:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    began = time.monotonic()
    assert said("kafka", talk, timeout=0.4).outcome is Outcome.TIMED_OUT
    assert time.monotonic() - began < 4


def test_an_answer_in_pieces_is_read_whole():
    def talk(connection):
        connection.recv(4096)
        for start in range(0, len(KAFKA_BROKERS), 7):
            connection.sendall(KAFKA_BROKERS[start : start + 7])
            time.sleep(0.002)

    assert len(named(said("kafka", talk))) == 2


@pytest.mark.parametrize(
    ("text", "well"),
    [
        ("kafka", True),
        ("kafka_1.my-net", True),
        ("a", True),
        ("10.0.0.2", True),
        ("fd00::2", True),
        ("fe80::1%eth0", True),
        ("", False),
        ("-rf", False),
        ("a b", False),
        ('a"; rm -rf /', False),
        ("$(id)", False),
        ("a\x1b[31m", False),
        ("kafka\n", False),
        ("a" * 300, False),
        ("ä", False),
    ],
)
def test_only_what_can_be_a_host_becomes_one(text, well):
    assert is_host(text) is well


def test_names_with_a_shell_in_them_are_left_out():
    found = said("redis", conversation({b"CLUSTER": slots(("$(reboot)", 6379), ("x", 0), ("good", 70000), ("ok", 1))}))
    assert [each[:2] for each in named(found)] == [("ok", 1)]


def test_a_document_that_is_nested_without_end_is_none():
    raw = b"\x05\x00\x00\x00\x00"
    for _ in range(20):
        raw = struct.pack("<i", len(raw) + 8) + b"\x03a\x00" + raw + b"\x00"
    with pytest.raises(Foreign):
        document(raw)


# --- the way there ----------------------------------------------------------------------------------------------------


def test_a_closed_port_and_a_reset_are_told_as_for_any_dial():
    assert ask("kafka", free_port()).outcome is Outcome.REFUSED
    vantage = FakeVantage(dials={("127.0.0.1", 1): Peer(resets=True)})
    assert ask("kafka", 1, vantage=vantage).outcome is Outcome.RESET
    assert all(stream.closed for stream in vantage.streams)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
def test_it_is_asked_inside_tls_where_the_edge_is(tmp_path):
    with serving(conversation({b"CLUSTER": slots(("n", 1))}), throwaway_certificate(tmp_path)) as port:
        assert named(ask("redis", port, tls=True)) == [("n", 1, "node with slots")]
    with serving(answers(b"-ERR\r\n")) as port:
        assert ask("redis", port, tls=True).outcome is Outcome.TLS_MISMATCH


def test_a_server_that_speaks_first_is_none_of_these():
    assert said("redis", says(b"SSH-2.0-OpenSSH_9.2\r\n")).outcome is Outcome.WRONG_SERVICE


def test_it_is_told_in_words():
    question = Advertised(HOST, "10.0.0.2", 9092, "kafka")
    assert PROBE.layer is Layer.GREETING
    assert PROBE.label(question, NOTHING) == "where kafka 10.0.0.2:9092 sends its clients"
    evidence = AdvertisedEvidence("10.0.0.2", 9092, "kafka", "brokers", (Announced("fd00::2", 9092), Announced("k", 1)))
    assert PROBE.describe(question, Observation(Outcome.CONNECTED, evidence)) == "brokers: [fd00::2]:9092, k:1"


# --- real servers -----------------------------------------------------------------------------------------------------

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")


def redis_server(port: int, folder, *more: str) -> list[str]:
    own = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    return ["redis-server", *own, *more]


def tell(port: int, *words: str) -> str:
    line = ["redis-cli", "-p", str(port), *words]
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=20).stdout


@needs_redis
def test_a_real_redis_cluster_names_what_it_announces(tmp_path):
    port = free_port()
    # The port of the cluster's bus is the client's and 10,000 more, unless it is said.
    bus = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-announce-ip", "10.66.0.9")
    with program(redis_server(port, tmp_path, *bus), port):
        assert ask("redis", port).evidence.sort == ""
        tell(port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        found = ask("redis", port)
        assert (found.evidence.sort, named(found)) == ("cluster", [("10.66.0.9", port, "node with slots")])
        tell(port, "CONFIG", "SET", "cluster-announce-hostname", "redis.example")
        tell(port, "CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
        assert named(ask("redis", port))[0][0] == "redis.example"
        tell(port, "CONFIG", "SET", "cluster-preferred-endpoint-type", "unknown-endpoint")
        assert named(ask("redis", port)) == []


@needs_redis
def test_a_real_redis_alone_and_one_with_a_password(tmp_path):
    port = free_port()
    with program(redis_server(port, tmp_path), port):
        assert ask("redis", port).evidence.sort == ""
        tell(port, "CONFIG", "SET", "requirepass", "hunter2hunter2")
        assert ask("redis", port).outcome is Outcome.COULD_NOT_ASK


@needs_redis
def test_a_real_sentinel_names_its_master(tmp_path):
    port = free_port()
    file = tmp_path / "sentinel.conf"
    file.write_text(f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\nsentinel monitor cache 127.0.0.1 {free_port()} 1\n")
    with program(["redis-server", str(file), "--sentinel"], port):
        found = ask("redis", port)
    assert found.evidence.sort == "sentinel"
    assert [(host, role) for host, _, role in named(found)] == [("127.0.0.1", "master cache")]
