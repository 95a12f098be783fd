"""An embedded Qdrant in a local folder: the client library's local mode. For trying out; it needs no server."""

from __future__ import annotations

import contextlib
import json
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netdoctor.errors import UsageError
from netdoctor.migration.points import Metric, Point
from netdoctor.migration.targets.interface import (
    AS_USUAL,
    CollectionState,
    Hit,
    Making,
    Page,
    Query,
    Stored,
    TargetRefused,
)
from netdoctor.migration.wire import named_bytes, payload_entries, point_json, read_point, read_vector


class FolderTarget:
    """Calls are made one at a time: local mode is not thread-safe."""

    transport = "folder"

    def __init__(self, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        self.address = str(folder)
        self._models: Any = models
        self._lock = threading.RLock()
        self._made = None if folder.exists() else folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._client: Any = QdrantClient(path=str(folder))
        except RuntimeError as error:
            raise TargetRefused(f"The folder {folder} is in use by another Qdrant client.") from error
        except OSError as error:
            raise UsageError(f"The folder {folder} cannot be used: {error.strerror or error}.") from error

    def health(self) -> str:
        from importlib.metadata import version

        return f"embedded, qdrant-client {version('qdrant-client')}"

    def collection(self, name: str) -> CollectionState | None:
        with self._lock:
            if not self._client.collection_exists(name):
                return None
            info = self._client.get_collection(name)
        vectors = info.config.params.vectors
        points = info.points_count or 0
        sparse = dict.fromkeys(info.config.params.sparse_vectors or (), "none")
        if isinstance(vectors, dict) or vectors is None:
            return CollectionState(name, None, None, points, vectors=tuple(sorted(vectors or ())), sparse=sparse)
        return CollectionState(name, vectors.size, Metric(vectors.distance.value), points, sparse=sparse)

    def create(self, name: str, dimension: int, metric: Metric, making: Making = AS_USUAL) -> None:
        models = self._models
        params = models.VectorParams(size=dimension, distance=models.Distance(metric.value)) if dimension else {}
        sparse = {making.sparse: models.SparseVectorParams()} if making.sparse else None
        with self._lock:
            try:
                self._client.create_collection(name, vectors_config=params, sparse_vectors_config=sparse)
            except ValueError as error:
                raise TargetRefused(f"The folder {self.address} refuses collection {name!r}: {error}.") from error

    def index(self, name: str, field: str, kind: str, *, tenant: bool = False) -> None:
        """Nothing to do: local mode has no payload indexes."""

    def set_indexing_threshold(self, name: str, kilobytes: int) -> None:
        """Nothing to do: local mode has no index."""

    def delete(self, name: str, ids: Sequence[str]) -> None:
        with self._lock:
            self._client.delete(name, list(ids))

    def snapshot(self, name: str) -> str:
        raise TargetRefused("An embedded folder has no snapshots.", hint="copy the folder")

    def drop(self, name: str) -> None:
        with self._lock:
            self._client.delete_collection(name)

    def encode(self, point: Point, entries: Sequence[bytes] | None = None) -> bytes:
        return point_json(point)

    def encode_all(self, points: Sequence[Point], entries: Sequence[Sequence[bytes]]) -> list[bytes]:
        return [point_json(point) for point in points]

    def upsert(self, name: str, points: Sequence[bytes], *, insert_only: bool = False) -> None:
        structs = [self._models.PointStruct(**json.loads(point)) for point in points]
        with self._lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # local mode warns that it is slow with many points
            try:
                self._client.upsert(name, structs)
            except ValueError as error:
                raise TargetRefused(f"The folder {self.address} refuses the points: {error}.") from error

    def count(self, name: str) -> int:
        with self._lock:
            return int(self._client.count(name, exact=True).count)

    def retrieve(self, name: str, ids: Sequence[str]) -> Mapping[str, Point]:
        with self._lock:
            found = self._client.retrieve(name, list(ids), with_payload=True, with_vectors=True)
        return {
            str(point.id): read_point(str(point.id), *read_vector(_as_rest(point.vector)), point.payload or {})
            for point in found
        }

    def scroll(self, name: str, limit: int, start: str | int | None = None) -> Page:
        with self._lock:
            found, following = self._client.scroll(
                name, limit=limit, offset=start, with_payload=True, with_vectors=True
            )
        points = []
        for point in found:
            vector, named = read_vector(_as_rest(point.vector))
            entries = payload_entries(point.payload or {})
            points.append(Stored(str(point.id), entries, vector.tobytes(), named_bytes(named)))
        return Page(points, following)

    def search(self, name: str, queries: Sequence[Query], limit: int) -> Sequence[Sequence[Hit]]:
        models = self._models
        answers = []
        for query in queries:
            conditions: list[Any] = []
            if query.only is not None:
                conditions.append(models.HasIdCondition(has_id=[query.only]))
            if query.tenant is not None:
                field, value = query.tenant
                conditions.append(models.FieldCondition(key=field, match=models.MatchValue(value=value)))
            wanted = models.Filter(must=conditions) if conditions else None
            nearest: Any = query.vector.tolist()
            if query.sparse is not None:
                nearest = models.SparseVector(
                    indices=query.sparse.indices.tolist(), values=query.sparse.values.tolist()
                )
            with self._lock:
                found = self._client.query_points(
                    name, query=nearest, using=query.using or None, limit=limit, query_filter=wanted
                )
            answers.append([Hit(str(point.id), float(point.score)) for point in found.points])
        return answers

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, None
            empty = made is not None and not self._client.get_collections().collections
            self._client.close()
        if made is not None and empty:
            _remove_empty(made)


def _remove_empty(folder: Path) -> None:
    """A run that was refused leaves no folder behind that it made itself; one with anything else in it stays."""
    with contextlib.suppress(OSError):
        for name in ("meta.json", ".lock"):
            (folder / name).unlink(missing_ok=True)
        if (folder / "collection").is_dir():
            (folder / "collection").rmdir()
        folder.rmdir()


def _as_rest(vector: Any) -> Any:
    """A vector of the client library's, with its sparse ones as dictionaries."""
    if not isinstance(vector, dict):
        return vector
    return {name: one.model_dump() if hasattr(one, "model_dump") else one for name, one in vector.items()}
