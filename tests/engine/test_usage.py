"""What a container uses, from a real engine: processor time grows with work, disk with what is written."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from netdoctor.engine.usage import disk, processor_and_memory
from netdoctor.errors import Gone

pytestmark = pytest.mark.docker


def inside(container: Any, *words: str) -> None:
    subprocess.run(["docker", "exec", container.id, *words], check=True, timeout=60, capture_output=True)


def test_processor_memory_and_disk_are_told_and_grow(lab: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    container = lab.container("busybox", binds=[f"{tmp_path}:/data"], tmpfs={"/quick": ""}, mem_limit="64m")
    before = processor_and_memory(lab.engine, container.id)
    stored = disk(lab.engine, container.id)
    assert before.cpu is not None and before.memory is not None and before.memory > 0 and stored is not None
    assert before.limit == 64 << 20
    inside(container, "sh", "-c", "dd if=/dev/zero of=/own bs=1M count=3; dd if=/dev/zero of=/data/more bs=1M count=2")
    inside(container, "sh", "-c", "dd if=/dev/zero bs=1M count=200 | md5sum; dd if=/dev/zero of=/quick/x bs=1M count=1")
    after = processor_and_memory(lab.engine, container.id)
    assert after.cpu is not None and after.cpu > before.cpu
    assert (disk(lab.engine, container.id) or 0) - stored >= 5_000_000


def test_what_cannot_be_looked_into_is_not_known_and_what_is_gone_is_said(lab: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    container = lab.container("busybox", binds=[f"{folder}:/data"])
    folder.rmdir()
    assert disk(lab.engine, container.id) is None
    with pytest.raises(Gone):
        processor_and_memory(lab.engine, "0" * 64)
    assert disk(lab.engine, "0" * 64) is None
