"""What a broker, a member of a replica set and a node of a cluster say, byte for byte, and servers that say it.

The bytes of Kafka were made by kafka-python 3.0.12 and those of MongoDB by pymongo 4.20, once: they are independent of
what reads them here.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Mapping

from .greeting_servers import Talk

KAFKA_VERSIONS = bytes.fromhex("0000001600006e6400000000000200030000000d001200000004")
"""ApiVersions, version 0: Metadata 0 to 13, ApiVersions 0 to 4."""
KAFKA_METADATA_REQUEST = bytes.fromhex("000000170003000100006e6400096e6574646f63746f7200000000")
KAFKA_BROKERS = bytes.fromhex(
    "0000003a00006e64000000020000000100096c6f63616c686f737400002384ffff"
    "0000000200076b61666b612d3200004a94000272310000000100000000"
)
"""Broker 1 at localhost:9092 and, in rack r1, broker 2 at kafka-2:19092."""
HELLO = bytes.fromhex(
    "f80100000868656c6c6f4f6b00010869735772697461626c655072696d617279000103746f706f6c6f677956657273696f6e002d000000077072"
    "6f6365737349640078787878787878787878787812636f756e7465720006000000000000000004686f73747300310000000230001000"
    "00006c6f63616c686f73743a3237303137000231000e0000006d6f6e676f2d323a32373031370000027365744e616d65000400000072"
    "7330001073657456657273696f6e0001000000027072696d61727900100000006c6f63616c686f73743a323730313700026d6500100000006c"
    "6f63616c686f73743a32373031370007656c656374696f6e496400797979797979797979797979036c6173745772697465004000000003"
    "6f7054696d65001c000000117473000200000001000000127400010000000000000000096c6173745772697465446174650000a8da76"
    "9b01000000106d617842736f6e4f626a65637453697a65000000000110636f6e6e656374696f6e4964000700000008726561644f6e6c79"
    "0000016f6b00000000000000f03f0324636c757374657254696d65005800000011636c757374657254696d650002000000010000000373"
    "69676e6174757265003300000005686173680014000000000000000000000000000000000000000000000000126b65794964000000000000"
    "000000000000"
)
"""The primary of rs0, of localhost:27017 (itself) and mongo-2:27017."""
HELLO_REQUEST = bytes.fromhex("1068656c6c6f0001000000")
NO_CLUSTER = b"-ERR This instance has cluster support disabled\r\n"
NO_COMMAND = b"-ERR unknown command 'CLUSTER', with args beginning with: 'SLOTS' \r\n"


def op_msg(document: bytes, answers_to: int = 0x6E64) -> bytes:
    return struct.pack("<iiiiiB", 21 + len(document), 1, answers_to, 2013, 0, 0) + document


def bulk(text: str | None) -> bytes:
    return b"$-1\r\n" if text is None else b"$%d\r\n%s\r\n" % (len(text), text.encode())


def slots(*nodes: tuple[str | None, int]) -> bytes:
    """CLUSTER SLOTS of as many masters, each with a replica of its own at replica:1."""
    replica = b"*4\r\n" + bulk("replica") + b":1\r\n" + bulk("id") + b"*0\r\n"
    ranges = [
        b"*4\r\n:%d\r\n:%d\r\n*4\r\n%s:%d\r\n%s*0\r\n%s" % (n, n, bulk(host), port, bulk("0a"), replica)
        for n, (host, port) in enumerate(nodes)
    ]
    return b"*%d\r\n" % len(nodes) + b"".join(ranges)


def masters(**watched: str) -> bytes:
    """SENTINEL MASTERS: name to host:port."""
    said = b"*%d\r\n" % len(watched)
    for name, place in watched.items():
        host, _, port = place.rpartition(":")
        words = ("name", name, "ip", host, "port", port, "flags", "master")
        said += b"*%d\r\n" % len(words) + b"".join(map(bulk, words))
    return said


def conversation(answers: Mapping[bytes, bytes]) -> Talk:
    """To a request that holds such bytes, that answer; to any other it hangs up."""

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while heard := connection.recv(4096):
                said = next((answer for part, answer in answers.items() if part in heard), None)
                if said is None:
                    return
                connection.sendall(said)

    return talk
