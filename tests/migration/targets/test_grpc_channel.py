"""Each code of Qdrant's gRPC is another try, a matter of the key, or a refusal; and so is each status of a write."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from netdoctor.migration.targets.grpc_channel import GrpcTarget
from netdoctor.migration.targets.interface import KeyRefused, TargetRefused, Transient


class Told:
    """What a call ended with, as the library tells it."""

    def __init__(self, code: str, details: str = "", after: str | None = None) -> None:
        self._code, self._details, self._after = grpc.StatusCode[code], details, after

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("retry-after", self._after),) if self._after else ()


@pytest.fixture
def target() -> Iterator[GrpcTarget]:
    """Nobody is asked."""
    opened = GrpcTarget("127.0.0.1:1", authority="q:6334")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        ("INVALID_ARGUMENT", "Wrong input: Vector dimension error: expected dim: 4, got 3", TargetRefused),
        ("UNAUTHENTICATED", "Invalid API key or JWT", KeyRefused),
        ("PERMISSION_DENIED", "Forbidden: Write access to collection c is required", KeyRefused),
        ("PERMISSION_DENIED", 'Limit exceeded 3 > 2 for "upsert limit". Help: Reduce', TargetRefused),
        ("ALREADY_EXISTS", "Wrong input: Collection `c` already exists!", TargetRefused),
        ("DEADLINE_EXCEEDED", "Timeout: Operation 'Search' timed out after 60s", Transient),
        ("FAILED_PRECONDITION", "Storage locked: maintenance", Transient),
        ("FAILED_PRECONDITION", "Pre-condition failure: replicas are not ready", Transient),
        ("INTERNAL", "Service internal error: No space left on device: WAL buffer size", Transient),
        ("INTERNAL", "Wrong input: an older server's word for it", TargetRefused),
        ("RESOURCE_EXHAUSTED", "Rate limiting exceeded: Write rate limit exceeded: Operation requires", Transient),
        ("RESOURCE_EXHAUSTED", "Write rate limit exceeded, please try to split your request", TargetRefused),
        ("UNAVAILABLE", "Shard temporarily unavailable", Transient),
    ],
)
def test_every_code_has_its_meaning(target: GrpcTarget, code: str, details: str, kind: type[Exception]) -> None:
    assert type(target._translate(Told(code, details))) is kind


def test_the_pause_that_is_asked_for_stands_in_the_metadata(target: GrpcTarget) -> None:
    found = target._translate(Told("RESOURCE_EXHAUSTED", "Rate limiting exceeded", "7"))
    assert isinstance(found, Transient)
    assert found.after == 7.0


def test_what_a_key_may_not_do_is_told_in_the_server_s_words(target: GrpcTarget) -> None:
    found = target._translate(Told("PERMISSION_DENIED", "Forbidden: Global manage access is required"))
    assert isinstance(found, KeyRefused)
    assert found.message.endswith("(PERMISSION_DENIED: Forbidden: Global manage access is required).")
    assert "may write there" in found.hint


@pytest.mark.parametrize(
    ("status", "taken"),
    [("Acknowledged", True), ("Completed", True), ("WaitTimeout", True), ("ClockRejected", False)],
)
def test_a_write_that_is_stored_is_taken(
    target: GrpcTarget, monkeypatch: pytest.MonkeyPatch, status: str, taken: bool
) -> None:
    from qdrant_client.grpc import PointsOperationResponse, UpdateResult, UpdateStatus

    result = UpdateResult(operation_id=1, status=UpdateStatus.Value(status))
    monkeypatch.setattr(target, "_call", lambda *_: PointsOperationResponse(result=result))
    if taken:
        target.upsert("c", [])
    else:
        with pytest.raises(Transient, match=status):
            target.upsert("c", [])


def test_a_server_may_know_more_than_its_client(target: GrpcTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    from qdrant_client.grpc import GetCollectionInfoResponse

    reply = GetCollectionInfoResponse()
    reply.result.status = 99  # type: ignore[assignment]
    params = reply.result.config.params.vectors_config.params
    params.size, params.distance, params.datatype = 4, 98, 97  # type: ignore[assignment]
    monkeypatch.setattr(target, "_call", lambda *_: reply)
    state = target.collection("c")
    assert state is not None
    assert (state.dimension, state.metric, state.datatype, state.status) == (4, None, "unknown (97)", "unknown (99)")
