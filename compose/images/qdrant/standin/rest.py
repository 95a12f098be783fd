"""The REST interface: Qdrant's paths, bodies and error shapes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from . import TITLE, VERSION, snapshots
from .errors import BadInput, NotFound, StandInError, Unsupported, engine_errors
from .http import MAX_BODY, Request, Response
from .points import id_json, record_json, scored_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from .collection import Collection
    from .store import Store

Json = dict[str, Any]

try:
    import orjson

    _loads: Callable[[bytes], Any] = orjson.loads
    _dumps: Callable[[Any], bytes] = orjson.dumps
except ImportError:

    def _refuse(constant: str) -> Any:
        raise ValueError(f"unexpected constant {constant}")

    def _loads(data: bytes) -> Any:
        return json.loads(data, parse_constant=_refuse)

    def _dumps(value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


PLAIN = {"/healthz": b"healthz check passed", "/livez": b"healthz check passed", "/readyz": b"all shards are ready"}


class Rest:
    """`answer` serves one request. `key` "" means that no key is asked for."""

    def __init__(self, store: Store, key: str = "") -> None:
        self._store = store
        self._key = key
        self._collection_verbs = {"GET": self._get, "PUT": self._create, "PATCH": self._patch, "DELETE": self._drop}

    def answer(self, request: Request) -> Response:
        if request.path in PLAIN:
            return Response(200, PLAIN[request.path], "text/plain; charset=utf-8")
        if request.path == "/":
            return Response(200, _dumps({"title": TITLE, "version": VERSION, "commit": None}))
        if self._key and self._key not in _offered_keys(request.headers):
            offered = any(_offered_keys(request.headers))
            text = "Invalid API key or JWT" if offered else "Must provide an API key or an Authorization bearer token"
            return Response(401, text.encode(), "text/plain; charset=utf-8")
        started = time.perf_counter()
        try:
            with engine_errors():
                result = self._route(request)
        except StandInError as error:
            status: Any = {"error": str(error)}
            body = _dumps({"status": status, "time": time.perf_counter() - started})
            return Response(error.http_status, body, retry_after=getattr(error, "seconds", None))
        if isinstance(result, Response):
            return result
        return Response(200, _dumps({"result": result, "status": "ok", "time": time.perf_counter() - started}))

    def _route(self, request: Request) -> Any:
        match request.segments:
            case ("collections",) if request.method == "GET":
                return {"collections": [{"name": name} for name in self._store.names()]}
            case ("aliases",) if request.method == "GET":
                return {"aliases": self._store.aliases()}
            case ("collections", "aliases") if request.method == "POST":
                self._store.change_aliases(_body(request)["actions"])
                return True
            case ("collections", name) if request.method in self._collection_verbs:
                return self._collection_verbs[request.method](name, request)
            case ("collections", name, "exists") if request.method == "GET":
                return {"exists": self._store.exists(name)}
            case ("collections", name, "aliases") if request.method == "GET":
                return {"aliases": self._store.aliases(name)}
            case ("collections", name, "snapshots", *rest):
                return snapshots.serve(self._store, name, tuple(rest), request)
            case ("collections", name, *rest):
                return self._inside(self._store.get(name), tuple(rest), request)
        raise Unsupported(f"the lab stand-in does not serve {request.method} {request.path}")

    def _get(self, name: str, request: Request) -> Any:
        return self._store.get(name).info()

    def _create(self, name: str, request: Request) -> Any:
        self._store.create(name, _body(request))
        return True

    def _patch(self, name: str, request: Request) -> Any:
        self._store.get(name).patch(_body(request))
        return True

    def _drop(self, name: str, request: Request) -> Any:
        return self._store.delete(name)

    def _inside(self, collection: Collection, rest: tuple[str, ...], request: Request) -> Any:
        writer = WRITES.get((request.method, rest))
        if writer is not None:
            return _update_result(writer(collection, _body(request)), request)
        reader = READS.get((request.method, rest))
        if reader is not None:
            return reader(collection, _body(request))
        match request.method, rest:
            case "GET", ("points", point_id):
                found = collection.retrieve({"ids": [_path_id(point_id)], "with_vector": True})
                if not found:
                    raise NotFound(f"Not found: Point with id {point_id} does not exists!")
                return record_json(found[0])
            case "DELETE", ("index", field):
                return _update_result(collection.delete_index(field), request)
        raise Unsupported(f"the lab stand-in does not serve {request.method} {request.path}")


def _scroll(collection: Collection, body: Json) -> Json:
    records, following = collection.scroll(body)
    offset = None if following is None else id_json(following)
    return {"points": [record_json(record) for record in records], "next_page_offset": offset}


def _query(collection: Collection, body: Json) -> Json:
    return {"points": [scored_json(point) for point in collection.query(body)]}


WRITES: dict[tuple[str, tuple[str, ...]], Callable[[Collection, Json], int]] = {
    ("PUT", ("points",)): lambda collection, body: collection.upsert(body),
    ("POST", ("points", "delete")): lambda collection, body: collection.delete(body),
    ("POST", ("points", "payload")): lambda collection, body: collection.set_payload(body),
    ("PUT", ("points", "payload")): lambda collection, body: collection.overwrite_payload(body),
    ("POST", ("points", "payload", "delete")): lambda collection, body: collection.delete_payload(body),
    ("POST", ("points", "payload", "clear")): lambda collection, body: collection.clear_payload(body),
    ("PUT", ("index",)): lambda collection, body: collection.create_index(body),
}
READS: dict[tuple[str, tuple[str, ...]], Callable[[Collection, Json], Any]] = {
    ("POST", ("points",)): lambda collection, body: [record_json(record) for record in collection.retrieve(body)],
    ("POST", ("points", "scroll")): _scroll,
    ("POST", ("points", "count")): lambda collection, body: {"count": collection.count(body)},
    ("POST", ("points", "query")): _query,
    ("POST", ("points", "query", "batch")): lambda collection, body: [
        {"points": [scored_json(point) for point in found]} for found in collection.queries(body["searches"])
    ],
    ("POST", ("points", "search")): lambda collection, body: [scored_json(point) for point in collection.search(body)],
}


def _update_result(number: int, request: Request) -> Json:
    """Everything is applied before the answer; without `wait` the word is the one a client expects."""
    return {"operation_id": number, "status": "completed" if request.query.get("wait") == "true" else "acknowledged"}


def _body(request: Request) -> Json:
    if request.body is None:
        told = request.headers.get("content-length")
        size = f" ({told} bytes)" if told else ""
        raise BadInput(f"Payload error: JSON payload{size} is larger than allowed (limit: {MAX_BODY} bytes).")
    try:
        found = _loads(request.body or b"{}")
    except ValueError as error:
        raise BadInput(f"Format error in JSON body: {error}") from error
    if not isinstance(found, dict):
        raise BadInput("Format error in JSON body: expected an object")
    return found


def _offered_keys(headers: dict[str, str]) -> tuple[str, str]:
    bearer = headers.get("authorization", "")
    return headers.get("api-key", ""), bearer[7:] if bearer[:7].lower() == "bearer " else ""


def _path_id(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text
