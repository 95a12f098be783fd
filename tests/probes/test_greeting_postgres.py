"""The second word with Postgres: what a server that answers says of itself and of the caller, without a password."""

from __future__ import annotations

import shutil
import socket
import struct
import time
from contextlib import ExitStack

import pytest
from rules.build import container, network, topology

from netdoctor.model import Outcome
from netdoctor.model.login import Login
from netdoctor.probes._postgres import POSTGRES
from netdoctor.probes.greeting import Greeting, GreetingProbe
from netdoctor.probes.interface import World
from netdoctor.vantage.host import HostVantage

from .greeting_servers import (
    LET_IN,
    READY,
    SCRAM,
    SSL_REQUEST,
    Cluster,
    exchange,
    postgres_error,
    postgres_message,
    postgres_talk,
    serving,
    throwaway_certificate,
)

NET = network("n")
STARTING = postgres_error("57P03", "the database system is starting up", "ProcessStartupPacket")
NO_ENTRY = 'no pg_hba.conf entry for host "10.0.0.9", user "ann", database "shop", no encryption'
HBA = postgres_error("28000", NO_ENTRY, "ClientAuthentication")
OWN = {"DATABASE_URL": "postgres://ann:secret@db:{port}/shop"}


def ask(port, environment=None, *, target=None, timeout=3.0, brief=False):
    """As a container with that environment, of the server ``db`` on loopback."""
    told = tuple((key, value.format(port=port)) for key, value in (environment or {}).items())
    app = container("app", NET, environment=told)
    db = container("db", NET, environment=tuple((target or {}).items()), address="127.0.0.1")
    world = World(topology(app, db, NET), lambda ref: HostVantage(), timeout, time.monotonic)
    return GreetingProbe().ask(Greeting(app.ref, "127.0.0.1", port, "postgres", host="db", brief=brief), world)


def of(answer, environment=None, offers=b"N", **more):
    with serving(postgres_talk(offers, answer)) as port:
        return ask(port, environment, **more)


# --- what is said ---------------------------------------------------------------------------------------------------


def start_of(said):
    """The settings of the message that begins a session."""
    for each in said:
        if each[4:8] == struct.pack(">i", 196608):
            words = each[8:].split(b"\x00")
            assert int.from_bytes(each[:4], "big") == len(each)
            return dict(zip(words[::2], words[1::2], strict=False))
    return None


def heard_by_the_server(environment=None, target=None, answer=SCRAM, **more):
    heard = []
    with serving(postgres_talk(b"N", answer, heard)) as port:
        found = ask(port, environment, target=target, **more)
    return found, heard


def test_the_caller_comes_as_whom_its_environment_names():
    found, heard = heard_by_the_server(OWN)
    assert start_of(heard) == {b"user": b"ann", b"database": b"shop", b"": b""}
    assert found.evidence.variable == "DATABASE_URL"


def test_no_password_is_ever_sent():
    for answer in (SCRAM, postgres_message(b"R", struct.pack(">i", 3)), postgres_message(b"R", struct.pack(">i", 5))):
        found, heard = heard_by_the_server(OWN, answer=answer)
        assert b"secret" not in b"".join(heard) and "secret" not in repr(found)
        assert len(heard) == 2 and found.evidence.demands == "a password"


def test_a_caller_that_is_not_known_comes_as_the_servers_own_user():
    assert start_of(heard_by_the_server()[1])[b"user"] == b"postgres"
    assert start_of(heard_by_the_server(target={"POSTGRES_USER": "boss"})[1])[b"user"] == b"boss"


def test_a_brief_question_says_the_first_word_only():
    found, heard = heard_by_the_server(brief=True)
    assert (found.outcome, heard) == (Outcome.CONNECTED, [SSL_REQUEST])


def test_a_session_that_opens_is_left_politely():
    found, heard = heard_by_the_server(OWN, answer=LET_IN + READY)
    assert found.good and "lets ann in without a password" in found.evidence.detail
    assert heard[-1] == b"X\x00\x00\x00\x04"


# --- what is heard --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", [None, OWN])
@pytest.mark.parametrize(
    "answer",
    [
        STARTING,
        postgres_error("57P01", "terminating connection due to administrator command"),
        postgres_error("53300", "sorry, too many clients already", "InitProcess"),
        postgres_error("53100", "could not write init file: No space left on device"),
        postgres_error("58030", "could not read file global/pg_filenode.map: Input/output error"),
        postgres_error("57P03", "das Datenbanksystem startet"),
        postgres_error("08P01", "no more connections allowed (max_client_conn)"),
        b"Ecould not fork new process for connection: Cannot allocate memory\n\x00",
        LET_IN + postgres_error("53300", "remaining connection slots are reserved", "InitPostgres"),
    ],
)
def test_a_server_that_cannot_serve_is_no_health_whoever_asks(answer, environment):
    found = of(answer, environment)
    assert found.outcome is Outcome.HTTP_ERROR
    assert found.evidence.trouble and not found.evidence.refusal


def test_the_first_word_may_meet_an_error_as_well():
    with serving(exchange((SSL_REQUEST, STARTING))) as port:
        assert ask(port).evidence.trouble == "the database system is starting up (57P03)"


@pytest.mark.parametrize(
    "answer",
    [
        HBA,
        LET_IN + postgres_error("3D000", 'database "shop" does not exist'),
        postgres_error("28000", 'role "ann" does not exist', "InitializeSessionUserId"),
        LET_IN + postgres_error("42501", 'permission denied for database "shop"', "CheckMyDatabase"),
        postgres_error("28000", "kein pg_hba.conf-Eintrag für Host »10.0.0.9«, Benutzer »ann«, Datenbank »shop«"),
        postgres_error("08P01", "no such user: ann", "x"),
        postgres_error("58000", 'No pool configured for database: "shop", user: "ann" (in pool lookup)'),
    ],
)
def test_the_callers_own_name_refused_is_a_refusal_and_a_guess_refused_is_a_remark(answer):
    found = of(answer, OWN)
    assert found.outcome is Outcome.HTTP_ERROR
    assert found.evidence.refusal and not found.evidence.trouble
    guess = of(answer.replace(b"ann", b"boss").replace(b"shop", b"postgres"), target={"POSTGRES_USER": "boss"})
    assert guess.good and not guess.evidence.refusal
    assert "netdoctor's guess" in guess.evidence.detail


@pytest.mark.parametrize(
    "answer",
    [
        postgres_error("28000", "connection requires a valid client certificate", "ClientAuthentication"),
        postgres_error("28000", "Verbindung benötigt ein gültiges Client-Zertifikat", "ClientAuthentication"),
        postgres_error("08P01", "TLS certificate required"),
    ],
)
def test_what_the_caller_may_answer_better_than_we_is_a_remark(answer):
    found = of(answer, OWN)
    assert found.good
    assert found.evidence.detail.startswith("postgres, without TLS; to ann it says: ")


@pytest.mark.parametrize(("environment", "good"), [(None, True), (OWN, False)])
@pytest.mark.parametrize(
    "answer",
    [
        postgres_error("XX000", "Tenant or user not found"),
        postgres_error("08P01", 'password authentication failed for user "backend"'),
        postgres_error("53300", 'too many connections for role "ann"', "InitializeSessionUserId"),
        postgres_error("08P01", "server login has been failing, cached error: connect failed (server_login_retry)"),
    ],
)
def test_what_is_short_for_one_role_or_one_database_is_trouble_for_its_own_only(answer, environment, good):
    found = of(answer, environment)
    assert found.good is good and bool(found.evidence.trouble) is not good


def test_half_a_name_is_not_a_whole_database():
    partly = {"DB_HOST": "db", "DB_PORT": "{port}", "DB_USER": "ann"}
    found = of(postgres_error("3D000", 'database "postgres" does not exist'), partly)
    assert found.good


@pytest.mark.parametrize(
    "bad", [b"R", b"R\x00\x00\x00\x08\x00", b"E\x00\x00\xff\xff", b"E\xff\xff\xff\xffab", b"?" * 50]
)
def test_bytes_that_are_no_answer_are_not_taken_for_one(bad):
    found = of(bad, OWN)
    assert found.outcome is Outcome.WRONG_SERVICE


def test_a_server_that_closes_or_is_silent_at_the_second_word_is_no_health():
    with serving(exchange((SSL_REQUEST, b"N"))) as port:
        closed = ask(port)
    assert closed.outcome is Outcome.RESET
    assert closed.evidence.detail == "connected (postgres, without TLS), then the peer closed without a word"
    with serving(postgres_talk(b"N", b"")) as port:
        began = time.monotonic()
        assert ask(port, timeout=0.4).outcome is Outcome.TIMED_OUT
        assert time.monotonic() - began < 4


def test_an_answer_byte_by_byte_is_read_whole():
    def talk(connection):
        connection.recv(100)
        connection.sendall(b"N")
        connection.recv(100)
        for byte in STARTING:
            connection.sendall(bytes([byte]))
            time.sleep(0.002)

    with serving(talk) as port:
        assert ask(port).evidence.trouble


@pytest.mark.parametrize("whole", [SCRAM, HBA, LET_IN + READY, LET_IN + HBA], ids=["scram", "hba", "in", "in-hba"])
def test_an_answer_cut_off_or_damaged_anywhere_raises_nothing_and_is_no_other_servers_trouble(whole):
    word = POSTGRES.after(POSTGRES.hears(b"N"), Login("ann", "shop", own=True)).then
    for end in range(len(whole)):
        heard = word.hears(whole[:end])
        assert heard is None or heard.well
    for at in range(len(whole)):
        for value in (0, 1, 0x45, 0x7F, 0x80, 0xFF):
            damaged = whole[:at] + bytes([value]) + whole[at + 1 :]
            heard = word.hears(damaged)
            assert word.done(damaged) in (True, False)
            assert heard is None or heard.said.startswith("postgres")


# --- with TLS -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_a_caller_that_insists_on_tls_and_gets_none_fails(mode):
    found = of(SCRAM, {"DATABASE_URL": "postgres://ann:x@db:{port}/shop?sslmode=" + mode})
    assert found.outcome is Outcome.HTTP_ERROR
    assert found.evidence.needs_tls == f"it offers no TLS, and sslmode={mode} insists on it"


def test_a_caller_that_wants_no_tls_is_asked_for_without():
    """On a connection of its own: after an S nothing but a handshake may come."""
    plain = {"DATABASE_URL": "postgres://ann:x@db:{port}/shop?sslmode=disable"}
    found = of(HBA, plain, offers=b"S")
    assert found.evidence.refusal.endswith("no encryption (28000)")
    assert of(SCRAM, plain, offers=b"S").good


def test_tls_that_does_not_come_about_is_tried_without_as_clients_do():
    with serving(postgres_talk(b"S", SCRAM)) as port:
        # The fake answers a handshake with nothing that is one.
        found = ask(port, OWN)
    assert found.outcome in (Outcome.CONNECTED, Outcome.RESET)


# --- a real one -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster() as found:
        if shutil.which("openssl"):
            folder = tmp_path_factory.mktemp("certificate")
            throwaway_certificate(folder)
            for name in ("key.pem", "certificate.pem"):
                found.write(name, (folder / name).read_bytes())
        yield found


def names(user, database="postgres", more=""):
    return {"DATABASE_URL": f"postgresql://{user}@db:{{port}}/{database}{more}"}


RULES = """
hostssl   all locked    127.0.0.1/32 scram-sha-256
host      all owner     127.0.0.1/32 trust
host      all guarded   127.0.0.1/32 scram-sha-256
host      all nobody    127.0.0.1/32 trust
"""


def test_a_real_server_is_asked_as_each_caller(cluster):
    with cluster.serving(RULES) as port:
        assert ask(port, names("guarded")).evidence.demands == "a password"
        assert "lets owner in" in ask(port, names("owner")).evidence.detail
        stranger = ask(port, names("stranger", "shop"))
        assert stranger.outcome is Outcome.HTTP_ERROR
        assert stranger.evidence.refusal.startswith("no pg_hba.conf entry for host")
        assert "no encryption" in stranger.evidence.refusal
        assert "no pg_hba.conf entry" in ask(port, names("locked")).evidence.refusal
        assert ask(port, names("owner", "shop")).evidence.refusal == 'database "shop" does not exist (3D000)'
        assert ask(port, names("nobody")).evidence.refusal == 'role "nobody" does not exist (28000)'
        # Nobody says who the caller is: what is said of the guess is no finding.
        guess = ask(port)
        assert guess.good and "no pg_hba.conf entry" in guess.evidence.detail
        assert ask(port, names("owner", more="?sslmode=require")).evidence.needs_tls


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
def test_a_real_server_with_tls_is_asked_inside_it_and_then_without(cluster):
    rules = RULES + "hostnossl all open 127.0.0.1/32 scram-sha-256\nhostssl all cert 127.0.0.1/32 cert\n"
    settings = {"ssl": "on", "ssl_cert_file": "certificate.pem", "ssl_key_file": "key.pem"}
    settings["ssl_ca_file"] = "certificate.pem"
    with cluster.serving(rules, **settings) as port:
        locked = ask(port, names("locked"))
        assert (locked.outcome, locked.evidence.demands) == (Outcome.CONNECTED, "a password")
        assert "no encryption" in ask(port, names("locked", more="?sslmode=disable")).evidence.refusal
        # Only without TLS: a client falls back to that, unless it insists.
        assert ask(port, names("open")).evidence.demands == "a password"
        assert "SSL encryption" in ask(port, names("open", more="?sslmode=require")).evidence.refusal
        assert "no encryption" in ask(port, names("stranger")).evidence.refusal
        certificate = ask(port, names("cert"))
        assert certificate.good and "certificate" in certificate.evidence.detail


def test_a_real_server_that_is_full_says_so_to_the_second_word(cluster):
    settings = {"max_connections": "4", "superuser_reserved_connections": "0", "max_wal_senders": "0"}
    with cluster.serving(RULES, **settings) as port, ExitStack() as held:
        said = b"user\x00guarded\x00database\x00postgres\x00\x00"
        places = 0
        for _ in range(100):
            # Each waits for its password, and has its place; those who asked before leave theirs in a moment.
            each = held.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            each.sendall(struct.pack(">ii", 8 + len(said), 196608) + said)
            places += each.recv(1) == b"R"
            if places == 4:
                break
            time.sleep(0.02)
        full = ask(port, names("guarded"))
        assert full.outcome is Outcome.HTTP_ERROR
        assert full.evidence.trouble == "sorry, too many clients already (53300)"
        assert ask(port).evidence.trouble


def test_a_real_server_that_takes_no_connections_yet_says_so_to_the_second_word(cluster):
    cluster.write("standby.signal", b"")
    try:
        with cluster.serving(RULES, ready=False, hot_standby="off") as port:
            found = ask(port)
            assert found.outcome is Outcome.HTTP_ERROR
            assert found.evidence.trouble.endswith("(57P03)")
            assert ask(port, brief=True).good
    finally:
        (cluster.data / "standby.signal").unlink()


@pytest.mark.parametrize("tls", ["off", "on"])
def test_asking_leaves_no_word_of_it_in_a_real_servers_log(cluster, tls):
    if tls == "on" and not (cluster.data / "key.pem").exists():
        pytest.skip("needs the openssl program")
    settings = {"logging_collector": "on", "log_directory": "log", "log_filename": f"tls-{tls}.log", "ssl": tls}
    files = {"ssl_cert_file": "certificate.pem", "ssl_key_file": "key.pem"} if tls == "on" else {}
    with cluster.serving(
        "host all all 127.0.0.1/32 scram-sha-256\nhost all x all trust\n", **settings, **files
    ) as port:
        before = (cluster.data / "log" / f"tls-{tls}.log").read_text()
        assert ask(port, names("guarded")).evidence.detail == f"postgres, {'offers' if tls == 'on' else 'without'} TLS"
        assert ask(port, names("owner")).good
        assert ask(port).good
        time.sleep(0.2)
        assert (cluster.data / "log" / f"tls-{tls}.log").read_text() == before
