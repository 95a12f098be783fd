"""Snapshots over gRPC: made, listed, deleted. They are fetched and put back over REST only, as in Qdrant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import snapshots
from .errors import NotFound
from .grpc_api import call, messages

if TYPE_CHECKING:
    from .store import Store


class Snapshots(messages.SnapshotsServicer):  # type: ignore[misc]
    def __init__(self, store: Store) -> None:
        self._store = store

    @call
    def Create(self, request: Any) -> Any:
        made = snapshots.create(self._store, request.collection_name)
        return messages.CreateSnapshotResponse(snapshot_description=_described(made))

    @call
    def List(self, request: Any) -> Any:
        found = snapshots.listed(self._store, request.collection_name)
        return messages.ListSnapshotsResponse(snapshot_descriptions=[_described(each) for each in found])

    @call
    def Delete(self, request: Any) -> Any:
        found = snapshots.listed(self._store, request.collection_name)
        if request.snapshot_name not in {each["name"] for each in found}:
            raise NotFound(f"Not found: Snapshot {request.snapshot_name} not found")
        snapshots._file(self._store, request.collection_name, request.snapshot_name).unlink()
        return messages.DeleteSnapshotResponse()


def _described(snapshot: dict[str, Any]) -> Any:
    return messages.SnapshotDescription(name=snapshot["name"], size=snapshot["size"], checksum=snapshot["checksum"])
