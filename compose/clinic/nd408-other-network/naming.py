#!/usr/bin/env python3
"""Servers that answer, and name the addresses to which their clients shall go, run inside the lab's Python image.

naming.py kafka PORT HOST:PORT...        a broker: ApiVersions, and Metadata with these brokers
naming.py mongo PORT HOST:PORT...        hello of a replica set with these members; the first is the primary
naming.py redis PORT HOST:PORT...        a cluster's node: its slots are shared by these
naming.py wait PORT                      until something listens on PORT here
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Sequence

Places = Sequence[tuple[str, int]]


def kafka(heard: bytes, places: Places) -> bytes:
    """By the request's key: 18 is ApiVersions, 3 is Metadata (version 1)."""
    key, number = struct.unpack_from(">h", heard, 4)[0], heard[8:12]
    body = b"\0\0" + struct.pack(">i", 2) + struct.pack(">hhhhhh", 3, 0, 13, 18, 0, 4)
    if key == 3:
        brokers = [
            struct.pack(">ih", each, len(host)) + host.encode() + struct.pack(">ih", port, -1)
            for each, (host, port) in enumerate(places, 1)
        ]
        body = struct.pack(">i", len(brokers)) + b"".join(brokers) + struct.pack(">ii", 1, 0)
    return struct.pack(">i", len(body) + 4) + number + body


def _bson(body: bytes) -> bytes:
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _text(name: str, text: str) -> bytes:
    return b"\x02" + name.encode() + b"\0" + struct.pack("<i", len(text) + 1) + text.encode() + b"\0"


def mongo(heard: bytes, places: Places) -> bytes:
    names = [f"{host}:{port}" for host, port in places]
    hosts = _bson(b"".join(_text(str(each), name) for each, name in enumerate(names)))
    said = b"\x08isWritablePrimary\0\1" + b"\x04hosts\0" + hosts + _text("setName", "rs0") + _text("primary", names[0])
    document = _bson(said + b"\x01ok\0" + struct.pack("<d", 1))
    return struct.pack("<iiiiiB", 21 + len(document), 1, *struct.unpack_from("<i", heard, 4), 2013, 0, 0) + document


def redis(heard: bytes, places: Places) -> bytes:
    if heard.upper().startswith((b"PING", b"*1")):
        return b"+PONG\r\n"
    if b"CLUSTER" not in heard.upper():
        return b"-ERR unknown command\r\n"
    said = b"*%d\r\n" % len(places)
    for each, (host, port) in enumerate(places):
        said += b"*3\r\n:%d\r\n:%d\r\n*3\r\n$%d\r\n%s\r\n:%d\r\n$2\r\nid\r\n" % (
            each,
            each,
            len(host),
            host.encode(),
            port,
        )
    return said


SPEAKS = {"kafka": kafka, "mongo": mongo, "redis": redis}


def main(mode: str, port: str, *names: str) -> None:
    places = [(host, int(number)) for host, _, number in (name.rpartition(":") for name in names)]

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, struct.error), connection:
            while heard := connection.recv(4096):
                connection.sendall(SPEAKS[mode](heard, places))

    if mode == "wait":
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), 1):
                return
            time.sleep(0.1)
        raise SystemExit(f"nothing listens on {port}")

    with socket.create_server(("0.0.0.0", int(port))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
