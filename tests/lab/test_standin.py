"""The lab's stand-in answers the real client as Qdrant would, over REST and over gRPC."""

from __future__ import annotations

import math
import random
import signal
import struct
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

grpc = pytest.importorskip("grpc")
pytest.importorskip("qdrant_edge")
client_package = pytest.importorskip("qdrant_client")

from qdrant_client import QdrantClient, models  # noqa: E402
from qdrant_client.http.exceptions import UnexpectedResponse  # noqa: E402

COSINE = models.VectorParams(size=4, distance=models.Distance.COSINE)
POINTS = [
    models.PointStruct(id=1, vector=[1, 0, 0, 0], payload={"city": "Oslo", "rank": 1, "ratio": 42.0}),
    models.PointStruct(id=2, vector=[0, 1, 0, 0], payload={"city": "Rome", "rank": 2, "tags": ["a", "b"]}),
    models.PointStruct(
        id="6a15880c-8b29-5463-962c-1c2a0bd1b9c9",
        vector=[0.9, 0.1, 0, 0],
        payload={"city": "Oslo", "rank": 3, "deep": {"x": [1, None, True, 2.5]}},
    ),
]


def float32(values: list[float]) -> list[float]:
    """The same numbers at the precision in which a server keeps them."""
    return list(struct.unpack(f"{len(values)}f", struct.pack(f"{len(values)}f", *values)))


def status_of(error: Exception) -> int | str:
    """HTTP status of a REST error, name of the status of a gRPC one."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code or 0
    assert isinstance(error, grpc.RpcError)
    return str(error.code().name)


def connect(standin: Any, protocol: str, key: str | None = None) -> QdrantClient:
    return QdrantClient(
        url=standin.url,
        grpc_port=standin.grpc,
        prefer_grpc=protocol == "grpc",
        api_key=key,
        check_compatibility=False,
        timeout=10,
        **({"https": False} if key else {}),
    )


@pytest.fixture(params=["rest", "grpc"])
def client(request: pytest.FixtureRequest, standin: Any) -> Iterator[QdrantClient]:
    connected = connect(standin, request.param)
    yield connected
    connected.close()


@pytest.fixture
def name(client: QdrantClient) -> Iterator[str]:
    """A collection with the three points."""
    chosen = f"lab-{uuid4().hex[:8]}"
    client.create_collection(chosen, vectors_config=COSINE)
    client.upsert(chosen, POINTS, wait=True)
    yield chosen
    client.delete_collection(chosen)


def refused(call: Callable[[], object]) -> tuple[int | str, str]:
    """The status and the text with which a call is refused."""
    with pytest.raises((UnexpectedResponse, grpc.RpcError)) as caught:
        call()
    return status_of(caught.value), str(caught.value)


def test_it_never_says_that_it_is_qdrant_and_the_client_accepts_its_version(standin: Any) -> None:
    with urllib.request.urlopen(f"{standin.url}/", timeout=5) as answer:
        assert b"netdoctor lab stand-in for Qdrant (qdrant-edge)" in answer.read()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = QdrantClient(url=standin.url, grpc_port=standin.grpc)
        assert client.info().title == "netdoctor lab stand-in for Qdrant (qdrant-edge)"
        time.sleep(0.3)  # the client compares versions in a thread of its own
        client.close()


@pytest.mark.parametrize("path", ["healthz", "livez", "readyz"])
def test_probe_paths_answer_with_qdrants_words(standin: Any, path: str) -> None:
    with urllib.request.urlopen(f"{standin.url}/{path}", timeout=5) as answer:
        assert answer.read() in {b"healthz check passed", b"all shards are ready"}


def test_points_come_back_as_they_were_sent(client: QdrantClient, name: str) -> None:
    found = {str(record.id): record for record in client.retrieve(name, [1, 2, str(POINTS[2].id)], with_vectors=True)}
    assert {key: record.payload for key, record in found.items()} == {str(point.id): point.payload for point in POINTS}
    assert found["1"].vector == [1, 0, 0, 0]
    assert isinstance(found["1"].payload["rank"], int)
    assert isinstance(found["1"].payload["ratio"], float)
    assert client.count(name).count == 3


def test_a_normalised_cosine_vector_is_stored_bit_for_bit(client: QdrantClient) -> None:
    name = f"lab-{uuid4().hex[:8]}"
    client.create_collection(name, vectors_config=models.VectorParams(size=1024, distance=models.Distance.COSINE))
    source = random.Random(5)
    values = [source.gauss(0, 1) for _ in range(1024)]
    length = math.sqrt(sum(value * value for value in values))
    sent = float32([value / length for value in values])
    client.upsert(name, [models.PointStruct(id=7, vector=sent)], wait=True)
    (record,) = client.retrieve(name, [7], with_vectors=True)
    client.delete_collection(name)
    assert float32(record.vector) == sent  # type: ignore[arg-type]


@pytest.mark.parametrize(("distance", "best"), [("Cosine", 1.0), ("Dot", 25.0), ("Euclid", 0.0), ("Manhattan", 0.0)])
def test_each_metric_scores_a_point_against_itself(client: QdrantClient, distance: str, best: float) -> None:
    name = f"lab-{uuid4().hex[:8]}"
    client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance(distance)))
    client.upsert(name, [models.PointStruct(id=1, vector=[3, 4]), models.PointStruct(id=2, vector=[-3, 1])], wait=True)
    hits = client.query_points(name, query=[3.0, 4.0], limit=1).points
    client.delete_collection(name)
    assert [hit.id for hit in hits] == [1]
    assert hits[0].score == pytest.approx(best, abs=1e-5)


def test_filters_choose_points(client: QdrantClient, name: str) -> None:
    def ids(**parts: Any) -> list[str]:
        records, _ = client.scroll(name, scroll_filter=models.Filter(**parts), limit=10)
        return sorted(str(record.id) for record in records)

    long = str(POINTS[2].id)
    oslo = models.FieldCondition(key="city", match=models.MatchValue(value="Oslo"))
    assert ids(must=[oslo]) == ["1", long]
    assert ids(must_not=[oslo]) == ["2"]
    assert ids(must=[oslo], must_not=[models.HasIdCondition(has_id=[1])]) == [long]
    assert ids(
        should=[models.FieldCondition(key="rank", range=models.Range(gte=2, lt=3)), models.HasIdCondition(has_id=[1])]
    ) == ["1", "2"]
    assert ids(must=[models.FieldCondition(key="city", match=models.MatchAny(any=["Rome", "Paris"]))]) == ["2"]
    assert ids(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="tags"))]) == ["1", long]
    assert ids(must=[models.FieldCondition(key="ratio", match=models.MatchValue(value=42))]) == []
    assert ids(must=[models.Filter(should=[oslo])]) == ["1", long]


def test_scroll_walks_everything_once(client: QdrantClient, name: str) -> None:
    client.upsert(name, [models.PointStruct(id=100 + n, vector=[1, 1, 1, n]) for n in range(25)], wait=True)
    seen: list[str] = []
    offset: Any = None
    while True:
        records, offset = client.scroll(name, limit=7, offset=offset, with_payload=False)
        seen += [str(record.id) for record in records]
        if offset is None:
            break
    assert len(seen) == len(set(seen)) == 28


def test_queries_by_vector_and_by_id_with_threshold_and_batch(client: QdrantClient, name: str) -> None:
    hits = client.query_points(name, query=[1.0, 0, 0, 0], limit=3, score_threshold=0.7, with_payload=["city"]).points
    assert [(str(hit.id), hit.payload) for hit in hits] == [
        ("1", {"city": "Oslo"}),
        (str(POINTS[2].id), {"city": "Oslo"}),
    ]
    neighbours = client.query_points(name, query=1, limit=1).points
    assert str(neighbours[0].id) == str(POINTS[2].id)
    both = client.query_batch_points(
        name, [models.QueryRequest(query=[1.0, 0, 0, 0], limit=1), models.QueryRequest(query=[0, 1.0, 0, 0], limit=1)]
    )
    assert [answer.points[0].id for answer in both] == [1, 2]


def test_batch_form_and_insert_only(client: QdrantClient, name: str) -> None:
    batch = models.Batch(ids=[1, 50], vectors=[[0, 0, 0, 1], [0, 0, 1, 0]], payloads=[{"city": "new"}, {"city": "new"}])
    client.upsert(name, batch, wait=True, update_mode=models.UpdateMode.INSERT_ONLY)
    found = {record.id: record.payload["city"] for record in client.retrieve(name, [1, 50])}
    assert found == {1: "Oslo", 50: "new"}


def test_deleting_by_id_and_by_filter(client: QdrantClient, name: str) -> None:
    client.delete(name, [1], wait=True)
    assert client.count(name).count == 2
    chosen = models.Filter(must=[models.FieldCondition(key="city", match=models.MatchValue(value="Rome"))])
    client.delete(name, models.FilterSelector(filter=chosen), wait=True)
    assert client.count(name).count == 1


def test_payload_calls_change_one_point(client: QdrantClient, name: str) -> None:
    client.set_payload(name, {"extra": 1}, points=[1], wait=True)
    client.delete_payload(name, ["rank"], points=[1], wait=True)
    (record,) = client.retrieve(name, [1])
    assert record.payload == {"city": "Oslo", "ratio": 42.0, "extra": 1}
    client.clear_payload(name, [1], wait=True)
    assert client.retrieve(name, [1])[0].payload == {}


def test_indexing_threshold_is_kept_and_reported(client: QdrantClient, name: str) -> None:
    before = client.get_collection(name)
    assert before.config.optimizer_config.indexing_threshold == 10000
    for wanted in (0, 123456):
        client.update_collection(name, optimizers_config=models.OptimizersConfigDiff(indexing_threshold=wanted))
        assert client.get_collection(name).config.optimizer_config.indexing_threshold == wanted
    vectors = client.get_collection(name).config.params.vectors
    assert isinstance(vectors, models.VectorParams)
    assert (vectors.size, vectors.distance) == (4, models.Distance.COSINE)


def test_payload_indexes_appear_in_the_schema(client: QdrantClient, name: str) -> None:
    client.create_payload_index(name, "city", models.PayloadSchemaType.KEYWORD, wait=True)
    client.create_payload_index(name, "rank", models.PayloadSchemaType.INTEGER, wait=True)
    tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    client.create_payload_index(name, "tenant", tenant, wait=True)
    schema = client.get_collection(name).payload_schema
    assert {field: index.data_type.value for field, index in schema.items()} == {
        "city": "keyword",
        "rank": "integer",
        "tenant": "keyword",
    }
    assert schema["city"].points == 3
    assert schema["city"].params is None
    assert isinstance(schema["tenant"].params, models.KeywordIndexParams) and schema["tenant"].params.is_tenant is True


def test_named_and_sparse_vectors(client: QdrantClient) -> None:
    name = f"lab-{uuid4().hex[:8]}"
    client.create_collection(
        name, vectors_config={"text": COSINE}, sparse_vectors_config={"words": models.SparseVectorParams()}
    )
    words = models.SparseVector(indices=[3, 9], values=[0.5, 2.0])
    client.upsert(name, [models.PointStruct(id=1, vector={"text": [1, 0, 0, 0], "words": words})], wait=True)
    (record,) = client.retrieve(name, [1], with_vectors=True)
    hits = client.query_points(name, query=words, using="words").points
    info = client.get_collection(name)
    client.delete_collection(name)
    assert record.vector == {"text": [1, 0, 0, 0], "words": words}
    assert hits[0].score == pytest.approx(4.25)
    assert list(info.config.params.vectors or {}) == ["text"]
    assert list(info.config.params.sparse_vectors or {}) == ["words"]


def test_collections_are_listed_and_deleted(client: QdrantClient, name: str) -> None:
    assert name in [found.name for found in client.get_collections().collections]
    assert client.collection_exists(name)
    other = f"lab-{uuid4().hex[:8]}"
    assert not client.collection_exists(other)
    assert client.delete_collection(other) is False


def test_an_alias_leads_to_its_collection(client: QdrantClient, name: str) -> None:
    alias = f"alias-{uuid4().hex[:8]}"
    create = models.CreateAlias(collection_name=name, alias_name=alias)
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])
    assert client.count(alias).count == 3
    assert [found.alias_name for found in client.get_collection_aliases(name).aliases] == [alias]


def test_refusals_have_qdrants_status_and_words(client: QdrantClient, name: str) -> None:
    status, text = refused(lambda: client.get_collection("absent"))
    assert status in {404, "NOT_FOUND"}
    assert "Collection `absent` doesn" in text
    status, text = refused(lambda: client.create_collection(name, vectors_config=COSINE))
    assert status in {409, "ALREADY_EXISTS"}
    status, text = refused(lambda: client.upsert(name, [POINTS[0], models.PointStruct(id=99, vector=[1, 2, 3])]))
    assert status in {400, "INVALID_ARGUMENT"}
    assert "Vector dimension error: expected dim: 4, got 3" in text
    status, text = refused(lambda: client.query_points(name, query=[1.0], using="nope"))
    assert status in {400, "INVALID_ARGUMENT"}
    status, _ = refused(lambda: client.create_collection("a/b", vectors_config=COSINE))
    assert status in {422, "INVALID_ARGUMENT"}


def test_a_refused_batch_writes_nothing(client: QdrantClient, name: str) -> None:
    good = models.PointStruct(id=500, vector=[1, 1, 1, 1])
    refused(lambda: client.upsert(name, [good, models.PointStruct(id=501, vector=[1])], wait=True))
    assert client.count(name).count == 3


def test_ids_that_are_no_numbers_and_no_uuids_are_refused(client: QdrantClient, name: str) -> None:
    status, text = refused(lambda: client.upsert(name, [models.PointStruct(id="contact_1", vector=[1, 1, 1, 1])]))
    assert status in {400, "INVALID_ARGUMENT"}
    assert "contact_1" in text


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_with_a_key_everything_but_the_probes_asks_for_it(start_standin: Callable[..., Any], protocol: str) -> None:
    standin = start_standin(QDRANT__SERVICE__API_KEY="a-lab-key")
    with urllib.request.urlopen(f"{standin.url}/healthz", timeout=5) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{standin.url}/collections", timeout=5)
    with caught.value as response:
        assert (response.code, response.read()) == (401, b"Must provide an API key or an Authorization bearer token")
    wrong = connect(standin, protocol)
    status, _ = refused(wrong.get_collections)
    wrong.close()
    assert status in {401, "UNAUTHENTICATED"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        right = connect(standin, protocol, "a-lab-key")
    assert right.get_collections().collections == []
    right.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_written_survives_a_restart(start_standin: Callable[..., Any], number: signal.Signals) -> None:
    first = start_standin()
    client = connect(first, "grpc")
    client.create_collection(
        "kept", vectors_config=COSINE, optimizers_config=models.OptimizersConfigDiff(indexing_threshold=77)
    )
    client.upsert("kept", POINTS, wait=True)
    client.close()
    first.process.send_signal(number)
    first.process.communicate(timeout=10)
    assert first.process.returncode == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    client = connect(start_standin(), "rest")
    assert client.count("kept").count == 3
    assert client.get_collection("kept").config.optimizer_config.indexing_threshold == 77
    client.close()


def test_bad_json_is_refused_and_the_connection_stays_usable(standin: Any) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", standin.rest, timeout=5)
    for body in (b"{", b"[1]", b'{"vectors": {"size": 4, "distance": "Cosine"}, "x": NaN}'):
        connection.request("PUT", "/collections/broken", body)
        answer = connection.getresponse()
        assert answer.status == 400
        assert b"Format error in JSON body" in answer.read()
    connection.request("PUT", "/collections/broken/points", iter([b'{"points"', b": []}"]))
    answer = connection.getresponse()
    assert answer.status == 404
    answer.read()
    connection.request("GET", "/collections/broken/snapshots")
    assert connection.getresponse().status in {404, 501}
    connection.close()


def test_every_spelling_of_a_uuid_is_the_same_point(standin: Any) -> None:
    """It comes back hyphenated and in lower case."""
    client = connect(standin, "rest")
    name = f"lab-{uuid4().hex[:8]}"
    client.create_collection(name, vectors_config=COSINE)
    one = UUID("6a15880c-8b29-5463-962c-1c2a0bd1b9c9")
    for spelling in (str(one), one.hex, one.urn, str(one).upper()):
        client.upsert(name, [models.PointStruct(id=spelling, vector=[1, 0, 0, 0])], wait=True)
    records, _ = client.scroll(name)
    client.delete_collection(name)
    client.close()
    assert [record.id for record in records] == [str(one)]


@pytest.mark.parametrize(
    ("indices", "values", "why"), [([1, 1], [0.5, 0.5], "must be unique"), ([1, 2], [0.5], "same length as indices")]
)
def test_sparse_vectors_that_are_none_are_refused(
    client: QdrantClient, indices: list[int], values: list[float], why: str
) -> None:
    name = f"c{uuid4().hex[:12]}"
    client.create_collection(name, vectors_config={}, sparse_vectors_config={"text": models.SparseVectorParams()})
    wrong: Any = models.SparseVector.model_construct(indices=indices, values=values)
    with pytest.raises((UnexpectedResponse, grpc.RpcError), match=why):
        client.upsert(name, [models.PointStruct.model_construct(id=1, vector={"text": wrong}, payload={})])
    assert client.count(name).count == 0


def test_strict_mode_and_quantization_are_kept_and_the_limit_holds(client: QdrantClient) -> None:
    name = f"c{uuid4().hex[:12]}"
    client.create_collection(
        name,
        vectors_config=COSINE,
        strict_mode_config=models.StrictModeConfig(enabled=True, upsert_max_batchsize=2),
        quantization_config=models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        ),
    )
    config = client.get_collection(name).config
    assert config.strict_mode_config is not None
    assert (config.strict_mode_config.enabled, config.strict_mode_config.upsert_max_batchsize) == (True, 2)
    assert isinstance(config.quantization_config, models.ScalarQuantization)
    with pytest.raises((UnexpectedResponse, grpc.RpcError), match="Limit exceeded 3 > 2"):
        client.upsert(name, POINTS)
    client.upsert(name, POINTS[:2])
    assert client.count(name).count == 2
