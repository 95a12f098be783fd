"""The room where a container keeps its data: the file system of its mount."""

from __future__ import annotations

import os
from typing import Any

from netdoctor.engine.space import free_at


class Remote:
    on_this_machine = False


class Told:
    on_this_machine = True

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told

    def inspect_container(self, container: str) -> dict[str, Any]:
        return self.told


def test_a_remote_engines_disks_cannot_be_seen() -> None:
    assert free_at(Remote(), "c", "/data") is None  # type: ignore[arg-type]


def test_the_mount_that_holds_the_folder_decides(tmp_path: Any) -> None:
    state = os.statvfs("/proc")  # a file system without room, to be told apart
    mounts = [
        {"Destination": "/qdrant", "Source": str(tmp_path)},
        {"Destination": "/qdrant/storage", "Source": "/proc"},
        {"Destination": "/qdrant/storage-other", "Source": str(tmp_path)},
    ]
    told = Told({"Mounts": mounts, "GraphDriver": {"Data": {"UpperDir": str(tmp_path)}}})
    assert free_at(told, "c", "/qdrant/storage") == state.f_bavail * state.f_frsize  # type: ignore[arg-type]
    own = free_at(told, "c", "/elsewhere")  # type: ignore[arg-type]
    assert own is not None and own > 0
    assert free_at(Told({"Mounts": [{"Destination": "/d", "Source": "/no/such"}]}), "c", "/d/x") is None  # type: ignore[arg-type]
    assert free_at(Told({}), "c", "/d") is None  # type: ignore[arg-type]
