"""The first two words of a Postgres, as one that cannot serve says them: no database behind it, no image needed.

python3 postgres.py PORT ANSWER, where ANSWER is what it says to the start of a session:
  asks       for a password
  starting   it does not take connections yet
  full       it has no connection left
  hba        pg_hba.conf has no line for whoever comes
"""

from __future__ import annotations

import socketserver
import struct
import sys
import threading

SSL_REQUEST = struct.pack(">ii", 8, 80877103)
VERSION = 196608


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", 4 + len(body)) + body


def error(code: str, text: str) -> bytes:
    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": text}
    return message(b"E", b"".join(f"{key}{value}".encode() + b"\x00" for key, value in fields.items()) + b"\x00")


def answer(kind: str, said: dict[str, str], host: str) -> bytes:
    if kind == "starting":
        return error("57P03", "the database system is starting up")
    if kind == "full":
        return error("53300", "sorry, too many clients already")
    if kind == "hba":
        who = f'host "{host}", user "{said.get("user")}", database "{said.get("database")}", no encryption'
        return error("28000", f"no pg_hba.conf entry for {who}")
    return message(b"R", struct.pack(">i", 10) + b"SCRAM-SHA-256\x00\x00")


class Session(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.settimeout(30)
        head = self.request.recv(8, 0x100)
        if head == SSL_REQUEST:
            self.request.sendall(b"N")
            head = self.request.recv(8, 0x100)
        if len(head) < 8:
            return
        length, version = struct.unpack(">ii", head)
        if version != VERSION or not 8 < length <= 10000:
            return
        words = self.request.recv(length - 8, 0x100).decode("utf-8", "replace").split("\x00")
        said = dict(zip(words[::2], words[1::2], strict=False))
        self.request.sendall(answer(sys.argv[2], said, self.client_address[0]))
        self.request.recv(1)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if __name__ == "__main__":
    with Server(("0.0.0.0", int(sys.argv[1])), Session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        threading.Event().wait()
