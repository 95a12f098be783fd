"""A Pinecone that listens on loopback, built from the published API (data plane and control plane 2025-10).

What it does as the service is documented to do: ids in bitwise order, page by page, with a token while there are more;
at most 1000 ids a fetch, and only what is there comes back; one read unit a page of ids, one for every ten records
fetched, at least one; requests a second and read units a month are both refused with 429, told apart by their text
only; ``describe_index_stats`` goes on when the month's units are spent. What goes wrong is asked for by a test.

    python tests/migration/pinecone_server.py --records 1000 --port 5080
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import random
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "pcsk_3fLocal_NotASecretOfAnybody"
LONGEST_URL = 8000
RATE = "Request failed. You've reached the max {what} requests per second for index {index}. Pace your {what} requests."
MONTH = (
    "Request failed. You've reached your {what} limit for the current month ({limit}). "
    "To continue reading data, upgrade your plan."
)


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def rpc(status: int, code: int, message: str, **headers: str) -> Reply:
    """An error of the data plane."""
    body = json.dumps({"code": code, "message": message, "details": []}).encode()
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def control(status: int, code: str, message: str) -> Reply:
    """An error of the control plane."""
    return Reply(status, json.dumps({"error": {"code": code, "message": message}, "status": status}).encode())


@dataclass
class Asked:
    """One request, as the server saw it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def what(self) -> str:
        return self.path.rpartition("/")[2] or self.path

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]


class Pinecone:
    """One project with one index. Everything may be changed while it runs; ``lock`` is held during each request."""

    def __init__(self, *, name: str = "notes", dimension: int | None = 8, metric: str = "cosine") -> None:
        self.name = name
        self.dimension = dimension
        self.metric = metric
        self.kind = "serverless"
        self.namespaces: dict[str, dict[str, bytes]] = {}
        self.key = KEY
        self.lock = threading.Lock()
        self.asked: list[Asked] = []
        self.most_at_once = self.at_once = 0
        self.read_units = 0
        # What a test may ask for:
        self.default_name = ""
        self.knows_namespaces = True
        self.versions: frozenset[str] | None = None
        self.longs_as_text = False
        self.page_limit = 100
        self.quota: int | None = None
        self.quota_what = "read unit"
        self.per_second: dict[str, int] = {}
        self.delay = 0.0
        self.packs = False
        self.repeats = False
        self.ghosts: set[str] = set()
        self.late: set[str] = set()
        self.refused_ids: set[str] = set()
        self.ends_early: dict[str, int] = {}
        self.stats_off: dict[str, int] = {}
        self.fault: Callable[[Asked], Reply | None] = lambda _asked: None
        self.epoch = 0
        self._seconds: dict[tuple[str, int], int] = {}
        self.url = ""

    # --- content ---------------------------------------------------------------------------------------------------

    def put(self, namespace: str, record: Mapping[str, Any]) -> None:
        """``{id, values?, sparseValues?, metadata?}``."""
        self.namespaces.setdefault(namespace, {})[record["id"]] = json.dumps(record).encode()

    def forget_tokens(self) -> None:
        """Every token given out so far is unknown from now on."""
        self.epoch += 1

    def count(self, what: str) -> int:
        return sum(1 for asked in self.asked if asked.what == what)

    # --- answers ---------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
        version = asked.headers.get("X-Pinecone-Api-Version", "")
        if self.versions is not None and version not in self.versions:
            return rpc(400, 3, f"Invalid API version: {version} is not supported.")
        wrong = self.fault(asked)
        if wrong is not None:
            return wrong
        plane = self._control if asked.path.startswith("/indexes") else self._data
        return plane(asked)

    def _control(self, asked: Asked) -> Reply:
        if asked.headers.get("Api-Key") != self.key:
            return control(401, "UNAUTHENTICATED", "Invalid API key.")
        if not asked.headers.get("X-Pinecone-Api-Version"):
            return control(400, "INVALID_ARGUMENT", "X-Pinecone-Api-Version header is required.")
        if asked.path.count("/") != 2 or asked.what != self.name:
            return control(404, "NOT_FOUND", f"Resource index: {asked.what} not found.")
        serverless = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        pod = {"pod": {"environment": "us-east-1-aws", "pod_type": "p1.x1", "pods": 1, "replicas": 1, "shards": 1}}
        body: dict[str, Any] = {
            "name": self.name,
            "vector_type": "dense" if self.dimension else "sparse",
            "metric": self.metric,
            "host": self.url.removeprefix("http://"),
            "spec": serverless if self.kind == "serverless" else pod,
            "status": {"ready": True, "state": "Ready"},
            "deletion_protection": "disabled",
        }
        if self.dimension:
            body["dimension"] = self.dimension
        return Reply(200, json.dumps(body).encode())

    def _data(self, asked: Asked) -> Reply:
        if asked.headers.get("Api-Key") != self.key:
            return Reply(401, b"Unauthorized", {"Content-Type": "text/plain"})
        routes = {
            ("POST", "/describe_index_stats"): self._stats,
            ("GET", "/namespaces"): self._namespaces,
            ("GET", "/vectors/list"): self._list,
            ("GET", "/vectors/fetch"): self._fetch,
            ("POST", "/query"): self._query,
        }
        route = routes.get((asked.method, asked.path))
        if route is None:
            return rpc(404, 5, "Not Found")
        refused = self._limited(asked)
        return refused or route(asked)

    def _limited(self, asked: Asked) -> Reply | None:
        limit = self.per_second.get(asked.what)
        if limit is not None:
            now = (asked.what, int(time.monotonic()))
            with self.lock:
                self._seconds[now] = self._seconds.get(now, 0) + 1
                if self._seconds[now] > limit:
                    return rpc(429, 8, RATE.format(what=asked.what, index=self.name))
        if self.quota is not None and asked.what in ("list", "fetch") and self.read_units >= self.quota:
            return rpc(429, 8, MONTH.format(what=self.quota_what, limit=self.quota))
        return None

    def _spend(self, units: int) -> dict[str, int | str]:
        with self.lock:
            self.read_units += units
        return {"readUnits": self._long(units)}

    def _long(self, number: int) -> int | str:
        """Integers of 64 bits are numbers or texts in JSON, as it suits whoever writes it."""
        return str(number) if self.longs_as_text else number

    def _named(self, namespace: str) -> str:
        return namespace or self.default_name

    def _stats(self, _asked: Asked) -> Reply:
        counts = {
            self._named(name): {"vectorCount": self._long(len(records) + self.stats_off.get(name, 0))}
            for name, records in self.namespaces.items()
        }
        body: dict[str, Any] = {
            "namespaces": counts,
            "indexFullness": 0,
            "totalVectorCount": self._long(sum(int(each["vectorCount"]) for each in counts.values())),
            "metric": self.metric,
            "vectorType": "dense" if self.dimension else "sparse",
        }
        if self.dimension:
            body["dimension"] = self.dimension
        return Reply(200, json.dumps(body).encode())

    def _namespaces(self, asked: Asked) -> Reply:
        if not self.knows_namespaces or self.kind != "serverless":
            return rpc(501, 12, "This operation is not supported for pod-based indexes.")
        names = sorted(name or "__default__" for name in self.namespaces)
        first, page, after = self._page(names, asked, "namespaces")
        if isinstance(first, Reply):
            return first
        body: dict[str, Any] = {
            "namespaces": [
                {"name": name, "record_count": self._long(len(self.namespaces["" if name == "__default__" else name]))}
                for name in page
            ],
            "total_count": len(names),
        }
        if after:
            body["pagination"] = {"next": after}
        return Reply(200, json.dumps(body).encode())

    def _list(self, asked: Asked) -> Reply:
        if self.kind != "serverless":
            return rpc(501, 12, "List is supported only for serverless indexes.")
        namespace = asked.one("namespace")
        if namespace == "__default__":
            namespace = ""
        ids = sorted(self.namespaces.get(namespace, {}), key=lambda each: each.encode())
        first, page, after = self._page(ids, asked, namespace)
        if isinstance(first, Reply):
            return first
        # Once, and not when it is asked again.
        if self.ends_early.get(namespace) is not None and first + len(page) >= self.ends_early[namespace]:
            del self.ends_early[namespace]
            after = ""
        body: dict[str, Any] = {
            "vectors": [{"id": identity} for identity in page],
            "namespace": self._named(namespace),
            "usage": self._spend(1),
        }
        if after:
            body["pagination"] = {"next": after}
        return Reply(200, json.dumps(body).encode())

    def _page(self, things: list[str], asked: Asked, whose: str) -> tuple[int | Reply, list[str], str]:
        limit = min(int(asked.one("limit", "100")), self.page_limit)
        start, first = asked.one("paginationToken"), 0
        if start:
            try:
                told = json.loads(base64.b64decode(start))
            except ValueError:
                told = {}
            if told.get("epoch") != self.epoch or told.get("whose") != whose:
                return rpc(400, 3, "Invalid pagination token."), [], ""
            after = told["after"].encode()
            first = sum(1 for each in things if each.encode() <= after)
        page = things[max(0, first - self.repeats) : first + limit]
        if first + limit >= len(things):
            return first, page, ""
        token = {"epoch": self.epoch, "whose": whose, "after": page[-1]}
        return first, page, base64.b64encode(json.dumps(token).encode()).decode()

    def _fetch(self, asked: Asked) -> Reply:
        ids = asked.query.get("ids", [])
        if not ids:
            return rpc(400, 3, "ids must be provided")
        if len(ids) > 1000:
            return rpc(400, 3, f"The number of IDs ({len(ids)}) exceeds the maximum of 1000")
        if self.refused_ids & set(ids):
            return rpc(400, 3, "Vector ID cannot contain spaces")
        namespace = asked.one("namespace")
        stored = self.namespaces.get("" if namespace == "__default__" else namespace, {})
        with self.lock:
            away = self.ghosts | self.late
            self.late -= set(ids)
        found = [(each, stored[each]) for each in dict.fromkeys(ids) if each in stored and each not in away]
        vectors = b",".join(json.dumps(each).encode() + b":" + raw for each, raw in found)
        usage = self._spend(max(1, -(-len(found) // 10)))
        rest = json.dumps({"namespace": self._named(namespace), "usage": usage})[1:].encode()
        return Reply(200, b'{"vectors":{' + vectors + b"}," + rest)

    def _query(self, asked: Asked) -> Reply:
        """Every vector of the namespace is compared, by cosine."""
        wanted = json.loads(asked.body)
        if len(wanted["vector"]) != self.dimension:
            said = (
                f"Vector dimension {len(wanted['vector'])} does not match the dimension of the index {self.dimension}"
            )
            return rpc(400, 3, said)
        namespace = wanted.get("namespace", "")
        stored = self.namespaces.get("" if namespace == "__default__" else namespace, {})
        scores = sorted(((_cosine(wanted["vector"], json.loads(raw)["values"]), each) for each, raw in stored.items()))
        matches = [{"id": each, "score": score} for score, each in reversed(scores[-wanted["topK"] :])]
        body = {"matches": matches, "namespace": self._named(namespace), "usage": self._spend(5)}
        return Reply(200, json.dumps(body).encode())


def _cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other) or 1.0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _do(self, body: bytes = b"") -> None:
        pinecone = self.server.pinecone
        with pinecone.lock:
            pinecone.at_once += 1
            pinecone.most_at_once = max(pinecone.most_at_once, pinecone.at_once)
        try:
            if pinecone.delay:
                time.sleep(pinecone.delay)
            if len(self.path) > LONGEST_URL:
                reply = Reply(414, b"URI Too Long", {"Content-Type": "text/plain"})
            else:
                parts = urlsplit(self.path)
                query = parse_qs(parts.query, keep_blank_values=True)
                reply = pinecone.answer(Asked(self.command, parts.path, query, self.headers, body))
        finally:
            with pinecone.lock:
                pinecone.at_once -= 1
        if reply.status == 0:  # a cut connection
            self.close_connection = True
            return
        said = reply.body
        headers = {"Content-Type": "application/json", **reply.headers}
        if "gzip" in self.headers.get("Accept-Encoding", "") and len(said) > 1024 and pinecone.packs:
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            said = packer.compress(said) + packer.flush()
            headers["Content-Encoding"] = "gzip"
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, pinecone: Pinecone, port: int) -> None:
        self.pinecone = pinecone
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error here."""


@contextmanager
def serving(pinecone: Pinecone, port: int = 0) -> Iterator[Pinecone]:
    """Answer requests at ``pinecone.url`` until the end of the block."""
    server = _Server(pinecone, port)
    pinecone.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield pinecone
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fill(pinecone: Pinecone, counts: Mapping[str, int], *, seed: int = 7) -> None:
    """So many records in each namespace; values are float32 as the service keeps them."""
    import numpy as np

    chance = random.Random(seed)
    for namespace, count in counts.items():
        pinecone.namespaces.setdefault(namespace, {})
        values = np.random.default_rng(seed).standard_normal((count, pinecone.dimension or 1), dtype=np.float32)
        for number in range(count):
            record: dict[str, Any] = {
                "id": f"contact_{1764088271366 + number}_{chance.getrandbits(40):x}",
                "values": [float(str(value)) for value in values[number]] if pinecone.dimension else [],
                "metadata": {"name": f"Pérson {number}", "age": float(number % 90), "score": number + 0.5},
            }
            if not pinecone.dimension:
                record["sparseValues"] = {"indices": [number, number + 7], "values": [0.5, 0.25]}
            pinecone.put(namespace, record)


def main() -> None:
    parser = argparse.ArgumentParser(description="A Pinecone on loopback, for trying things out.")
    parser.add_argument("--port", type=int, default=5080)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    given = parser.parse_args()
    pinecone = Pinecone(dimension=given.dimension)
    pinecone.delay = given.delay
    fill(pinecone, {"": given.records - 1, "other": 1})
    pinecone.page_limit = 1000
    with serving(pinecone, given.port):
        print(f"index {pinecone.name!r} at {pinecone.url}, key {pinecone.key}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
