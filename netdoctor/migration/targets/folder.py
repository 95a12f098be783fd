"""An embedded Qdrant in a local folder: the client library's local mode. For trying out; it needs no server."""

from __future__ import annotations

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
from netdoctor.migration.wire import payload_entries, point_json


class FolderTarget:
    """Calls are made one at a time: local mode is not thread-safe."""

    transport = "folder"

    def __init__(self, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        self.address = str(folder)
        self._models: Any = models
        self._lock = threading.RLock()
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
        if isinstance(vectors, dict) or vectors is None:
            return CollectionState(name, None, None, info.points_count or 0, vectors=tuple(sorted(vectors or ())))
        return CollectionState(name, vectors.size, Metric(vectors.distance.value), info.points_count or 0)

    def create(self, name: str, dimension: int, metric: Metric, making: Making = AS_USUAL) -> None:
        models = self._models
        params = models.VectorParams(size=dimension, distance=models.Distance(metric.value))
        with self._lock:
            try:
                self._client.create_collection(name, vectors_config=params)
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

    def upsert(self, name: str, points: Sequence[bytes]) -> None:
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
        import numpy as np

        with self._lock:
            found = self._client.retrieve(name, list(ids), with_payload=True, with_vectors=True)
        return {
            str(point.id): Point(str(point.id), np.asarray(point.vector, dtype=np.float32), point.payload or {})
            for point in found
        }

    def scroll(self, name: str, limit: int, start: str | int | None = None) -> Page:
        import numpy as np

        with self._lock:
            found, following = self._client.scroll(
                name, limit=limit, offset=start, with_payload=True, with_vectors=True
            )
        points = [
            Stored(
                str(point.id),
                payload_entries(point.payload or {}),
                np.asarray(point.vector if isinstance(point.vector, list) else [], dtype="<f4").tobytes(),
            )
            for point in found
        ]
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
            with self._lock:
                found = self._client.query_points(name, query=query.vector.tolist(), limit=limit, query_filter=wanted)
            answers.append([Hit(str(point.id), float(point.score)) for point in found.points])
        return answers

    def close(self) -> None:
        with self._lock:
            self._client.close()
