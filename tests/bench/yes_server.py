"""A server that reads writes and only says yes: ``python yes_server.py rest|grpc [PORT]`` prints its port, and serves.

``PORT``: of a real server on loopback; whatever is no write is asked there.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

YES = b'{"result":{"operation_id":1,"status":"completed"},"status":"ok","time":0.0}'
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(YES), YES)
YES_PROTOBUF = b"\x0a\x04\x08\x01\x10\x02"
"""``PointsOperationResponse{result{operation_id: 1, status: Completed}}``."""


def serve_rest(behind: int | None) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, behind), daemon=True).start()


def _answer(connection: socket.socket, behind: int | None) -> None:
    room = memoryview(bytearray(1 << 18))
    with connection, connection.makefile("rb") as file:
        while True:
            head, length = _head(file)
            if not head:
                return
            first = head.partition(b"\r\n")[0]
            if behind is not None and not (first.startswith(b"PUT ") and b"/points?" in first):
                connection.sendall(_asked(behind, head, file.read(length)))
                continue
            while length > 0:
                length -= file.readinto(room[: min(length, len(room))])
            connection.sendall(REPLY)


def _head(file: BinaryIO) -> tuple[bytes, int]:
    """Up to the empty line, and how long the body is; nothing at the end."""
    head, length = b"", 0
    while (line := file.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        head += line
    return (head + line, length) if line else (b"", 0)


def _asked(behind: int, head: bytes, body: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", behind)) as server, server.makefile("rb") as answers:
        server.sendall(head + body)
        head, length = _head(answers)
        return head + answers.read(length)


def serve_grpc(behind: int | None) -> None:
    import grpc

    options = [("grpc.max_receive_message_length", -1)]
    channel = None if behind is None else grpc.insecure_channel(f"127.0.0.1:{behind}", options)

    class Yes(grpc.GenericRpcHandler):  # type: ignore[misc]  # it ships no types
        def service(self, details: Any) -> Any:
            if details.method == "/qdrant.Points/Upsert":
                return grpc.unary_unary_rpc_method_handler(lambda _request, _context: YES_PROTOBUF)
            if channel is None:
                return None
            ask = channel.unary_unary(details.method)

            def asked(request: bytes, context: Any) -> Any:
                try:
                    return ask(request)
                except grpc.RpcError as error:
                    return context.abort(error.code(), error.details())

            return grpc.unary_unary_rpc_method_handler(asked)

    server = grpc.server(ThreadPoolExecutor(4), options=options)
    server.add_generic_rpc_handlers((Yes(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    port = int(sys.argv[2]) if len(sys.argv) > 2 else None
    serve_rest(port) if sys.argv[1] == "rest" else serve_grpc(port)
