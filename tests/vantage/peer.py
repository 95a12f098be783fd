"""The other end of every contract: a program for the lab's python image, and the ports it listens on.

Runs on its own (``python3 -c <this text>``), so it imports nothing of ours.
"""

import contextlib
import hashlib
import socket
import struct
import threading

TAIL = 7001  # reads to the end, then answers "<bytes> <sha256>" and closes: only a kept half-close gets the answer
ECHO = 7002
POUR = 7003  # reads a number and a newline, sends that many bytes of a pattern, closes
RUDE = 7004  # resets the connection at the first byte
COUNT = 7005  # reads "<n>\n" and n bytes, then answers "<n> <sha256>\n" and waits
SILENT = 7006  # accepts and says nothing
UDP_ECHO = 7010
CLOSED = 7099  # nothing listens
TCP = (TAIL, ECHO, POUR, RUDE, COUNT, SILENT)


def pattern(size):
    block = bytes(range(256)) * 256
    return (block * (size // len(block) + 1))[:size]


def tail(connection):
    seen, size = hashlib.sha256(), 0
    while data := connection.recv(65536):
        seen.update(data)
        size += len(data)
    connection.sendall(b"%d %s" % (size, seen.hexdigest().encode()))


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def line(connection):
    number = b""
    while not number.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return 0
        number += byte
    return int(number)


def pour(connection):
    connection.sendall(pattern(line(connection)))


def rude(connection):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def count(connection):
    while size := line(connection):
        seen, left = hashlib.sha256(), size
        while left:
            data = connection.recv(min(left, 65536))
            seen.update(data)
            left -= len(data)
        connection.sendall(b"%d %s\n" % (size, seen.hexdigest().encode()))


def silent(connection):
    while connection.recv(65536):
        pass


def serve(port, talk):
    listener = socket.create_server(("0.0.0.0", port), backlog=256)

    def one(connection):
        with connection, contextlib.suppress(OSError):
            talk(connection)

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=one, args=(connection,), daemon=True).start()


def main():
    for port, talk in zip(TCP, (tail, echo, pour, rude, count, silent), strict=True):
        threading.Thread(target=serve, args=(port, talk), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("0.0.0.0", UDP_ECHO))
        while True:
            data, sender = datagrams.recvfrom(65535)
            datagrams.sendto(data, sender)


if __name__ == "__main__":
    main()
