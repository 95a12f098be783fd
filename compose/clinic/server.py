#!/usr/bin/env python3
"""Small servers (and one client) for clinic stacks, run inside the lab's Python image.

server.py tls PORT                   HTTPS, and nothing else
server.py keyed PORT KEY             HTTP: /collections wants the header ``api-key: KEY``, as Qdrant does
server.py hosted PORT NAME           HTTP: 400 to every Host but NAME and addresses
server.py proxy PORT                 an HTTP proxy that knows no name: 503 to every URL; 200 to a path
server.py redis PORT [PASSWORD]      the first words of Redis
server.py grpc PORT                  the first frame of an HTTP/2 server
server.py v6only PORT                HTTP, to IPv6 only
server.py closing PORT               takes connections, and closes them without a word
server.py once NAME PORT             a client that resolves NAME once and goes on dialling that address
server.py wait PORT                  until something listens on PORT here
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PEM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "server.pem")
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def web(port: int, answer: Callable[[BaseHTTPRequestHandler], tuple[int, str]], *, tls: bool = False) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answer(self)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("0.0.0.0", port), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


def keyed(key: str) -> Callable[[BaseHTTPRequestHandler], tuple[int, str]]:
    def answer(request: BaseHTTPRequestHandler) -> tuple[int, str]:
        if request.path in ("/", "/healthz", "/readyz", "/livez") or request.headers.get("api-key") == key:
            return 200, "ok"
        return 401, "Must provide an API key or an Authorization bearer token"

    return answer


def hosted(name: str) -> Callable[[BaseHTTPRequestHandler], tuple[int, str]]:
    def answer(request: BaseHTTPRequestHandler) -> tuple[int, str]:
        host = (request.headers.get("Host") or "").rpartition(":")[0]
        known = host == name or host.replace(".", "").isdigit()
        return (200, "ok") if known else (400, "Bad Request: invalid Host")

    return answer


def proxy(request: BaseHTTPRequestHandler) -> tuple[int, str]:
    if "://" in request.path:
        return 503, "proxy: the host name cannot be resolved"
    return 200, "a proxy"


class Ipv6Only(ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


def lines(port: int, talk: Callable[[socket.socket], None]) -> None:
    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            talk(connection)

    with socket.create_server(("0.0.0.0", port)) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def redis(password: str) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        while heard := connection.recv(4096):
            if not heard.upper().startswith((b"PING", b"*1")):
                connection.sendall(b"-ERR unknown command\r\n")
            else:
                connection.sendall(b"-NOAUTH Authentication required.\r\n" if password else b"+PONG\r\n")

    return talk


def grpc(connection: socket.socket) -> None:
    connection.sendall(SETTINGS)
    while connection.recv(4096):
        pass


def once(name: str, port: int) -> None:
    address = socket.gethostbyname(name)
    # Whoever waits for that port knows that the name has been resolved.
    resolved = socket.create_server(("127.0.0.1", 9999))
    while resolved:
        with contextlib.suppress(OSError), socket.create_connection((address, port), 10) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            connection.recv(4096)
        time.sleep(0.05)


def wait(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        # On networks without IPv6 the engine takes ::1 away, too: a listener for IPv6 only is seen in the table.
        with contextlib.suppress(OSError), open("/proc/net/tcp6", encoding="ascii") as table:
            if any(f":{port:04X}" in line.split()[1] and line.split()[3] == "0A" for line in table):
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on {port}")


def main(words: list[str]) -> None:
    mode, rest = words[0], words[1:]
    if mode == "tls":
        web(int(rest[0]), lambda request: (200, "ok"), tls=True)
    elif mode == "keyed":
        web(int(rest[0]), keyed(rest[1]))
    elif mode == "hosted":
        web(int(rest[0]), hosted(rest[1]))
    elif mode == "proxy":
        web(int(rest[0]), proxy)
    elif mode == "redis":
        lines(int(rest[0]), redis(rest[1] if len(rest) > 1 else ""))
    elif mode == "grpc":
        lines(int(rest[0]), grpc)
    elif mode == "v6only":
        Ipv6Only(("::", int(rest[0])), BaseHTTPRequestHandler).serve_forever()
    elif mode == "closing":
        lines(int(rest[0]), lambda connection: None)
    elif mode == "once":
        once(rest[0], int(rest[1]))
    elif mode == "wait":
        wait(int(rest[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
