"""The gRPC interface: the calls of Qdrant's services that the lab needs; others say UNIMPLEMENTED."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import TYPE_CHECKING, Any

import grpc

from . import TITLE, VERSION, proto_in, proto_out, stubs
from .errors import StandInError, engine_errors
from .proto_in import FIELD_TYPES, UPDATE_MODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .store import Store

messages: Any = stubs.load()

OPEN_TO_ALL = "/qdrant.Qdrant/HealthCheck"
WORKERS = 16


def call(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any, grpc.ServicerContext], Any]:
    """A servicer method that may raise our errors, and whose answer carries the time it took."""

    @wraps(method)
    def run(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        started = time.perf_counter()
        try:
            with engine_errors():
                answer = method(self, request)
        except StandInError as error:
            seconds = getattr(error, "seconds", None)
            if seconds is not None:
                context.set_trailing_metadata((("retry-after", str(seconds)),))
            context.abort(grpc.StatusCode[error.grpc_code], str(error))
        answer.time = time.perf_counter() - started
        return answer

    return run


class KeyCheck(grpc.ServerInterceptor):  # type: ignore[misc]
    """Asks every call but the health check for the API key."""

    def __init__(self, key: str) -> None:
        self._key = key

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = continuation(details)
        offered = dict(details.invocation_metadata)
        bearer = offered.get("authorization", "")
        if details.method == OPEN_TO_ALL or self._key in (offered.get("api-key"), bearer.removeprefix("Bearer ")):
            return handler
        text = (
            "Invalid API key or JWT"
            if offered.keys() & {"api-key", "authorization"}
            else "Must provide an API key or an Authorization bearer token"
        )

        def refuse(request: Any, context: grpc.ServicerContext) -> Any:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, text)

        return grpc.unary_unary_rpc_method_handler(refuse)


class Health(messages.QdrantServicer):  # type: ignore[misc]
    def HealthCheck(self, request: Any, context: Any) -> Any:
        return messages.HealthCheckReply(title=TITLE, version=VERSION)


class Collections(messages.CollectionsServicer):  # type: ignore[misc]
    def __init__(self, store: Store) -> None:
        self._store = store

    @call
    def Get(self, request: Any) -> Any:
        return messages.GetCollectionInfoResponse(
            result=proto_out.info(self._store.get(request.collection_name).info())
        )

    @call
    def List(self, request: Any) -> Any:
        found = [messages.CollectionDescription(name=name) for name in self._store.names()]
        return messages.ListCollectionsResponse(collections=found)

    @call
    def Create(self, request: Any) -> Any:
        self._store.create(request.collection_name, proto_in.create_collection(request))
        return messages.CollectionOperationResponse(result=True)

    @call
    def Update(self, request: Any) -> Any:
        self._store.get(request.collection_name).patch(proto_in.update_collection(request))
        return messages.CollectionOperationResponse(result=True)

    @call
    def Delete(self, request: Any) -> Any:
        return messages.CollectionOperationResponse(result=self._store.delete(request.collection_name))

    @call
    def CollectionExists(self, request: Any) -> Any:
        exists = messages.CollectionExists(exists=self._store.exists(request.collection_name))
        return messages.CollectionExistsResponse(result=exists)

    @call
    def ListAliases(self, request: Any) -> Any:
        return _aliases(self._store.aliases())

    @call
    def ListCollectionAliases(self, request: Any) -> Any:
        return _aliases(self._store.aliases(request.collection_name))

    @call
    def UpdateAliases(self, request: Any) -> Any:
        actions = []
        for action in request.actions:
            kind = action.WhichOneof("action")
            actions.append({kind: proto_in.set_fields(getattr(action, kind))} if kind else {})
        self._store.change_aliases(actions)
        return messages.CollectionOperationResponse(result=True)


class Points(messages.PointsServicer):  # type: ignore[misc]
    def __init__(self, store: Store) -> None:
        self._store = store

    @call
    def Upsert(self, request: Any) -> Any:
        collection = self._store.get(request.collection_name)
        condition = proto_in.filter_(request.update_filter) if request.HasField("update_filter") else None
        found = proto_in.points(request.points, collection.sizes)
        return _updated(request, collection.upsert_points(found, UPDATE_MODES[request.update_mode], condition))

    @call
    def Delete(self, request: Any) -> Any:
        return _updated(request, self._store.get(request.collection_name).delete(proto_in.selector(request.points)))

    @call
    def SetPayload(self, request: Any) -> Any:
        return _updated(request, self._store.get(request.collection_name).set_payload(_payload_body(request)))

    @call
    def OverwritePayload(self, request: Any) -> Any:
        return _updated(request, self._store.get(request.collection_name).overwrite_payload(_payload_body(request)))

    @call
    def DeletePayload(self, request: Any) -> Any:
        body = proto_in.selector(request.points_selector) | {"keys": list(request.keys)}
        return _updated(request, self._store.get(request.collection_name).delete_payload(body))

    @call
    def ClearPayload(self, request: Any) -> Any:
        return _updated(
            request, self._store.get(request.collection_name).clear_payload(proto_in.selector(request.points))
        )

    @call
    def CreateFieldIndex(self, request: Any) -> Any:
        schema: Any = FIELD_TYPES[request.field_type]
        kind = request.field_index_params.WhichOneof("index_params")
        if kind:
            schema = {
                "type": kind.removesuffix("_index_params"),
                **proto_in.set_fields(getattr(request.field_index_params, kind)),
            }
        body = {"field_name": request.field_name, "field_schema": schema}
        return _updated(request, self._store.get(request.collection_name).create_index(body))

    @call
    def DeleteFieldIndex(self, request: Any) -> Any:
        return _updated(request, self._store.get(request.collection_name).delete_index(request.field_name))

    @call
    def Get(self, request: Any) -> Any:
        body = {"ids": [proto_in.point_id(one) for one in request.ids], **proto_in.wanted(request)}
        found = self._store.get(request.collection_name).retrieve(body)
        return messages.GetResponse(result=[proto_out.record(one) for one in found])

    @call
    def Scroll(self, request: Any) -> Any:
        body = proto_in.wanted(request) | proto_in.present(request, "limit")
        if request.HasField("offset"):
            body["offset"] = proto_in.point_id(request.offset)
        if request.HasField("filter"):
            body["filter"] = proto_in.filter_(request.filter)
        if request.HasField("order_by"):
            body["order_by"] = proto_in.order_by(request.order_by)
        records, following = self._store.get(request.collection_name).scroll(body)
        offset = None if following is None else proto_out.point_id(following)
        return messages.ScrollResponse(result=[proto_out.record(one) for one in records], next_page_offset=offset)

    @call
    def Count(self, request: Any) -> Any:
        body = {"filter": proto_in.filter_(request.filter), **proto_in.present(request, "exact")}
        count = self._store.get(request.collection_name).count(body)
        return messages.CountResponse(result=messages.CountResult(count=count))

    @call
    def Query(self, request: Any) -> Any:
        found = self._store.get(request.collection_name).query(proto_in.query_points(request))
        return messages.QueryResponse(result=[proto_out.scored(one) for one in found])

    @call
    def QueryBatch(self, request: Any) -> Any:
        collection = self._store.get(request.collection_name)
        answers = collection.queries([proto_in.query_points(one) for one in request.query_points])
        results = [messages.BatchResult(result=[proto_out.scored(one) for one in answer]) for answer in answers]
        return messages.QueryBatchResponse(result=results)

    @call
    def Search(self, request: Any) -> Any:
        found = self._store.get(request.collection_name).search(proto_in.search_points(request))
        return messages.SearchResponse(result=[proto_out.scored(one) for one in found])


def serve(store: Store, address: str, key: str = "") -> tuple[grpc.Server, int]:
    """A started server and the port it got."""
    from .grpc_snapshots import Snapshots

    # Without SO_REUSEPORT a second server on the same port is an error, not a silent half of the traffic.
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    interceptors = [KeyCheck(key)] if key else []
    server = grpc.server(ThreadPoolExecutor(WORKERS), interceptors=interceptors, options=options)
    messages.add_QdrantServicer_to_server(Health(), server)
    messages.add_CollectionsServicer_to_server(Collections(store), server)
    messages.add_PointsServicer_to_server(Points(store), server)
    messages.add_SnapshotsServicer_to_server(Snapshots(store), server)
    port = server.add_insecure_port(address)
    server.start()
    return server, port


def _aliases(found: list[dict[str, str]]) -> Any:
    return messages.ListAliasesResponse(aliases=[messages.AliasDescription(**one) for one in found])


def _payload_body(request: Any) -> dict[str, Any]:
    selected = proto_in.selector(request.points_selector)
    return selected | {"payload": proto_in.payload(request.payload)} | proto_in.present(request, "key")


def _updated(request: Any, number: int) -> Any:
    """Everything is applied before the answer; without `wait` the word is the one a client expects."""
    status = messages.UpdateStatus.Value("Completed" if request.wait else "Acknowledged")
    return messages.PointsOperationResponse(result=messages.UpdateResult(operation_id=number, status=status))
