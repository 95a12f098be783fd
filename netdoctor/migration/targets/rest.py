"""Qdrant over REST."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast
from urllib.parse import quote

from netdoctor.migration.points import Metric, Point
from netdoctor.migration.targets.careful import Careful
from netdoctor.migration.targets.interface import (
    AS_USUAL,
    CUSTOM_SHARDS,
    RUN_MARK,
    SEVERAL,
    CollectionState,
    Hit,
    Making,
    Page,
    Query,
    Stored,
    TargetUnreachable,
    Transient,
    id_sent,
)
from netdoctor.migration.targets.rest_refusals import reason_of, refusal
from netdoctor.migration.unjson import scrolled
from netdoctor.migration.wire import (
    loads,
    named_bytes,
    payload_entries,
    point_json,
    points_json,
    read_point,
    read_vector,
    upsert_json,
)

if TYPE_CHECKING:
    import httpx

    from netdoctor.migration.dialled import Connect

_SLOWEST = 4
"""Times the timeout, which is for each wait: so long may an answer take as a whole."""
_RESCORED = {"quantization": {"rescore": True}}
"""Quantised vectors choose the candidates; their scores are of the vectors themselves."""
_JSON = {"Content-Type": "application/json"}
_TAKEN = frozenset({"completed", "acknowledged", "wait_timeout"})
"""The last one: stored, but not indexed in time. What is there is verified afterwards, whatever was told."""
_INSERT_ONLY = b'{"update_mode":"insert_only",'
"""Begins the body of a write in the place of its brace."""


F = TypeVar("F", bound=Callable[..., Any])


def _understood(method: F) -> F:
    """An answer of another shape than Qdrant's is not Qdrant's."""

    @functools.wraps(method)
    def reading(self: RestTarget, *given: Any, **how: Any) -> Any:
        try:
            return method(self, *given, **how)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise TargetUnreachable(f"What answers at {self.address} is not Qdrant.") from error

    return cast(F, reading)


class RestTarget(Careful):
    """``socket``: a unix socket that leads to the server; ``connect``: makes connections to it, wherever it stands.

    The Host header and the TLS name stay those of ``url``.
    """

    transport = "REST"

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        socket: str | None = None,
        connect: Connect | None = None,
        timeout: float = 60.0,
    ) -> None:
        import httpx

        from netdoctor.migration.bounded import BoundedTransport

        super().__init__()
        self.address = url
        self._timeout = timeout
        self._client = httpx.Client(
            base_url=url,
            transport=BoundedTransport(uds=socket, connect=connect),
            headers={"api-key": api_key} if api_key else {},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            trust_env=False,
        )

    def health(self) -> str:
        try:
            alive = self._send("GET", "/healthz")
            if alive.status_code == 404:  # Qdrant before 1.1 has no such page
                alive = self._send("GET", "/")
        except Transient as broken:
            raise TargetUnreachable(f"Nothing answers as Qdrant at {self.address}: {broken.reason}.") from broken
        if alive.status_code >= 500:
            raise TargetUnreachable(f"Qdrant at {self.address} is not healthy: HTTP {alive.status_code}.")
        try:
            root = self._send("GET", "/")
            about = root.json() if root.status_code == 200 else {}
            version = str(about.get("version", ""))
        except (ValueError, AttributeError, RecursionError, Transient):
            version = ""
        try:
            listing = self._call("GET", "/collections")
        except Transient as broken:
            raise TargetUnreachable(f"Nothing answers as Qdrant at {self.address}: {broken.reason}.") from broken
        if not isinstance(listing, dict) or "collections" not in listing:
            raise TargetUnreachable(f"What answers at {self.address} is not Qdrant.")
        return version

    @_understood
    def collection(self, name: str) -> CollectionState | None:
        reply = self._answer("GET", _path(name), absent=True)
        # Only 404 says that there is none: any other answer must describe it.
        return None if reply.status_code == 404 else self._state(name, self._result(reply))

    def _state(self, name: str, found: Any) -> CollectionState:
        vectors = found["config"]["params"].get("vectors") or {}
        unnamed = vectors if "size" in vectors else None
        return CollectionState(
            name,
            int(unnamed["size"]) if unnamed else None,
            # A newer server may have more of them.
            next((each for each in Metric if unnamed and each.value == unnamed["distance"]), None),
            int(found.get("points_count") or 0),
            str(found.get("status", "")),
            () if unnamed else tuple(sorted(vectors)),
            str((unnamed or {}).get("datatype") or "float32"),
            found["config"].get("optimizer_config", {}).get("indexing_threshold"),
            str((found["config"].get("metadata") or {}).get(RUN_MARK, "")),
            {
                name: str((spec or {}).get("modifier") or "none")
                for name, spec in (found["config"]["params"].get("sparse_vectors") or {}).items()
            },
            _limits(found["config"].get("strict_mode_config") or {}),
            bool((found["config"].get("optimizer_config") or {}).get("prevent_unoptimized")),
            int((found.get("update_queue") or {}).get("deferred_points") or 0),
            _odd(found["config"]["params"], unnamed or {}),
        )

    def create(self, name: str, dimension: int, metric: Metric, making: Making = AS_USUAL) -> None:
        vectors = {
            "size": dimension,
            "distance": metric.value,
            "on_disk": making.on_disk,
            "datatype": making.datatype,
        }
        quantization = {"scalar": {"type": "int8", "always_ram": True}, "binary": {"always_ram": True}}
        body: dict[str, Any] = {
            "vectors": _given(vectors) if dimension else {},
            "sparse_vectors": {making.sparse: {}} if making.sparse else None,
            "on_disk_payload": making.on_disk_payload,
            "shard_number": making.shards,
            "replication_factor": making.replicas,
            "quantization_config": {making.quantization: quantization[making.quantization]}
            if making.quantization
            else None,
            "metadata": {RUN_MARK: making.run} if making.run else None,
        }
        self._call("PUT", _path(name), _given(body))

    def index(self, name: str, field: str, kind: str, *, tenant: bool = False) -> None:
        schema: Any = {"type": kind, "is_tenant": True} if tenant else kind
        self._call("PUT", f"{_path(name)}/index?wait=true", {"field_name": field, "field_schema": schema})

    def set_indexing_threshold(self, name: str, kilobytes: int) -> None:
        self._call("PATCH", _path(name), {"optimizers_config": {"indexing_threshold": kilobytes}})

    def _delete(self, name: str, ids: Sequence[str]) -> None:
        self._call("POST", f"{_path(name)}/points/delete?wait=true", {"points": list(ids)})

    @_understood
    def snapshot(self, name: str) -> str:
        return str(self._call("POST", f"{_path(name)}/snapshots?wait=true", {})["name"])

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Another call of the API: the reply's ``result``."""
        return self._call(method, path, body)

    @_understood
    def _ids(self, name: str, limit: int, start: str | int | None) -> tuple[list[str], str | int | None]:
        body: dict[str, Any] = {"limit": limit, "with_payload": False, "with_vector": False}
        if start is not None:
            body["offset"] = start
        found = self._call("POST", f"{_path(name)}/points/scroll", body)
        return [str(point["id"]) for point in found["points"]], found.get("next_page_offset")

    @_understood
    def collections(self) -> list[str]:
        return sorted(str(each["name"]) for each in self._call("GET", "/collections")["collections"])

    @contextlib.contextmanager
    def stream(self, method: str, path: str) -> Iterator[Iterator[bytes]]:
        """The reply's body in pieces."""
        import httpx

        from netdoctor.migration.bounded import SMALL, at_most

        try:
            with self._client.stream(method, path) as reply:
                if reply.status_code != 200:
                    with at_most(self._timeout, SMALL):
                        reply.read()
                    raise refusal(reply.status_code, reason_of(reply), self.address)
                yield reply.iter_bytes(1 << 20)
        except httpx.HTTPError as error:
            raise TargetUnreachable(f"The connection to {self.address} broke: {error}.") from error

    def upload(self, path: str, file: BinaryIO, name: str) -> Any:
        """A file as a form's field ``snapshot``: the reply's ``result``."""
        import httpx

        from netdoctor.migration.bounded import SMALL, at_most

        try:
            with at_most(None, SMALL):
                reply = self._client.post(path, files={"snapshot": (name, file)})
        except httpx.HTTPError as error:
            raise TargetUnreachable(f"The connection to {self.address} broke: {error}.") from error
        if reply.status_code != 200:
            raise refusal(reply.status_code, reason_of(reply), self.address)
        return reply.json()["result"]

    def drop(self, name: str) -> None:
        self._call("DELETE", _path(name))

    def encode(self, point: Point, entries: Sequence[bytes] | None = None) -> bytes:
        return point_json(point)

    def encode_all(self, points: Sequence[Point], entries: Sequence[Sequence[bytes]]) -> list[bytes]:
        return points_json(points)

    @_understood
    def _write(self, name: str, points: Sequence[bytes], *, insert_only: bool) -> None:
        length, pieces = upsert_json(points)
        if insert_only:  # servers before 1.17 pass over a key that they do not know
            head = next(pieces)
            pieces = itertools.chain([_INSERT_ONLY, head[1:]], pieces)
            length += len(_INSERT_ONLY) - 1
        sent = self._send("PUT", f"{_path(name)}/points?wait=true", pieces, length)
        if sent.status_code != 200:
            raise self._refused(sent)
        reply = self._result(sent)
        status = reply.get("status") if isinstance(reply, dict) else None
        if status not in _TAKEN:
            raise Transient(f"the write is reported as {status!r}, not completed")

    @_understood
    def _count(self, name: str) -> int:
        return int(self._call("POST", f"{_path(name)}/points/count", {"exact": True})["count"])

    @_understood
    def _retrieve(self, name: str, ids: Sequence[str]) -> Mapping[str, Point]:
        body = {"ids": list(ids), "with_payload": True, "with_vector": True}
        found = self._call("POST", f"{_path(name)}/points", body)
        return {
            str(point["id"]): read_point(
                str(point["id"]), *read_vector(point.get("vector")), point.get("payload") or {}
            )
            for point in found
        }

    @_understood
    def _page(self, name: str, limit: int, start: str | int | None) -> Page:
        body: dict[str, Any] = {"limit": limit, "with_payload": True, "with_vector": True}
        if start is not None:
            body["offset"] = start
        reply = self._answer("POST", f"{_path(name)}/points/scroll", body)
        page = scrolled(reply.content)
        if page is not None:
            return page
        found = self._result(reply)
        points = []
        for point in found["points"]:
            vector, named = read_vector(point.get("vector"))
            entries = payload_entries(point.get("payload") or {})
            points.append(Stored(str(point["id"]), entries, vector.tobytes(), named_bytes(named)))
        return Page(points, found.get("next_page_offset"))

    @_understood
    def _searched(self, name: str, queries: Sequence[Query], limit: int) -> Sequence[Sequence[Hit]]:
        searches = []
        for query in queries:
            body: dict[str, Any] = {"query": query.vector.tolist(), "limit": limit, "params": _RESCORED}
            if query.sparse is not None:
                body["query"] = {"indices": query.sparse.indices.tolist(), "values": query.sparse.values.tolist()}
            if query.using:
                body["using"] = query.using
            conditions: list[dict[str, Any]] = []
            if query.only is not None:
                conditions.append({"has_id": [id_sent(query.only)]})
            if query.exact or (query.only is not None and not query.roughly):
                body["params"] = {"exact": True}
            if query.tenant is not None:
                conditions.append({"key": query.tenant[0], "match": {"value": query.tenant[1]}})
            if conditions:
                body["filter"] = {"must": conditions}
            searches.append(body)
        found = self._call("POST", f"{_path(name)}/points/query/batch", {"searches": searches})
        return [[Hit(str(point["id"]), float(point["score"])) for point in answer["points"]] for answer in found]

    def close(self) -> None:
        self._client.close()

    def _send(
        self, method: str, path: str, content: bytes | Iterator[bytes] | None = None, length: int | None = None
    ) -> httpx.Response:
        import httpx

        from netdoctor.migration.bounded import LARGE, SMALL, at_most

        headers = _JSON if content else None
        if length is not None:
            headers = {**_JSON, "Content-Length": str(length)}
        try:
            with at_most(self._timeout if content is None else _SLOWEST * self._timeout, LARGE if content else SMALL):
                return self._client.request(method, path, content=content, headers=headers)
        except httpx.TimeoutException as error:
            raise Transient(f"no answer in time ({type(error).__name__})") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Transient(str(error) or type(error).__name__) from error

    def _call(self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None) -> Any:
        """The reply's ``result``."""
        return self._result(self._answer(method, path, body))

    def _result(self, reply: httpx.Response) -> Any:
        try:
            return loads(reply.content)["result"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise TargetUnreachable(f"What answers at {self.address} is not Qdrant.") from error

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, *, absent: bool = False
    ) -> httpx.Response:
        """A reply of status 200; 404 as well where ``absent`` allows it."""
        content = json.dumps(body, allow_nan=False).encode() if isinstance(body, Mapping) else body
        reply = self._send(method, path, content)
        if reply.status_code == 200 or (absent and reply.status_code == 404):
            return reply
        raise self._refused(reply)

    def _refused(self, reply: httpx.Response) -> Exception:
        return refusal(reply.status_code, reason_of(reply), self.address, reply.headers.get("retry-after"))


def _limits(strict: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a strict mode that is on."""
    if not strict.get("enabled"):
        return {}
    return {name: value for name, value in strict.items() if type(value) in (int, float)}


def _odd(params: Mapping[str, Any], unnamed: Mapping[str, Any]) -> str:
    if params.get("sharding_method") == "custom":
        return CUSTOM_SHARDS
    return SEVERAL if unnamed.get("multivector_config") else ""


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None}


def _path(name: str) -> str:
    return f"/collections/{quote(name, safe='')}"
