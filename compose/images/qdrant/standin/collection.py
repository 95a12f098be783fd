"""One collection: a storage engine shard with its configuration, as calls over JSON bodies."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import qdrant_edge as edge

from .config import dense_sizes, engine_config, patched_config
from .errors import NotFound, engine_errors
from .filters import to_filter
from .points import UPDATE_MODES, to_ids, to_payload_selector, to_points
from .queries import QueryReader, limit_of, order_by
from .strict import Rate, Strict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]

SCHEMAS = {
    "keyword": (edge.PayloadSchemaType.Keyword, edge.KeywordIndexParams),
    "integer": (edge.PayloadSchemaType.Integer, edge.IntegerIndexParams),
    "float": (edge.PayloadSchemaType.Float, edge.FloatIndexParams),
    "geo": (edge.PayloadSchemaType.Geo, edge.GeoIndexParams),
    "text": (edge.PayloadSchemaType.Text, edge.TextIndexParams),
    "bool": (edge.PayloadSchemaType.Bool, edge.BoolIndexParams),
    "datetime": (edge.PayloadSchemaType.Datetime, edge.DatetimeIndexParams),
    "uuid": (edge.PayloadSchemaType.Uuid, edge.UuidIndexParams),
}
META = "standin.json"


class Collection:
    """Thread-safe: one call at a time enters the shard, because closing it must find nobody inside."""

    def __init__(self, name: str, folder: Path, config: Json, shard: edge.EdgeShard) -> None:
        self.name = name
        self.folder = folder
        self.config = config
        self.sizes = dense_sizes(config)
        self._shard = shard
        self._lock = Lock()
        self._closed = False
        self._operations = 0
        self._writes, self._reads = Rate("Write"), Rate("Read")
        self._reader = QueryReader(self.sizes, self._vector_of)

    @classmethod
    def create(cls, name: str, folder: Path, config: Json) -> Collection:
        with engine_errors():
            prepared = engine_config(config)
            folder.mkdir(parents=True)
            shard = edge.EdgeShard.create(str(folder / "shard"), prepared)
        collection = cls(name, folder, config, shard)
        collection._write_meta()
        return collection

    @classmethod
    def load(cls, folder: Path) -> Collection:
        meta = json.loads((folder / META).read_text())
        shard = edge.EdgeShard.load(str(folder / "shard"), engine_config(meta["config"]))
        return cls(meta["name"], folder, meta["config"], shard)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._shard.flush()
                self._shard.close()

    # -- the collection itself -------------------------------------------------------------------

    def info(self) -> Json:
        with self._shard_in_use() as shard:
            info = shard.info()
            schema = {field: _index_info(index) for field, index in info.payload_schema.items()}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": info.indexed_vectors_count,
            "points_count": info.points_count,
            "segments_count": info.segments_count,
            "config": self.config,
            "payload_schema": schema,
        }

    def patch(self, body: Json) -> None:
        with engine_errors():
            self.config = patched_config(self.config, body)
        self._write_meta()

    # -- writing: each returns the operation's number --------------------------------------------

    def upsert(self, body: Json) -> int:
        with engine_errors():
            points = to_points(body, self.sizes)
            return self.upsert_points(points, body.get("update_mode"), body.get("update_filter"))

    def upsert_points(self, points: list[edge.Point], mode: str | None, condition: Json | None) -> int:
        if self.config.get("strict_mode_config"):
            held = self._held({"exact": True})
            Strict(self.config).upsert(len(points), held, 4 * held * sum(self.sizes.values()))
            self._pay(len(points))
        return self._update(edge.UpdateOperation.upsert_points(points, to_filter(condition), UPDATE_MODES[mode]))

    def delete(self, body: Json) -> int:
        with engine_errors():
            operations = edge.UpdateOperation
            if body.get("points") is not None:
                self._pay(len(body["points"]))
                return self._update(operations.delete_points(to_ids(body["points"])))
            return self._update(operations.delete_points_by_filter(to_filter(body["filter"]) or edge.Filter()))

    def set_payload(self, body: Json) -> int:
        return self._change_payload("set_payload", body, body["payload"], body.get("key"))

    def overwrite_payload(self, body: Json) -> int:
        return self._change_payload("overwrite_payload", body, body["payload"], body.get("key"))

    def delete_payload(self, body: Json) -> int:
        return self._change_payload("delete_payload", body, body["keys"])

    def clear_payload(self, body: Json) -> int:
        return self._change_payload("clear_payload", body)

    def create_index(self, body: Json) -> int:
        with engine_errors():
            wanted = body.get("field_schema") or "keyword"
            Strict(self.config).index(len(self.indexes()))
            kind = wanted if isinstance(wanted, str) else wanted["type"]
            schema: Any = SCHEMAS[kind][0]
            if isinstance(wanted, dict) and wanted.get("is_tenant") is not None:
                schema = SCHEMAS[kind][1](is_tenant=wanted["is_tenant"])
            return self._update(edge.UpdateOperation.create_field_index(body["field_name"], schema))

    def delete_index(self, field: str) -> int:
        return self._update(edge.UpdateOperation.delete_field_index(field))

    # -- reading ---------------------------------------------------------------------------------

    def retrieve(self, body: Json) -> list[edge.Record]:
        self._read(len(body["ids"]))
        with engine_errors(), self._shard_in_use() as shard:
            return shard.retrieve(
                to_ids(body["ids"]),
                to_payload_selector(body.get("with_payload"), default=True),
                body.get("with_vector") or False,
            )

    def scroll(self, body: Json) -> tuple[list[edge.Record], Any]:
        self._strictly(body.get("limit"), body.get("filter"))
        self._read(1)
        with engine_errors(), self._shard_in_use() as shard:
            ordered = body.get("order_by")
            request = edge.ScrollRequest(
                offset=body.get("offset"),
                limit=limit_of(body),
                filter=to_filter(body.get("filter")),
                with_payload=to_payload_selector(body.get("with_payload"), default=True),
                with_vector=body.get("with_vector") or False,
                order_by=order_by(ordered) if ordered else None,
            )
            return shard.scroll(request)

    def count(self, body: Json) -> int:
        self._strictly(1, body.get("filter"))
        Strict(self.config).exact(body.get("exact") is not False)
        return self._held(body)

    def _held(self, body: Json) -> int:
        with engine_errors(), self._shard_in_use() as shard:
            return shard.count(
                edge.CountRequest(exact=body.get("exact") is not False, filter=to_filter(body.get("filter")))
            )

    def query(self, body: Json) -> list[edge.ScoredPoint]:
        self._strictly(body.get("limit"), body.get("filter"))
        self._read(1)
        Strict(self.config).exact((body.get("params") or {}).get("exact"))
        with engine_errors():
            request = self._reader.query(body)
            with self._shard_in_use() as shard:
                return shard.query(request)

    def search(self, body: Json) -> list[edge.ScoredPoint]:
        with engine_errors():
            request = self._reader.search(body)
            with self._shard_in_use() as shard:
                return shard.query(request)

    def queries(self, bodies: list[Json]) -> list[list[edge.ScoredPoint]]:
        """Several in one request."""
        Strict(self.config).batch(len(bodies))
        return [self.query(body) for body in bodies]

    def indexes(self) -> list[str]:
        """The payload fields that have one."""
        with self._shard_in_use() as shard:
            return list(shard.info().payload_schema)

    # -- inside ----------------------------------------------------------------------------------

    def _pay(self, points: int) -> None:
        most = Strict(self.config).write_rate
        if most is not None:
            with self._lock:
                self._writes.take(points, most)

    def _read(self, cost: int) -> None:
        most = Strict(self.config).read_rate
        if most is not None:
            with self._lock:
                self._reads.take(cost, most)

    def _strictly(self, limit: int | None, condition: Json | None) -> None:
        """Refuse what strict mode does not allow to be read like this."""
        if self.config.get("strict_mode_config"):
            strict = Strict(self.config)
            strict.limit(limit)
            strict.filter(condition, self.indexes())

    @contextmanager
    def _shard_in_use(self) -> Iterator[edge.EdgeShard]:
        with self._lock:
            if self._closed:
                raise NotFound(f"Not found: Collection `{self.name}` doesn't exist!")
            yield self._shard

    def _update(self, operation: edge.UpdateOperation) -> int:
        with engine_errors(), self._shard_in_use() as shard:
            shard.update(operation)
            self._operations += 1
            return self._operations

    def _change_payload(self, verb: str, body: Json, *arguments: Any) -> int:
        with engine_errors():
            if body.get("points") is not None:
                return self._update(getattr(edge.UpdateOperation, verb)(to_ids(body["points"]), *arguments))
            chosen = to_filter(body["filter"]) or edge.Filter()
            return self._update(getattr(edge.UpdateOperation, f"{verb}_by_filter")(chosen, *arguments))

    def _vector_of(self, point_id: Any, using: str) -> Any:
        with self._shard_in_use() as shard:
            found = shard.retrieve([point_id], False, True)
        if not found:
            return None
        vector = found[0].vector
        return vector.get(using) if isinstance(vector, dict) else vector

    def _write_meta(self) -> None:
        target = self.folder / META
        scratch = target.with_suffix(".new")
        scratch.write_text(json.dumps({"name": self.name, "config": self.config}))
        os.replace(scratch, target)


def _index_info(index: Any) -> Json:
    kind = str(index.data_type).rpartition(".")[2].lower()
    info: Json = {"data_type": kind, "points": index.points}
    if index.params is not None:
        told = {name: getattr(index.params, name, None) for name in ("is_tenant", "on_disk", "lookup", "range")}
        info["params"] = {"type": kind, **{name: value for name, value in told.items() if isinstance(value, bool)}}
    return info
