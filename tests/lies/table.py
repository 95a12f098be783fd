"""The table: every way to answer that is no answer, and for which endpoints each one makes sense."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Callable
from typing import Any

from .honest import STREAMS, SWITCHED, Reply, Request
from .lie import Lie, Wire
from .server import head

SECRET = "hunter2S3cretZq"
SWARM_KINDS = ("services", "service", "service-update", "tasks")
JSON_KINDS = ("version", "info", "containers", "inspect", "networks", "image", "create", "exec", "wait", "stats")
JSON_KINDS = (*JSON_KINDS, *SWARM_KINDS)
LIST_KINDS = ("containers", "networks", "services", "tasks")
LOOSE_KINDS = ("info", "image", "stats", "service-update")
"""Of these nothing is needed: what is not told is not known."""
ID_KINDS = ("containers", "create", "exec")
WIRE_KINDS = (*JSON_KINDS, "stat", "file", "attach", "start", "exec-start", "remove", "network", "pull")

Change = Callable[[bytes], bytes]


def body(name: str, change: Change, **how: Any) -> Lie:
    """The honest head before another body."""

    def tell(wire: Wire, _: Request, reply: Reply) -> None:
        wire.http(change(reply.body), status=reply.status)

    return Lie(name, tell, **how)


def value(name: str, change: Callable[[Any], Any]) -> Lie:
    return body(name, lambda honest: json.dumps(change(json.loads(honest))).encode())


def raw(name: str, data: bytes, **how: Any) -> Lie:
    """Instead of HTTP's own words."""
    return Lie(name, lambda wire, _request, _reply: wire.say(data), **how)


def _injected(text: bytes) -> Change:
    """Another key in the answer, or in the first entry of its list."""

    def change(honest: bytes) -> bytes:
        at = honest.find(b"{")
        return honest[: at + 1] + text + honest[at + 1 :] if at >= 0 else text

    return change


def _renamed(wanted: Any) -> Callable[[Any], Any]:
    def change(told: Any) -> Any:
        for each in told if isinstance(told, list) else [told]:
            each["Id"] = wanted
        return told

    return change


def _elsewhere(where: Callable[[str], str]) -> Callable[[Wire, Request, Reply], None]:
    def tell(wire: Wire, request: Request, reply: Reply) -> None:
        wire.http(reply.body, status=307, more=f"Location: {where(_canary)}\r\n")

    return tell


_canary = "http://127.0.0.1:1/"


def lead_to(url: str) -> None:
    """Where redirects lead from now on."""
    global _canary
    _canary = url


def _chunks(wire: Wire, _: Request, __: Reply) -> None:
    wire.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.flood(b"2000\r\n" + b" " * 0x2000 + b"\r\n")


def _bare_flood(wire: Wire, _: Request, __: Reply) -> None:
    wire.say(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n["')
    wire.flood(b"x" * 65536)


def _one_line(wire: Wire, _: Request, __: Reply) -> None:
    wire.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.flood(b"0" * 65536)


def _bomb(wire: Wire, _: Request, __: Reply) -> None:
    packed = gzip.compress(bytes(1 << 26), 1)
    wire.http(packed, more="Content-Encoding: gzip\r\n")


def _slow(wire: Wire, _: Request, reply: Reply) -> None:
    wire.say(head(Reply(reply.body + b" " * 4000, reply.status, reply.headers)))
    wire.drip(reply.body[:1] + b" ")


def _headers(wire: Wire, _: Request, __: Reply) -> None:
    wire.say(b"HTTP/1.1 200 OK\r\n")
    wire.drip(b"X-A: b\r\n", pause=0.02)


def _hundreds(wire: Wire, _: Request, __: Reply) -> None:
    wire.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, most=1 << 24)


def _silence(wire: Wire, _: Request, __: Reply) -> None:
    wire.silence()


def _stops(wire: Wire, _: Request, reply: Reply) -> None:
    wire.say(head(Reply(reply.body + b" " * 10, reply.status, reply.headers)) + reply.body[:5])
    wire.silence()


def _closed_in(part: str) -> Callable[[Wire, Request, Reply], None]:
    def tell(wire: Wire, _: Request, reply: Reply) -> None:
        whole = head(Reply(reply.body or b"{}", reply.status, reply.headers))
        wire.say({"line": whole[:10], "head": whole[: len(whole) // 2], "body": whole}[part])

    return tell


def _long(extra: int) -> Callable[[Wire, Request, Reply], None]:
    return lambda wire, _, reply: wire.http(reply.body, length=len(reply.body) + extra)


_page = f"<html><script>x</script>\x1b[31m http://user:{SECRET}@proxy {'A' * 300_000}</html>".encode()
_denial = json.dumps({"message": f"\x1b[31mno\nhttp://user:{SECRET}@h \u202e"}).encode()

WIRE: tuple[Lie, ...] = (
    Lie("500-html", lambda wire, _, __: wire.http(_page, status=500)),
    Lie("404-html", lambda wire, _, __: wire.http(_page, status=404)),
    Lie("500-message", lambda wire, _, __: wire.http(_denial, status=500)),
    Lie("403-deep-message", lambda wire, _, __: wire.http(b'{"message":' * 10_000, status=403)),
    Lie("500-message-is-a-list", lambda wire, _, __: wire.http(b'{"message": [1]}', status=500)),
    Lie("500-null", lambda wire, _, __: wire.http(b"null", status=500)),
    Lie("status-999", lambda wire, _, __: wire.http(b"{}", status=999)),
    Lie("redirect-elsewhere", _elsewhere(lambda canary: canary)),
    Lie("redirect-to-itself", _elsewhere(lambda _: "/version")),
    raw("no-http", b"SSH-2.0-OpenSSH_9.2\r\n"),
    raw("closed-at-once", b""),
    raw("status-of-letters", b"HTTP/1.1 abc OK\r\n\r\n"),
    raw("header-without-colon", b"HTTP/1.1 500 OK\r\nthis is none\r\nContent-Length: 0\r\n\r\n"),
    raw("header-of-a-megabyte", b"HTTP/1.1 200 OK\r\nX: " + b"a" * (1 << 20)),
    raw("a-thousand-headers", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"),
    Lie("closed-in-the-status-line", _closed_in("line")),
    Lie("closed-in-the-head", _closed_in("head")),
    Lie("header-drip", _headers, patient=True),
    Lie("a-hundred-for-ever", _hundreds, patient=True),
    Lie("never-a-word", _silence, patient=True),
)
WITH_BODY: tuple[Lie, ...] = (
    Lie("closed-before-the-body", _closed_in("body")),
    Lie("length-too-long", _long(100)),
    Lie("length-of-an-exabyte", _long(1 << 60)),
    raw("length-of-letters", b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n["),
    raw("two-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n[]"),
    raw("chunk-of-letters", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n"),
    raw("chunk-cut", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n[]"),
    Lie("chunks-for-ever", _chunks),
    Lie("a-chunk-size-for-ever", _one_line),
    Lie("bytes-for-ever", _bare_flood),
    Lie("gzip-bomb", _bomb),
    Lie("a-byte-at-a-time", _slow, patient=True),
    Lie("stops-in-the-body", _stops, patient=True),
)
JSONS: tuple[Lie, ...] = (
    body("empty", lambda _: b""),
    body("not-json", lambda _: b"hello"),
    body("truncated", lambda honest: honest[: len(honest) // 2]),
    body("two-documents", lambda honest: honest + honest),
    body("not-utf-8", lambda _: b'{"a": "\xff\xfe"}'),
    body("null", lambda _: b"null"),
    body("text", lambda _: b'"x"'),
    body("number", lambda _: b"5"),
    body("true", lambda _: b"true"),
    body("nested-lists", lambda _: b"[" * 10_000 + b"]" * 10_000),
    body("nested-objects", lambda _: b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    body("nan", _injected(b'"X": NaN, ')),
    body("infinity", _injected(b'"X": -Infinity, ')),
    body("1e400", _injected(b'"X": 1e400, ')),
    body("five-thousand-digits", _injected(b'"X": ' + b"9" * 5000 + b", ")),
    body("said-twice", _injected(b'"Id": "a", "ApiVersion": "9", "Id": "b", "ApiVersion": "8", ')),
    body("a-million-lists", lambda _: b"[" + b"[]," * 2_500_000 + b"[]]", patient=True),
)
OBJECTS: tuple[Lie, ...] = (
    body("a-list", lambda _: b"[]"),
    body("list-of-it", lambda honest: b"[" + honest + b"]"),
)
LISTS: tuple[Lie, ...] = (
    body("an-object", lambda _: b"{}"),
    body("error-in-200", lambda _: _denial),
    value("list-of-null", lambda told: [*told, None]),
    value("list-of-lists", lambda told: [told]),
)
NEEDED: tuple[Lie, ...] = (
    body("no-keys", lambda _: b"{}"),
    body("error-in-200", lambda _: _denial),
)
_WRONG_IDS = {
    "slash": "a/../../networks",
    "dots": "..",
    "escape": "\x1b[31mred",
    "newline": "a\nb",
    "surrogate": "\ud800",
    "long": "a" * 100_000,
    "query": "a?all=1#x",
    "empty": "",
    "number": 5,
    "null": None,
}
IDS: tuple[Lie, ...] = tuple(value(f"id-{name}", _renamed(wrong)) for name, wrong in _WRONG_IDS.items())


def _spoken(name: str, data: bytes, **how: Any) -> Lie:
    """After a head that promises a stream."""

    def tell(wire: Wire, _: Request, __: Reply) -> None:
        wire.say(SWITCHED + data)
        if how.get("patient"):
            wire.silence()

    return Lie(name, tell, **how)


def _frame(data: bytes, channel: int = 1) -> bytes:
    return struct.pack(">BxxxI", channel, len(data)) + data


def _empty_frames(wire: Wire, _: Request, __: Reply) -> None:
    wire.say(SWITCHED)
    wire.flood(_frame(b"") * 8000)


def _complaints(wire: Wire, _: Request, __: Reply) -> None:
    wire.say(SWITCHED)
    wire.flood(_frame(b"e" * 32768, 2))


_hello = _frame(b"H" + struct.pack(">II", 0, 24) + b"netdoctor relay 1 python")
SPOKEN: tuple[Lie, ...] = (
    _spoken("ends-at-once", b""),
    _spoken("half-a-frame", _frame(b"hello")[:10]),
    _spoken("half-a-header", b"\x01\x00\x00"),
    _spoken("frame-of-4-gb", struct.pack(">BxxxI", 1, 0xFFFFFFFF) + b"x" * 100_000),
    _spoken("stream-type-9", _frame(b"x", 9)),
    _spoken("no-frames", b"OCI runtime exec failed: no such file \x1b[31m or directory\r\n"),
    _spoken("complaint-of-the-engine", _frame(b"it went wrong", 3)),
    _spoken("another-hello", _frame(b"H" + struct.pack(">II", 0, 5) + b"hello")),
    _spoken("hello-and-gone", _hello),
    _spoken("hello-and-junk", _hello + _frame(b"\xff" * 64)),
    _spoken("hello-and-4-gb", _hello + _frame(b"S" + struct.pack(">II", 1, 0xFFFFFFFF))),
    raw("no-stream", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    _spoken("never-speaks", b"", patient=True),
    _spoken("hello-and-silence", _hello, patient=True),
    Lie("empty-frames", _empty_frames, patient=True),
    Lie("complaints-for-ever", _complaints, patient=True),
)


def _tar(name: str, make: Callable[[tarfile.TarFile], None], mode: str = "w") -> Lie:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        make(archive)
    return body(name, lambda _: packed.getvalue())


def _member(kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> Callable[[tarfile.TarFile], None]:
    def make(archive: tarfile.TarFile) -> None:
        made = tarfile.TarInfo("hosts")
        made.type, made.linkname, made.size = kind, link, size
        archive.addfile(made, io.BytesIO(bytes(size)))

    return make


FILES: tuple[Lie, ...] = (
    body("no-archive", lambda _: b"x" * 2000),
    body("empty-archive", lambda _: b""),
    body("cut-archive", lambda honest: honest[:520]),
    _tar("link-to-itself", _member(tarfile.SYMTYPE, "/etc/hosts")),
    _tar("link-far-away", _member(tarfile.SYMTYPE, "../" * 500 + "x\n\x1b")),
    _tar("device", _member(tarfile.CHRTYPE)),
    _tar("folder", _member(tarfile.DIRTYPE)),
    _tar("packed-bomb", _member(size=1 << 25), "w:gz"),
    _tar("big-file", _member(size=1 << 22)),
    body("size-of-8-gb", lambda honest: honest[:124] + b"77777777777\x00" + honest[136:]),
    body("links-without-end", lambda _: _links()),
)


def _links() -> bytes:
    """A thousand headers that each announce a long name for the next."""
    one = tarfile.TarInfo("././@LongLink")
    one.type, one.size = tarfile.GNUTYPE_LONGNAME, 1
    return (one.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")) * 1000


def _progress(wire: Wire, _: Request, __: Reply) -> None:
    wire.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    line = b'{"status": "Downloading"}\r\n' * 2000
    wire.flood(b"%x\r\n" % len(line) + line + b"\r\n")


def _slow_progress(wire: Wire, _: Request, __: Reply) -> None:
    wire.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.drip(b'1b\r\n{"status": "Downloading"}\r\n\r\n')


_refused = json.dumps(
    {"error": f"denied \x1b[31m http://user:{SECRET}@h", "errorDetail": {"message": "denied"}}
).encode()
PULLS: tuple[Lie, ...] = (
    body("pull-error-in-the-end", lambda honest: honest + _refused + b"\r\n"),
    body("pull-error-alone", lambda _: _refused),
    body("pull-error-without-words", lambda honest: honest + b'{"error": ""}\r\n'),
    body("pull-error-detail-alone", lambda honest: honest + b'{"errorDetail": {"message": "x"}}\r\n'),
    body("pull-line-cut", lambda honest: honest[:-9]),
    body("pull-no-json", lambda honest: honest + b"<html>\r\n"),
    body("pull-lists", lambda honest: honest + b"[1]\r\n"),
    body("pull-nested", lambda honest: honest + b"[" * 10_000 + b"\r\n"),
    body("pull-empty", lambda _: b""),
    Lie("pull-progress-for-ever", _progress),
    Lie("pull-progress-drips", _slow_progress, patient=True),
)
STATS: tuple[Lie, ...] = tuple(
    raw(f"stat-{name}", b"HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: " + told + b"\r\nContent-Length: 0\r\n\r\n")
    for name, told in {"junk": b"%%%", "list": b"W10=", "number": b"NQ==", "not-json": b"aGVsbG8="}.items()
)


def lies_for(kind: str) -> tuple[Lie, ...]:
    """Every lie that can be told in that endpoint's place."""
    if kind in STREAMS:
        return (*WIRE, *SPOKEN)
    found: tuple[Lie, ...] = WIRE if kind in WIRE_KINDS else ()
    if kind == "stat":
        return (*found, *STATS)
    if kind == "pull":
        return (*found, *WITH_BODY, *PULLS)
    if kind == "file":
        return (*found, *WITH_BODY, *FILES)
    if kind in JSON_KINDS:
        found = (*found, *WITH_BODY, *JSONS)
        if kind in LIST_KINDS:
            found = (*found, *LISTS)
        else:
            found = (*found, *OBJECTS, *(NEEDED if kind not in LOOSE_KINDS else ()))
        return (*found, *(IDS if kind in ID_KINDS else ()))
    return found


def picked(*words: str, one_in: int) -> bool:
    """The same ones each time."""
    return zlib.crc32(" ".join(words).encode()) % one_in == 0
