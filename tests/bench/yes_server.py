"""A server that reads writes and only says yes: ``python yes_server.py rest|grpc`` prints its port, and serves."""

from __future__ import annotations

import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

YES = b'{"result":{"operation_id":1,"status":"completed"},"status":"ok","time":0.0}'
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(YES), YES)
YES_PROTOBUF = b"\x0a\x04\x08\x01\x10\x02"
"""``PointsOperationResponse{result{operation_id: 1, status: Completed}}``."""


def serve_rest() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    room = memoryview(bytearray(1 << 18))
    with connection, connection.makefile("rb") as file:
        while True:
            length = 0
            while (line := file.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not line:
                return
            while length > 0:
                length -= file.readinto(room[: min(length, len(room))])
            connection.sendall(REPLY)


def serve_grpc() -> None:
    import grpc

    method = grpc.unary_unary_rpc_method_handler(lambda _request, _context: YES_PROTOBUF)
    options = [("grpc.max_receive_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(4), options=options)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("qdrant.Points", {"Upsert": method}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    serve_rest() if sys.argv[1] == "rest" else serve_grpc()
