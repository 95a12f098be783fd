"""Qdrant over gRPC: ready-made protobuf bytes on a raw channel, generated stubs for everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from netdoctor.migration.points import Metric, Point
from netdoctor.migration.targets.careful import Careful
from netdoctor.migration.targets.grpc_points import identity_of, plain, vectors_of
from netdoctor.migration.targets.interface import (
    AS_USUAL,
    CUSTOM_SHARDS,
    RUN_MARK,
    SEVERAL,
    CollectionState,
    Hit,
    KeyRefused,
    Making,
    Page,
    Query,
    Stored,
    TargetRefused,
    TargetUnreachable,
    Transient,
    id_sent,
    splits,
    strict_mode,
)
from netdoctor.migration.targets.pause import retry_after
from netdoctor.migration.targets.rest_refusals import KEY_HINT, may
from netdoctor.migration.unwire import Unknown, scrolled
from netdoctor.migration.wire import named_bytes, payload_entries, point_protobuf, read_point, upsert_protobuf

T = TypeVar("T")

_BUSY = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED", "INTERNAL", "UNKNOWN"}
    | {"FAILED_PRECONDITION"}  # locked, or its replicas are not ready
)
_KEY = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
_LARGEST = 256 << 20  # bytes of a reply: a page of the longest vectors
_TAKEN = frozenset({1, 2, 4})
"""Acknowledged, completed; stored, but not indexed in time. What is there is verified afterwards, whatever was told."""
_INSERT_ONLY = b"\x40\x01"
"""``update_mode`` (field 8) ``InsertOnly``, as bytes: servers before 1.17 pass over a field that they do not know."""


class GrpcTarget(Careful):
    """``authority`` (host:port) is what the server sees as its name, whatever ``channel_target`` leads to it."""

    transport = "gRPC"

    def __init__(
        self,
        channel_target: str,
        *,
        authority: str,
        secure: bool = False,
        api_key: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        import grpc
        import qdrant_client.grpc

        super().__init__()
        api: Any = qdrant_client.grpc
        self.address = f"{'https' if secure else 'http'}://{authority}"
        self._api: Any = api
        self._timeout = timeout
        self._metadata = (("api-key", api_key),) if api_key else ()
        host = authority.rpartition(":")[0].strip("[]")
        options: list[tuple[str, Any]] = [
            ("grpc.max_receive_message_length", _LARGEST),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.default_authority", authority),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2000),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if secure:
            options.append(("grpc.ssl_target_name_override", host))
            self._channel = grpc.secure_channel(channel_target, grpc.ssl_channel_credentials(), options)
        else:
            self._channel = grpc.insecure_channel(channel_target, options)
        self._points: Any = api.PointsStub(self._channel)
        self._collections: Any = api.CollectionsStub(self._channel)
        # No serializer: the request is bytes already.
        self._upsert: Any = self._channel.unary_unary(
            "/qdrant.Points/Upsert",
            response_deserializer=api.PointsOperationResponse.FromString,
        )
        # No deserializer: a vector's bytes stay bytes.
        self._scroll: Any = self._channel.unary_unary(
            "/qdrant.Points/Scroll", request_serializer=api.ScrollPoints.SerializeToString
        )

    def health(self) -> str:
        api = self._api
        try:
            reply = self._call(api.QdrantStub(self._channel).HealthCheck, api.HealthCheckRequest(), timeout=10.0)
        except (Transient, TargetRefused) as broken:
            if isinstance(broken, KeyRefused):
                raise
            raise TargetUnreachable(f"No Qdrant answers gRPC at {self.address}: {_words(broken)}.") from broken
        self._call(self._collections.List, api.ListCollectionsRequest(), timeout=10.0)
        return str(reply.version)

    def collection(self, name: str) -> CollectionState | None:
        api = self._api
        # Get first: CollectionExists is younger than many servers.
        try:
            info = self._call(self._collections.Get, api.GetCollectionInfoRequest(collection_name=name)).result
        except _Absent:
            return None
        config = info.config.params.vectors_config
        unnamed = config.params if config.WhichOneof("config") == "params" else None
        metric = _name(api.Distance, unnamed.distance) if unnamed is not None else None
        datatype = _name(api.Datatype, unnamed.datatype).lower() if unnamed is not None else "float32"
        return CollectionState(
            name,
            int(unnamed.size) if unnamed is not None else None,
            {"Cosine": Metric.COSINE, "Dot": Metric.DOT, "Euclid": Metric.EUCLID, "Manhattan": Metric.MANHATTAN}.get(
                metric or ""
            ),
            int(info.points_count),
            _name(api.CollectionStatus, info.status).lower(),
            () if unnamed is not None else tuple(sorted(config.params_map.map)),
            "float32" if datatype == "default" else datatype,
            int(info.config.optimizer_config.indexing_threshold)
            if info.config.optimizer_config.HasField("indexing_threshold")
            else None,
            self._run_of(info.config),
            {
                each: "idf" if spec.HasField("modifier") and spec.modifier else "none"
                for each, spec in info.config.params.sparse_vectors_config.map.items()
            },
            _limits(info.config),
            _hides(info.config.optimizer_config),
            getattr(getattr(info, "update_queue", None), "deferred_points", 0),
            _odd(api, info.config.params, unnamed),
        )

    def _run_of(self, config: Any) -> str:
        """Collections have metadata of their own since Qdrant 1.16."""
        if "metadata" not in config.DESCRIPTOR.fields_by_name or RUN_MARK not in config.metadata:
            return ""
        return str(config.metadata[RUN_MARK].string_value)

    def create(self, name: str, dimension: int, metric: Metric, making: Making = AS_USUAL) -> None:
        api = self._api
        request = api.CreateCollection(
            collection_name=name,
            on_disk_payload=making.on_disk_payload,
            shard_number=making.shards,
            replication_factor=making.replicas,
        )
        if dimension:
            params = api.VectorParams(size=dimension, distance=api.Distance.Value(metric.value), on_disk=making.on_disk)
            if making.datatype is not None:
                params.datatype = api.Datatype.Value(making.datatype.capitalize())
            request.vectors_config.params.CopyFrom(params)
        else:
            request.vectors_config.params_map.SetInParent()
        if making.sparse is not None:
            request.sparse_vectors_config.map[making.sparse].SetInParent()
        if making.quantization == "scalar":
            request.quantization_config.scalar.type = api.QuantizationType.Value("Int8")
            request.quantization_config.scalar.always_ram = True
        elif making.quantization == "binary":
            request.quantization_config.binary.always_ram = True
        if making.run and "metadata" in request.DESCRIPTOR.fields_by_name:
            request.metadata[RUN_MARK].string_value = making.run
        self._call(self._collections.Create, request)

    def index(self, name: str, field: str, kind: str, *, tenant: bool = False) -> None:
        api = self._api
        request = api.CreateFieldIndexCollection(
            collection_name=name,
            wait=True,
            field_name=field,
            field_type=api.FieldType.Value(f"FieldType{kind.capitalize()}"),
        )
        if tenant:
            request.field_index_params.keyword_index_params.is_tenant = True
        self._call(self._points.CreateFieldIndex, request)

    def set_indexing_threshold(self, name: str, kilobytes: int) -> None:
        api = self._api
        changed = api.OptimizersConfigDiff(indexing_threshold=kilobytes)
        self._call(self._collections.Update, api.UpdateCollection(collection_name=name, optimizers_config=changed))

    def _delete(self, name: str, ids: Sequence[str]) -> None:
        api = self._api
        chosen = api.PointsSelector(points=api.PointsIdsList(ids=[api.PointId(uuid=each) for each in ids]))
        self._call(self._points.Delete, api.DeletePoints(collection_name=name, wait=True, points=chosen))

    def snapshot(self, name: str) -> str:
        api = self._api
        request = api.CreateSnapshotRequest(collection_name=name)
        return str(self._call(api.SnapshotsStub(self._channel).Create, request).snapshot_description.name)

    def drop(self, name: str) -> None:
        self._call(self._collections.Delete, self._api.DeleteCollection(collection_name=name))

    def encode(self, point: Point, entries: Sequence[bytes] | None = None) -> bytes:
        return point_protobuf(point, entries)

    def encode_all(self, points: Sequence[Point], entries: Sequence[Sequence[bytes]]) -> list[bytes]:
        return list(map(point_protobuf, points, entries))

    def _write(self, name: str, points: Sequence[bytes], *, insert_only: bool) -> None:
        reply = self._call(self._upsert, upsert_protobuf(name, points) + (_INSERT_ONLY if insert_only else b""))
        if reply.result.status not in _TAKEN:
            status = _name(self._api.UpdateStatus, reply.result.status)
            raise Transient(f"the write is reported as {status}, not completed")

    def _count(self, name: str) -> int:
        request = self._api.CountPoints(collection_name=name, exact=True)
        return int(self._call(self._points.Count, request).result.count)

    def _retrieve(self, name: str, ids: Sequence[str]) -> Mapping[str, Point]:
        api = self._api
        request = api.GetPoints(
            collection_name=name,
            ids=[api.PointId(uuid=identity) for identity in ids],
            with_payload=api.WithPayloadSelector(enable=True),
            with_vectors=api.WithVectorsSelector(enable=True),
        )
        found: dict[str, Point] = {}
        for point in self._call(self._points.Get, request).result:
            payload = {key: plain(value) for key, value in point.payload.items()}
            identity = identity_of(point.id)
            found[identity] = read_point(identity, *vectors_of(point), payload)
        return found

    def _page(self, name: str, limit: int, start: str | int | None) -> Page:
        api = self._api
        request = api.ScrollPoints(
            collection_name=name,
            limit=limit,
            with_payload=api.WithPayloadSelector(enable=True),
            with_vectors=api.WithVectorsSelector(enable=True),
        )
        if start is not None:
            request.offset.CopyFrom(api.PointId(num=start) if isinstance(start, int) else api.PointId(uuid=start))
        raw = self._call(self._scroll, request)
        try:
            points, following = scrolled(raw)
        except Unknown:
            return self._slow_page(api.ScrollResponse.FromString(raw))
        return Page([Stored(*point) for point in points], following)

    def _ids(self, name: str, limit: int, start: str | int | None) -> tuple[list[str], str | int | None]:
        api = self._api
        request = api.ScrollPoints(
            collection_name=name,
            limit=limit,
            with_payload=api.WithPayloadSelector(enable=False),
            with_vectors=api.WithVectorsSelector(enable=False),
        )
        if start is not None:
            request.offset.CopyFrom(api.PointId(num=start) if isinstance(start, int) else api.PointId(uuid=start))
        reply = self._call(self._points.Scroll, request)
        following = reply.next_page_offset if reply.HasField("next_page_offset") else None
        after = None if following is None else following.uuid or following.num
        return [identity_of(point.id) for point in reply.result], after

    def collections(self) -> list[str]:
        found = self._call(self._collections.List, self._api.ListCollectionsRequest())
        return sorted(each.name for each in found.collections)

    def _slow_page(self, reply: Any) -> Page:
        points = []
        for point in reply.result:
            vector, named = vectors_of(point)
            entries = payload_entries({key: plain(value) for key, value in point.payload.items()})
            points.append(Stored(identity_of(point.id), entries, vector.tobytes(), named_bytes(named)))
        following = reply.next_page_offset if reply.HasField("next_page_offset") else None
        return Page(points, None if following is None else following.uuid or following.num)

    def _searched(self, name: str, queries: Sequence[Query], limit: int) -> Sequence[Sequence[Hit]]:
        api = self._api
        request = api.QueryBatchPoints(
            collection_name=name, query_points=[self._query(name, query, limit) for query in queries]
        )
        return [
            [Hit(identity_of(point.id), float(point.score)) for point in answer.result]
            for answer in self._call(self._points.QueryBatch, request).result
        ]

    def _query(self, name: str, query: Query, limit: int) -> Any:
        api = self._api
        nearest = api.VectorInput(dense=api.DenseVector(data=query.vector.tolist()))
        if query.sparse is not None:
            pairs = api.SparseVector(indices=query.sparse.indices.tolist(), values=query.sparse.values.tolist())
            nearest = api.VectorInput(sparse=pairs)
        one = api.QueryPoints(
            collection_name=name, query=api.Query(nearest=nearest), limit=limit, using=query.using or None
        )
        # Quantised vectors choose the candidates; their scores are to be of the vectors themselves.
        one.params.quantization.rescore = True
        conditions = []
        if query.only is not None:
            only = id_sent(query.only)
            wanted = api.HasIdCondition(
                has_id=[api.PointId(num=only) if isinstance(only, int) else api.PointId(uuid=only)]
            )
            conditions.append(api.Condition(has_id=wanted))
        if query.exact or (query.only is not None and not query.roughly):
            one.params.CopyFrom(api.SearchParams(exact=True))
        if query.tenant is not None:
            field = api.FieldCondition(key=query.tenant[0], match=api.Match(keyword=query.tenant[1]))
            conditions.append(api.Condition(field=field))
        if conditions:
            one.filter.CopyFrom(api.Filter(must=conditions))
        return one

    def close(self) -> None:
        self._channel.close()

    def _call(self, method: Callable[..., T], request: object, *, timeout: float | None = None) -> T:
        import grpc

        try:
            return method(request, timeout=timeout or self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._translate(error) from error

    def _translate(self, error: Any) -> Exception:
        code, text = error.code().name, " ".join((error.details() or "").split())[:300].rstrip(".")
        if code in _KEY and not strict_mode(text):
            return KeyRefused(
                f"Qdrant at {self.address} refuses the API key ({code}{may(text)}).",
                hint=f"use a key that may write there: {KEY_HINT}" if may(text) else KEY_HINT,
            )
        if code == "NOT_FOUND":
            return _Absent(f"Qdrant at {self.address}: {text}.")
        if code in _BUSY and "wrong input" not in text.lower() and not splits(text):
            return Transient(f"{code}: {text}" if text else code, after=_after(error))
        return TargetRefused(f"Qdrant at {self.address} refuses the request: {text or code}.")


def _after(error: Any) -> float | None:
    """The pause that the server asks for, in the metadata behind its refusal."""
    trailing = getattr(error, "trailing_metadata", lambda: None)() or ()
    told = next((value for key, value in trailing if key == "retry-after"), None)
    return retry_after(told.decode("ascii", "replace") if isinstance(told, bytes) else told)


def _name(kind: Any, number: int) -> str:
    """Of one of an enum's values; a newer server may have more of them."""
    return str(kind.Name(number)) if number in kind.values() else f"unknown ({number})"


def _limits(config: Any) -> dict[str, float]:
    """The numbers of a strict mode that is on; older clients know none."""
    strict = getattr(config, "strict_mode_config", None)
    if strict is None or not strict.enabled:
        return {}
    return {field.name: value for field, value in strict.ListFields() if type(value) in (int, float)}


def _hides(optimizers: Any) -> bool:
    return bool(getattr(optimizers, "prevent_unoptimized", False))


def _odd(api: Any, params: Any, unnamed: Any) -> str:
    if params.HasField("sharding_method") and params.sharding_method == api.ShardingMethod.Value("Custom"):
        return CUSTOM_SHARDS
    return SEVERAL if unnamed is not None and unnamed.HasField("multivector_config") else ""


class _Absent(TargetRefused):
    """NOT_FOUND: of a collection where one is looked for, else a refusal."""


def _words(error: Exception) -> str:
    return error.reason if isinstance(error, Transient) else str(error)
