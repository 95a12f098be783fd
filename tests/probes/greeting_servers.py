"""Servers that say the real first bytes of a protocol on loopback, and the real programs where they are installed."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
        started.wait(15)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
