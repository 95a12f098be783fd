"""What a real Redis says when it is not well: it refuses PING, and that is no health."""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import ExitStack, contextmanager

import pytest

from netdoctor.model import Outcome

from .greeting_servers import free_port, program
from .test_greeting import ask

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")


@contextmanager
def redis(folder, *words):
    port = free_port()
    fixed = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with program([*fixed, *words], port):
        yield port


def told(port, *words):
    """One command and what comes back at once."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return connection.recv(4096)


def trouble(port):
    found = ask("redis", port)
    assert found.outcome is Outcome.HTTP_ERROR, found
    return found.evidence.trouble


def test_one_that_has_as_many_clients_as_it_may(tmp_path):
    with redis(tmp_path, "--maxclients", "2") as port, ExitStack() as held:
        for _ in range(40):
            each = held.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            each.sendall(b"PING\r\n")
            if each.recv(100).startswith(b"-ERR max"):
                break
        assert "as many clients" in trouble(port)


def test_a_replica_that_lost_its_master(tmp_path):
    gone = ["--replicaof", "127.0.0.1", str(free_port()), "--replica-serve-stale-data", "no"]
    with redis(tmp_path, *gone) as port:
        assert "lost its master" in trouble(port)


def test_one_that_cannot_write_its_snapshots(tmp_path):
    with redis(tmp_path) as port:
        told(port, b"CONFIG", b"SET", b"save", b"1 1")
        told(port, b"CONFIG", b"SET", b"dbfilename", b"dump.rdb")
        # Not even root writes a file where a folder of its name stands.
        (tmp_path / "dump.rdb").mkdir()
        told(port, b"SET", b"a", b"1")
        told(port, b"BGSAVE")
        for _ in range(100):
            if b"rdb_last_bgsave_status:err" in told(port, b"INFO", b"persistence"):
                break
            time.sleep(0.05)
        assert "takes no writes" in trouble(port)
        told(port, b"CONFIG", b"SET", b"save", b"")


def test_one_that_a_script_keeps_busy(tmp_path):
    with redis(tmp_path, "--lua-time-limit", "50") as port, socket.create_connection(("127.0.0.1", port), 5) as other:
        other.sendall(b"EVAL 'while true do end' 0\r\n")
        time.sleep(0.2)
        assert "a script keeps it busy" in trouble(port)
        told(port, b"SCRIPT", b"KILL")


def test_a_replica_that_serves_what_it_has_is_well(tmp_path):
    with redis(tmp_path, "--replicaof", "127.0.0.1", str(free_port())) as port:
        assert ask("redis", port).good
