"""Servers that say the real first bytes of a protocol on loopback, and the real programs where they are installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Talk = Callable[[socket.socket], None]


@contextmanager
def serving(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port on loopback; each connection is given to ``talk`` and closed after it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.settimeout(5)
                    with contextlib.suppress(OSError), connection:
                        if context is not None:
                            connection = context.wrap_socket(connection, server_side=True)
                        talk(connection)
                        connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(6)
            assert not thread.is_alive()


def says(data: bytes) -> Talk:
    """At once, then waits for the client to go."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.recv(4096)

    return talk


def answers(data: bytes, expected: bytes = b"") -> Talk:
    """After the client's words, which must begin as expected."""

    def talk(connection: socket.socket) -> None:
        heard = connection.recv(4096)
        connection.sendall(data if heard.startswith(expected) else b"?")
        with contextlib.suppress(OSError):
            connection.recv(4096)

    return talk


def mysql_handshake(version: bytes = b"8.0.36") -> bytes:
    body = b"\x0a" + version + b"\x00" + struct.pack("<I", 7) + b"saltsalt\x00" + b"\xff\xff\x08\x02\x00" + b"\x00" * 20
    return len(body).to_bytes(3, "little") + b"\x00" + body


def mongo_reply(answers_to: int) -> bytes:
    document = b"\x05\x00\x00\x00\x00"
    return struct.pack("<iiii", 16 + 5 + len(document), 1, answers_to, 2013) + struct.pack("<IB", 0, 0) + document


def amqp_start() -> bytes:
    payload = b"\x00\x0a\x00\x0a\x00\x09" + b"\x00\x00\x00\x00"
    return b"\x01\x00\x00" + struct.pack(">I", len(payload)) + payload + b"\xce"


@contextmanager
def program(words: list[str], port: int, **options: object) -> Iterator[None]:
    """A real server, up when its port opens, gone afterwards."""
    started = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            raise AssertionError(f"{words[0]} did not start")
        yield
    finally:
        started.terminate()
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            # Redis does not end while it cannot save, or a script runs.
            started.kill()
            started.wait(15)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def postgres_message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", 4 + len(body)) + body


def postgres_error(code: str, message: str, routine: str = "InitPostgres") -> bytes:
    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": message, "F": "x.c", "L": "1", "R": routine}
    return postgres_message(b"E", b"".join(f"{key}{text}".encode() + b"\x00" for key, text in fields.items()) + b"\x00")


SCRAM = postgres_message(b"R", struct.pack(">i", 10) + b"SCRAM-SHA-256\x00\x00")
LET_IN = postgres_message(b"R", bytes(4)) + postgres_message(b"S", b"server_version\x0015.6\x00")
READY = postgres_message(b"Z", b"I")


def exchange(*turns: tuple[bytes, bytes], heard: list[bytes] | None = None) -> Talk:
    """Each (what must come first, what is answered), on every connection from the first turn that fits."""

    def talk(connection: socket.socket) -> None:
        while said := connection.recv(4096):
            if heard is not None:
                heard.append(said)
            for expected, answer in turns:
                if said.startswith(expected):
                    connection.sendall(answer)
                    break
            else:
                return

    return talk


SSL_REQUEST = struct.pack(">ii", 8, 80877103)


def postgres_talk(offers: bytes, answer: bytes, heard: list[bytes] | None = None) -> Talk:
    """A Postgres that offers TLS or not, and answers every start of a session alike."""
    return exchange((SSL_REQUEST, offers), (b"\x00\x00\x00", answer), heard=heard)


class Cluster:
    """A real Postgres of our own, run as an ordinary user; ``serving`` starts it anew each time."""

    def __init__(self) -> None:
        initdb, self._postgres = postgres_program("initdb"), postgres_program("postgres")
        if initdb is None or self._postgres is None:
            pytest.skip("postgresql is not installed")
        self._options: dict[str, object] = {}
        owner = None
        if os.geteuid() == 0:
            # It refuses to run as root.
            try:
                owner = pwd.getpwnam("postgres")
            except KeyError:
                pytest.skip("there is no user postgres to run it as")
        # Not below pytest's own folder: any other run of pytest closes that one to other users.
        self.data = Path(tempfile.mkdtemp(prefix="netdoctor-pg-"))
        if owner is not None:
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
            self._options = {"user": owner.pw_uid, "group": owner.pw_gid, "cwd": self.data}
        made = [str(initdb), "-D", str(self.data), "--no-sync", "-A", "trust", "-U", "owner", "--no-locale"]
        try:
            subprocess.run(made, check=True, capture_output=True, timeout=60, **self._options)
        except BaseException:
            shutil.rmtree(self.data, ignore_errors=True)
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.data, ignore_errors=True)

    def write(self, name: str, data: bytes, mode: int = 0o600) -> None:
        path = self.data / name
        path.write_bytes(data)
        path.chmod(mode)
        if "user" in self._options:
            owner = self.data.stat()
            os.chown(path, owner.st_uid, owner.st_gid)

    @contextmanager
    def serving(self, hba: str, *, ready: bool = True, **settings: str) -> Iterator[int]:
        """``ready``: it takes connections, which it does a moment after its port opens."""
        port = free_port()
        self.write("pg_hba.conf", hba.encode())
        fixed = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.data), "fsync": "off"}
        words = [str(self._postgres), "-D", str(self.data), "-p", str(port)]
        for key, value in {**fixed, **settings}.items():
            words += ["-c", f"{key}={value}"]
        with program(words, port, **self._options):
            asked = [
                str(postgres_program("pg_isready")),
                "-q",
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-U",
                "owner",
                "-d",
                "postgres",
            ]
            for _ in range(200 if ready else 0):
                if subprocess.run(asked, check=False, timeout=30).returncode == 0:
                    break
                time.sleep(0.05)
            yield port


def postgres_program(name: str) -> Path | None:
    """Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found[-1] if found else Path(where) if (where := shutil.which(name)) else None


def throwaway_certificate(folder: Path) -> ssl.SSLContext:
    """Self-signed, made by the openssl program."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
    ]
    words = [*made, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
