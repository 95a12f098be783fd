"""``unruly`` for gRPC: a server in front of the stand-in that hands calls on, refuses, loses or cuts them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from netdoctor.migration.address import Address

_UPSERT = "/qdrant.Points/Upsert"
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@dataclass
class GrpcLine:
    """``storm``: the part of writes refused for now; ``lost``: the part carried out unanswered; ``slow`` in seconds."""

    server: int
    port: int = 0
    storm: float = 0.0
    lost: float = 0.0
    slow: float = 0.0
    after: str = ""
    """The ``retry-after`` of a refusal, as Qdrant's rate limiter sends it."""
    refused: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(11))
    lock: threading.Lock = field(default_factory=threading.Lock)
    running: Any = None

    def address(self) -> Address:
        return Address("http", "127.0.0.1", "127.0.0.1", self.port, self.port)

    def cut(self) -> None:
        """Every connection breaks, and no new one is taken."""
        self.running.stop(0).wait(10)

    def start(self, channel: Any) -> None:
        self.running = grpc.server(ThreadPoolExecutor(16), options=_OPTIONS)
        self.running.add_generic_rpc_handlers((_Handler(self, channel),))
        self.port = self.running.add_insecure_port(f"127.0.0.1:{self.port}")
        self.running.start()

    def dice(self) -> float:
        with self.lock:
            return self.chance.random()


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    def __init__(self, line: GrpcLine, channel: Any) -> None:
        self._line, self._channel = line, channel

    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._handing_on(details.method))

    def _handing_on(self, method: str) -> Callable[[bytes, Any], bytes]:
        line = self._line

        def hand_on(request: bytes, context: Any) -> bytes:
            if method == _UPSERT and line.dice() < line.storm:
                with line.lock:
                    line.refused += 1
                    odd = line.refused % 2
                if line.after:
                    context.set_trailing_metadata((("retry-after", line.after),))
                codes = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE
                context.abort(codes[odd], "slow down")
            try:
                answer: bytes = self._channel.unary_unary(method)(request, timeout=30)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
            if method == _UPSERT and line.dice() < line.lost:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the answer is lost")
            time.sleep(line.slow)
            return answer

        return hand_on


@contextmanager
def grpc_line_to(port: int) -> Iterator[tuple[GrpcLine, Callable[[], None]]]:
    """A line to 127.0.0.1:``port``, and what restores it after a cut."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=_OPTIONS) as channel:
        line = GrpcLine(port)
        line.start(channel)
        try:
            yield line, lambda: line.start(channel)
        finally:
            line.cut()
