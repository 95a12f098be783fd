"""Our end of a relay, against programs that misbehave. The programs themselves are proven in the contract."""

from __future__ import annotations

import ast
import queue
import struct
import threading

import pytest

from netdoctor.model import Outcome
from netdoctor.vantage.interface import CannotAsk, DialFailed
from netdoctor.vantage.programs import WINDOW, text
from netdoctor.vantage.relay import Relay, RelayRefused

HELLO = (1, b"H" + bytes(4) + struct.pack(">I", 24) + b"netdoctor relay 1 python")


def frame(kind: bytes, number: int, payload: bytes = b"") -> tuple[int, bytes]:
    return 1, kind + struct.pack(">II", number, len(payload)) + payload


class Script:
    """A pipe whose far end is written down: ``answers`` maps a frame's kind to what comes back."""

    def __init__(self, *first: tuple[int, bytes] | None, **answers: list[tuple[bytes, bytes]]) -> None:
        self.answers = answers
        self.written: list[bytes] = []
        self.closed = threading.Event()
        self.pieces: queue.Queue[tuple[int, bytes] | None] = queue.Queue()
        for piece in first:
            self.pieces.put(piece)

    def read(self, timeout: float | None = None) -> tuple[int, bytes] | None:
        try:
            return self.pieces.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None

    def write(self, data: bytes) -> None:
        self.written.append(data)
        number = struct.unpack(">I", data[1:5])[0]
        for kind, payload in self.answers.get(chr(data[0]), []):
            self.pieces.put(frame(kind, number, payload))

    def close(self) -> None:
        self.closed.set()
        self.pieces.put(None)


def test_an_engines_message_in_place_of_a_relay_is_the_reason() -> None:
    said = b'OCI runtime exec failed: exec: "python3": executable file not found in $PATH: unknown\r\n'
    pipe = Script((1, said[:30]), (1, said[30:]), None)
    with pytest.raises(RelayRefused, match="executable file not found"):
        Relay(pipe, patience=1, name="x")
    assert pipe.closed.is_set()


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([None], "ended at once"),
        ([(2, b"Traceback\nSyntaxError: invalid syntax\n"), None], "SyntaxError"),
        ([(1, b"H" + bytes(4) + struct.pack(">I", 5) + b"hello")], "hello"),
        ([], "no answer"),
    ],
)
def test_a_program_that_does_not_become_a_relay_is_refused(pieces: list[tuple[int, bytes] | None], reason: str) -> None:
    with pytest.raises(RelayRefused, match=reason):
        Relay(Script(*pieces), patience=0.2, name="x")


def test_a_greeting_in_single_bytes_is_a_greeting() -> None:
    relay = Relay(Script(*((1, bytes([byte])) for byte in HELLO[1])), patience=1, name="x")
    assert relay.language == "python"
    relay.close()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"ECONNREFUSED\nConnection refused\n0.001", Outcome.REFUSED),
        (b"EHOSTUNREACH\nNo route to host\n3.06", Outcome.NO_ROUTE),
        (b"TIMEOUT\n\n1.0", Outcome.TIMED_OUT),
        (b"EMFILE\nToo many open files\n0", None),
        (b"", None),
    ],
)
def test_a_failed_dial_is_an_outcome_only_when_the_network_said_so(answer: bytes, outcome: Outcome | None) -> None:
    relay = Relay(Script(HELLO, D=[(b"E", answer)]), patience=1, name="x")
    if outcome is None:
        with pytest.raises(CannotAsk):
            relay.dial("10.0.0.1", 80, 1.0)
    else:
        with pytest.raises(DialFailed) as failed:
            relay.dial("10.0.0.1", 80, 1.0)
        assert failed.value.outcome is outcome
    relay.close()


def test_a_relay_that_ends_fails_every_stream_and_question() -> None:
    pipe = Script(HELLO, D=[(b"O", b"0.001")])
    relay = Relay(pipe, patience=1, name="x")
    stream = relay.dial("10.0.0.1", 80, 1.0)
    pipe.pieces.put((2, b"MemoryError\n"))
    pipe.pieces.put(None)
    with pytest.raises(ConnectionAbortedError):
        stream.receive(1, 5.0)
    with pytest.raises(CannotAsk, match="MemoryError"):
        relay.dial("10.0.0.1", 80, 1.0)
    with pytest.raises(OSError):
        stream.send(b"x")
    stream.close()
    relay.close()


def test_bytes_that_are_no_frame_end_the_relay_instead_of_being_read_as_one() -> None:
    pipe = Script(HELLO, D=[(b"O", b"0")])
    relay = Relay(pipe, patience=1, name="x")
    stream = relay.dial("10.0.0.1", 80, 1.0)
    pipe.pieces.put((1, b"a warning that some library printed\n"))
    with pytest.raises(ConnectionAbortedError):
        stream.receive(1, 5.0)
    relay.close()


def test_a_sender_waits_when_its_window_is_full_and_goes_on_when_told() -> None:
    pipe = Script(HELLO, D=[(b"O", b"0")])
    relay = Relay(pipe, patience=1, name="x")
    stream = relay.dial("10.0.0.1", 80, 1.0)
    sender = threading.Thread(target=stream.send, args=(bytes(WINDOW + 10),))
    sender.start()
    sender.join(0.3)
    assert sender.is_alive()
    assert sum(len(data) - 9 for data in pipe.written if data[:1] == b"S") == WINDOW
    pipe.pieces.put(frame(b"W", 1, b"10"))
    sender.join(5)
    assert not sender.is_alive()
    stream.close()
    relay.close()


def test_a_reader_gives_the_window_back_as_it_reads() -> None:
    pipe = Script(HELLO, D=[(b"O", b"0"), (b"S", bytes(WINDOW)), (b"F", b"")])
    relay = Relay(pipe, patience=1, name="x")
    stream = relay.dial("10.0.0.1", 80, 1.0)
    got = 0
    while data := stream.receive(5000, 5.0):
        got += len(data)
    assert got == WINDOW
    returned = sum(int(data[9:]) for data in pipe.written if data[:1] == b"W")
    assert WINDOW // 2 <= returned <= WINDOW
    stream.close()
    relay.close()


def test_the_relay_for_python_is_valid_for_old_interpreters() -> None:
    """No f-string and nothing else from after 3.4: the image's interpreter may be years older than ours."""
    tree = ast.parse(text("relay_python.py"), feature_version=(3, 4))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    assert f"WINDOW = {WINDOW}" in text("relay_python.py")
    assert f"WINDOW = {WINDOW}" in text("relay.js")
    assert f"window = {WINDOW}" in text("relay.pl")
