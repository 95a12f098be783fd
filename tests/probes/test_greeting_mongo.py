"""What MongoDB says of itself in its answer to ``hello``: whether anybody can be served there."""

from __future__ import annotations

import struct

import pytest

from netdoctor.model import Outcome
from netdoctor.probes._mongo import MONGO, REQUEST

from .greeting_servers import answers, serving
from .test_greeting import ask


def bson(**fields):
    """Booleans, numbers, texts, lists of texts and documents, as the specification writes them."""
    out = b""
    for name, value in fields.items():
        key = name.encode() + b"\x00"
        if isinstance(value, bool):
            out += b"\x08" + key + bytes([value])
        elif isinstance(value, float):
            out += b"\x01" + key + struct.pack("<d", value)
        elif isinstance(value, int):
            out += b"\x10" + key + struct.pack("<i", value)
        elif isinstance(value, str):
            text = value.encode() + b"\x00"
            out += b"\x02" + key + struct.pack("<i", len(text)) + text
        elif isinstance(value, list):
            out += b"\x04" + key + bson(**{str(n): each for n, each in enumerate(value)})
        elif isinstance(value, dict):
            out += b"\x03" + key + bson(**value)
        else:
            out += b"\x07" + key + bytes(12)
    return struct.pack("<i", len(out) + 5) + out + b"\x00"


def reply(document):
    return struct.pack("<iiiiIB", 21 + len(document), 1, REQUEST, 2013, 0, 0) + document


PRIMARY = {"helloOk": True, "isWritablePrimary": True, "maxWireVersion": 21, "ok": 1.0}
NEW = {"isWritablePrimary": False, "secondary": False, "info": "Does not have a valid replica set config"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (PRIMARY, "mongo"),
        ({**PRIMARY, "setName": "rs0", "hosts": ["a:27017", "b:27017"], "electionId": None}, "mongo"),
        ({"ismaster": True, "setName": "rs0", "ok": 1.0}, "mongo"),
        ({"isWritablePrimary": False, "secondary": True, "setName": "rs0", "ok": 1.0}, "mongo, a secondary"),
        ({"isWritablePrimary": False, "setName": "rs0", "arbiterOnly": True, "ok": 1.0}, "mongo, an arbiter"),
        ({"msg": "isdbgrid", "isWritablePrimary": True, "ok": 1}, "mongo"),
        ({"ok": 0.0, "errmsg": "no such command: 'hello'", "code": 59}, "mongo"),
        ({"ok": 0.0, "errmsg": "API version", "code": 323}, "mongo"),
    ],
)
def test_a_server_that_serves(fields, said):
    with serving(answers(reply(bson(**fields)))) as port:
        found = ask("mongo", port)
    assert (found.outcome, found.evidence.detail) == (Outcome.CONNECTED, said)


@pytest.mark.parametrize(
    ("fields", "trouble"),
    [
        ({**NEW, "isreplicaset": True, "ok": 1.0}, "not initialised"),
        (
            {"isWritablePrimary": False, "secondary": False, "setName": "rs0", "ok": 1.0},
            "neither primary nor secondary",
        ),
        ({"ok": 0.0, "errmsg": "shutdown", "code": 91}, "shutting down"),
    ],
)
def test_a_server_that_serves_nobody(fields, trouble):
    with serving(answers(reply(bson(topologyVersion={"counter": 1}, **fields)))) as port:
        found = ask("mongo", port)
    assert found.outcome is Outcome.HTTP_ERROR
    assert trouble in found.evidence.trouble


def test_an_answer_that_is_cut_off_anywhere_is_no_trouble_and_no_error():
    whole = reply(bson(**{**NEW, "isreplicaset": True, "ok": 1.0}))
    for end in range(len(whole)):
        heard = MONGO.hears(whole[:end])
        assert heard is None or not heard.trouble
        assert not MONGO.done(whole[:end])
    assert MONGO.done(whole)


def test_bytes_of_any_kind_raise_nothing():
    whole = reply(bson(**{**NEW, "hosts": ["a"], "isreplicaset": True, "ok": 1.0}))
    for at in range(16, len(whole)):
        for value in (0, 1, 3, 5, 0x7F, 0x80, 0xFF):
            MONGO.hears(whole[:at] + bytes([value]) + whole[at + 1 :])
