"""A greeting proves that the right service answers, without a credential, and says what answered when it is another."""

from __future__ import annotations

import shutil
import time

import pytest

from netdoctor.model import HOST, Fact, Layer, Outcome, Topology
from netdoctor.probes._greetings import GREETINGS, SETTINGS
from netdoctor.probes._mongo import REQUEST, SAYS
from netdoctor.probes.greeting import PROTOCOLS, Greeting, GreetingProbe, spoken
from netdoctor.probes.interface import World
from netdoctor.vantage.fake import FakeVantage, Peer
from netdoctor.vantage.host import HostVantage

from .advertising import KAFKA_VERSIONS
from .greeting_servers import (
    SCRAM,
    amqp_start,
    answers,
    free_port,
    mongo_reply,
    mysql_handshake,
    postgres_talk,
    program,
    says,
    serving,
    throwaway_certificate,
)

NOTHING = Topology(frozenset({Fact.RUNTIME}), (), ())
PROBE = GreetingProbe()


def ask(protocol: str, port: int, *, timeout: float = 2.0, tls: bool = False, vantage=None):
    vantage = vantage or HostVantage()
    world = World(NOTHING, lambda ref: vantage, timeout, time.monotonic)
    return PROBE.ask(Greeting(HOST, "127.0.0.1", port, protocol, tls), world)


RIGHT = {
    "redis": answers(b"+PONG\r\n", b"PING\r\n"),
    "postgres": postgres_talk(b"N", SCRAM),
    "mysql": says(mysql_handshake()),
    "mongo": answers(mongo_reply(REQUEST), SAYS[:16]),
    "amqp": answers(amqp_start(), b"AMQP\x00\x00\x09\x01"),
    "memcached": answers(b"VERSION 1.6.18\r\n", b"version\r\n"),
    "nats": says(b'INFO {"server_id":"A","auth_required":false}\r\n'),
    "grpc": answers(SETTINGS, b"PRI * HTTP/2.0"),
    "smtp": says(b"220 mail ESMTP\r\n"),
    "kafka": answers(KAFKA_VERSIONS, b"\x00\x00\x00\x13\x00\x12\x00\x00"),
}


def test_a_broker_that_speaks_tls_is_well_since_no_url_says_what_its_clients_speak():
    with serving(answers(b"\x15\x03\x03\x00\x02\x02\x50")) as port:
        found = ask("kafka", port)
    assert (found.outcome, found.evidence.demands) == (Outcome.CONNECTED, "")
    assert "TLS" in found.evidence.detail


def test_every_protocol_of_the_table_is_tried_here():
    assert set(RIGHT) == set(GREETINGS)


@pytest.mark.parametrize("protocol", sorted(RIGHT))
def test_the_right_service_is_known_by_its_first_words(protocol):
    with serving(RIGHT[protocol]) as port:
        found = ask(protocol, port)
    assert (found.outcome, found.evidence.service) == (Outcome.CONNECTED, protocol)


@pytest.mark.parametrize("protocol", sorted(RIGHT))
def test_an_http_server_is_no_such_service(protocol):
    if GREETINGS[protocol].says:
        talk = answers(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        with serving(talk) as port:
            found = ask(protocol, port)
        assert (found.outcome, found.evidence.service) == (Outcome.WRONG_SERVICE, "http")
    else:
        # It waits for a request, and we for its greeting.
        with serving(lambda connection: connection.recv(10)) as port:
            found = ask(protocol, port, timeout=0.3)
        assert found.outcome is Outcome.TIMED_OUT


@pytest.mark.parametrize(
    ("protocol", "bytes_", "service"),
    [
        ("redis", mysql_handshake(), "mysql"),
        ("postgres", b"-ERR unknown command\r\n", "redis"),
        ("mysql", b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        ("redis", b"ERROR\r\n", "memcached"),
        ("memcached", b"-ERR unknown command\r\n", "redis"),
        ("redis", b"hello there\r\n", ""),
    ],
)
def test_what_answers_instead_is_named_where_it_is_known(protocol, bytes_, service):
    with serving(says(bytes_)) as port:
        found = ask(protocol, port)
    assert (found.outcome, found.evidence.service) == (Outcome.WRONG_SERVICE, service)


@pytest.mark.parametrize(
    ("protocol", "said", "demands"),
    [
        ("redis", answers(b"-NOAUTH Authentication required.\r\n"), "a password"),
        ("nats", says(b'INFO {"auth_required":true}\r\n'), "a user or a token"),
        ("postgres", postgres_talk(b"N", SCRAM), "a password"),
    ],
)
def test_asking_for_credentials_is_the_right_service_too(protocol, said, demands):
    with serving(said) as port:
        found = ask(protocol, port)
    assert found.outcome is Outcome.CONNECTED
    assert demands in found.evidence.demands
    assert "asks for" in PROBE.describe(Greeting(HOST, "127.0.0.1", port, protocol), found)


def test_mariadb_is_told_by_its_own_version():
    with serving(says(mysql_handshake(b"5.5.5-10.11.19-MariaDB"))) as port:
        assert ask("mysql", port).evidence.detail == "mysql 10.11.19-MariaDB"


@pytest.mark.parametrize("code", [1129, 1130])
def test_a_caller_that_mysql_turns_away_does_not_get_through(code):
    said = b"\xff" + code.to_bytes(2, "little") + b"Host '10.0.0.2' is not allowed to connect"
    with serving(says(bytes([len(said), 0, 0, 0]) + said)) as port:
        found = ask("mysql", port)
    assert found.outcome is Outcome.HTTP_ERROR
    assert found.evidence.refusal == "Host '10.0.0.2' is not allowed to connect"


@pytest.mark.parametrize(
    ("protocol", "said", "trouble"),
    [
        ("redis", b"-LOADING Redis is loading the dataset in memory\r\n", "loading"),
        ("redis", b"-DENIED Redis is running in protected mode\r\n", "protected mode"),
        ("redis", b"-MASTERDOWN Link with MASTER is down\r\n", "lost its master"),
        ("redis", b"-BUSY Redis is busy running a script.\r\n", "a script"),
        ("redis", b"-MISCONF Redis is configured to save RDB snapshots\r\n", "takes no writes"),
        ("redis", b"-ERR max number of clients reached\r\n", "as many clients"),
        ("mysql", b"\x17\x00\x00\x00\xff\x10\x04Too many connections", "Too many connections"),
        ("mysql", b"\x1d\x00\x00\x00\xff\x10\x04#08004Too many connections", "Too many connections"),
        ("smtp", b"421 4.3.2 too busy\r\n", "421 4.3.2 too busy"),
        ("smtp", b"554 no service here\r\n", "554 no service"),
    ],
)
def test_a_service_that_says_it_cannot_serve_is_no_health(protocol, said, trouble):
    with serving((answers if GREETINGS[protocol].says else says)(said)) as port:
        found = ask(protocol, port)
    assert found.outcome is Outcome.HTTP_ERROR
    assert trouble in found.evidence.trouble and "#" not in found.evidence.trouble


@pytest.mark.parametrize("said", [b"-NOREPLICAS Not enough good replicas\r\n", b"-NOPERM no permissions\r\n"])
def test_what_redis_refuses_of_one_command_alone_is_health(said):
    with serving(answers(said)) as port:
        assert ask("redis", port).good


def test_an_answer_in_pieces_is_read_whole():
    def talk(connection):
        for byte in b"+PONG\r\n":
            connection.sendall(bytes([byte]))
            time.sleep(0.01)

    with serving(talk) as port:
        assert ask("redis", port).good


def test_a_peer_that_closes_or_resets_is_a_reset():
    with serving(lambda connection: None) as port:
        assert ask("redis", port).outcome is Outcome.RESET
    vantage = FakeVantage(dials={("127.0.0.1", 1): Peer(resets=True)})
    assert ask("redis", 1, vantage=vantage).outcome is Outcome.RESET


def test_silence_is_timed_out_and_no_longer_than_asked():
    with serving(lambda connection: connection.recv(10) and time.sleep(1)) as port:
        began = time.monotonic()
        found = ask("redis", port, timeout=0.4)
        assert found.outcome is Outcome.TIMED_OUT
        assert time.monotonic() - began < 2


def test_a_closed_port_is_refused_as_for_any_dial():
    assert ask("redis", free_port()).outcome is Outcome.REFUSED


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
def test_tls_and_plain_are_told_apart_both_ways(tmp_path):
    context = throwaway_certificate(tmp_path)
    with serving(RIGHT["redis"], context) as port:
        assert ask("redis", port, tls=True).good
        assert ask("redis", port).outcome in (Outcome.TLS_MISMATCH, Outcome.RESET)
    with serving(answers(b"-ERR unknown command\r\n")) as port:
        assert ask("redis", port, tls=True).outcome is Outcome.TLS_MISMATCH


def test_secrets_in_what_answers_are_not_kept():
    with serving(says(b"token=abcdefghijklmnop\r\n")) as port:
        found = ask("redis", port)
    assert "abcdefghijklmnop" not in repr(found)


def test_nothing_that_we_say_is_a_credential():
    for name, greeting in GREETINGS.items():
        said = greeting.says.lower()
        assert not any(word in said for word in (b"auth", b"pass", b"user", b"login")), name


def test_a_scheme_inside_tls_means_the_protocol_inside():
    assert spoken("rediss") == ("redis", True)
    assert spoken("redis") == ("redis", False)
    assert {"rediss", "amqps", *GREETINGS} <= PROTOCOLS


def test_it_has_a_rung_of_its_own():
    assert PROBE.layer is Layer.GREETING
    assert PROBE.label(Greeting(HOST, "10.0.0.2", 6379, "redis"), NOTHING) == "redis 10.0.0.2:6379"


# --- real servers --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
@pytest.mark.parametrize("password", ["", "hunter2"])
def test_a_real_redis_answers(tmp_path, password):
    port = free_port()
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with program([*words, *(["--requirepass", password] if password else [])], port):
        found = ask("redis", port)
        assert (found.outcome, bool(found.evidence.demands)) == (Outcome.CONNECTED, bool(password))
        wrong = ask("postgres", port)
        assert not wrong.good


@pytest.mark.skipif(shutil.which("memcached") is None, reason="memcached is not installed")
def test_a_real_memcached_answers():
    port = free_port()
    with program(["memcached", "-p", str(port), "-l", "127.0.0.1", "-u", "nobody", "-m", "8"], port):
        assert ask("memcached", port).good
        assert ask("redis", port).evidence.service == "memcached"
