"""Runs inside a container (``python3 -ISc <this text>``): see the protocol in this folder's __init__.py.

One thread, one poll. It ends when its stdin ends, whatever is open. Written for any Python 3.4 or later, because
the interpreter is the image's own.
"""

# mypy: ignore-errors
# ruff: noqa: UP031, RUF005, PTH123 -- the image's Python may be older than what these ask for

import errno
import os
import select
import socket
import struct
import time

WINDOW = 262144
CHUNK = 65536
BACKLOG = 1 << 20  # bytes waiting for stdout above which peers are not read

out = bytearray()
things = {}  # id -> Stream, Datagram or Echo


def say(kind, number, payload=b""):
    out.extend(kind + struct.pack(">II", number, len(payload)) + payload)


def named(error):
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, str(error.errno)), os.strerror(error.errno)
    return "EINVAL", str(error)


def failed(kind, number, name, text, began=None):
    lines = [name, text]
    if began is not None:
        lines.append("%.6f" % (time.monotonic() - began))
    say(kind, number, "\n".join(lines).encode("utf-8", "replace"))


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Stream:
    def __init__(self, number, address, port, timeout):
        self.number = number
        self.began = time.monotonic()
        self.deadline = self.began + timeout
        self.connecting = True
        self.credit = WINDOW
        self.pending = bytearray()
        self.finish = False
        self.ended = False
        self.socket = socket.socket(family(address), socket.SOCK_STREAM)
        self.socket.setblocking(False)
        code = self.socket.connect_ex((address, port))
        if code not in (0, errno.EINPROGRESS):
            self.refuse(code)

    def refuse(self, code):
        failed(b"E", self.number, errno.errorcode.get(code, str(code)), os.strerror(code), self.began)
        self.drop()

    def drop(self):
        self.deadline = None
        things.pop(self.number, None)
        self.socket.close()

    def mask(self):
        if self.connecting:
            return select.POLLOUT
        wanted = 0
        if not self.ended and self.credit > 0 and len(out) < BACKLOG:
            wanted |= select.POLLIN
        if self.pending:
            wanted |= select.POLLOUT
        return wanted

    def ready(self, events):
        try:
            if self.connecting:
                self.connected()
                return
            if events & (select.POLLOUT | select.POLLERR) and self.pending:
                self.flush()
            if events & ~select.POLLOUT and not self.ended and self.credit > 0:
                data = self.socket.recv(min(CHUNK, self.credit))
                if data:
                    self.credit -= len(data)
                    say(b"S", self.number, data)
                else:
                    self.ended = True
                    say(b"F", self.number)
        except BlockingIOError:
            pass
        except OSError as error:
            failed(b"X", self.number, *named(error))
            self.drop()

    def connected(self):
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0 and self.socket.getsockname()[:2] == self.socket.getpeername()[:2]:
            code = errno.ECONNREFUSED  # connected to itself: nobody listens there
        if code:
            self.refuse(code)
            return
        self.connecting = False
        self.deadline = None
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        say(b"O", self.number, ("%.6f" % (time.monotonic() - self.began)).encode())

    def flush(self):
        sent = self.socket.send(memoryview(self.pending)[:CHUNK].tobytes())
        del self.pending[:sent]
        say(b"W", self.number, str(sent).encode())
        if not self.pending and self.finish:
            self.socket.shutdown(socket.SHUT_WR)

    def expire(self):
        failed(b"E", self.number, "TIMEOUT", "", self.began)
        self.drop()

    def told(self, kind, payload):
        try:
            if kind == b"S":
                self.pending += payload
                self.flush()
            elif kind == b"F":
                self.finish = True
                if not self.pending:
                    self.socket.shutdown(socket.SHUT_WR)
            elif kind == b"W":
                self.credit += int(payload)
            elif kind == b"C":
                self.drop()
        except BlockingIOError:
            pass
        except OSError as error:
            failed(b"X", self.number, *named(error))
            self.drop()


class Datagram:
    def __init__(self, number, address, port, timeout, payload):
        self.number = number
        self.began = time.monotonic()
        self.deadline = self.began + timeout
        self.socket = socket.socket(family(address), socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        try:
            self.socket.connect((address, port))
            self.socket.send(payload)
        except OSError:
            self.socket.close()
            raise

    def mask(self):
        return select.POLLIN

    def ready(self, events):
        try:
            self.finish(b"A", self.socket.recv(65535))
        except BlockingIOError:
            pass
        except OSError as error:
            failed(b"E", self.number, *(named(error) + (self.began,)))
            self.drop()

    def finish(self, kind, payload):
        say(kind, self.number, payload)
        self.drop()

    def drop(self):
        things.pop(self.number, None)
        self.socket.close()

    def expire(self):
        failed(b"E", self.number, "TIMEOUT", "", self.began)
        self.drop()

    def told(self, kind, payload):
        if kind == b"C":
            self.drop()


class Echo(Datagram):
    BODY = b"netdoctor-echo--" * 2

    def __init__(self, number, address, timeout):
        self.number = number
        self.began = time.monotonic()
        self.deadline = self.began + timeout
        self.six = ":" in address
        protocol = socket.IPPROTO_ICMPV6 if self.six else socket.IPPROTO_ICMP
        self.raw = False
        try:
            self.socket = socket.socket(family(address), socket.SOCK_DGRAM, protocol)
        except OSError:
            self.socket = socket.socket(family(address), socket.SOCK_RAW, protocol)
            self.raw = True
        self.socket.setblocking(False)
        self.identifier, self.sequence = struct.unpack(">HH", os.urandom(4))
        kind = 128 if self.six else 8
        packet = struct.pack("!BBHHH", kind, 0, 0, self.identifier, self.sequence) + self.BODY
        if not self.six:
            total = sum(struct.unpack("!%dH" % (len(packet) // 2), packet))
            total = (total >> 16) + (total & 0xFFFF)
            checksum = ~(total + (total >> 16)) & 0xFFFF
            packet = packet[:2] + struct.pack("!H", checksum) + packet[4:]
        try:
            self.socket.sendto(packet, (address, 0))
        except OSError as error:
            self.lost = os.strerror(error.errno)
            self.deadline = self.began
        else:
            self.lost = ""

    def ready(self, events):
        try:
            packet, sender = self.socket.recvfrom(2048)
        except BlockingIOError:
            return
        except OSError as error:
            self.lost = os.strerror(error.errno)
            self.expire()
            return
        if self.raw and not self.six and packet:
            packet = packet[(packet[0] & 15) * 4 :]
        if len(packet) < 8 or packet[8:] != self.BODY:
            return
        kind, _, _, identifier, sequence = struct.unpack("!BBHHH", packet[:8])
        if kind != (129 if self.six else 0) or sequence != self.sequence:
            return
        if self.raw and identifier != self.identifier:
            return
        self.finish(b"A", ("1\n%.6f\nreply from %s" % (time.monotonic() - self.began, sender[0])).encode())

    def expire(self):
        self.finish(b"A", ("0\n\n" + self.lost).encode())


def begin(kind, number, payload):
    if kind == b"D":
        address, port, timeout = payload.decode().split("\n")
        stream = Stream(number, address, int(port), float(timeout))
        if stream.deadline is not None:
            things[number] = stream
    elif kind == b"U":
        address, port, timeout, body = payload.split(b"\n", 3)
        things[number] = Datagram(number, address.decode(), int(port), float(timeout), body)
    elif kind == b"P":
        address, timeout = payload.decode().split("\n")
        things[number] = Echo(number, address, float(timeout))
    elif kind == b"R":
        name = payload.decode()
        if name == "/sys/class/net":
            say(b"A", number, packet_sizes(name))
            return
        if name not in ("/etc/resolv.conf", "/etc/hosts"):
            if not name.replace("_", "").isalnum():
                raise OSError(errno.EINVAL, "no table")
            name = "/proc/thread-self/net/" + name
        with open(name, "rb") as handle:
            say(b"A", number, handle.read())


def packet_sizes(folder):
    lines = []
    for interface in os.listdir(folder):  # noqa: PTH208 - no pathlib is loaded here
        try:
            with open("%s/%s/mtu" % (folder, interface)) as handle:
                lines.append("%s %s\n" % (interface, handle.read().strip()))
        except OSError:
            continue
    return "".join(lines).encode()


def hear(kind, number, payload):
    if kind in (b"D", b"U", b"P", b"R"):
        began = time.monotonic()
        try:
            begin(kind, number, payload)
        except (OSError, ValueError, OverflowError) as error:
            failed(b"E", number, *(named(error) + (began,)))
    elif number in things:
        things[number].told(kind, payload)


def main():
    os.set_blocking(0, False)
    os.set_blocking(1, False)
    incoming = bytearray()
    say(b"H", 0, b"netdoctor relay 1 python")
    while True:
        poll = select.poll()
        poll.register(0, select.POLLIN)
        now = time.monotonic()
        nearest = None
        watched = {}
        for thing in list(things.values()):
            if thing.deadline is not None:
                if thing.deadline <= now:
                    thing.expire()
                    continue
                nearest = thing.deadline if nearest is None else min(nearest, thing.deadline)
            wanted = thing.mask()
            if wanted:  # a hang-up is reported even with no mask: leave those out, or the loop would spin
                watched[thing.socket.fileno()] = thing
                poll.register(thing.socket.fileno(), wanted)
        if out:
            poll.register(1, select.POLLOUT)
        for descriptor, events in poll.poll(None if nearest is None else max(1, (nearest - now) * 1000)):
            if descriptor == 1:
                if events & (select.POLLERR | select.POLLHUP):
                    return
                try:
                    sent = os.write(1, memoryview(out)[: CHUNK * 4].tobytes())
                    del out[:sent]
                except BlockingIOError:
                    pass
            elif descriptor == 0:
                try:
                    data = os.read(0, CHUNK * 4)
                except BlockingIOError:
                    continue
                if not data:
                    return
                incoming += data
                while len(incoming) >= 9:
                    number, size = struct.unpack(">II", incoming[1:9])
                    if len(incoming) < 9 + size:
                        break
                    kind, payload = bytes(incoming[:1]), bytes(incoming[9 : 9 + size])
                    del incoming[: 9 + size]
                    hear(kind, number, payload)
            else:
                thing = watched[descriptor]
                if things.get(thing.number) is thing:
                    thing.ready(events)


if __name__ == "__main__":
    main()
