"""Whoever reads an export and is forgotten half-way is closed by the garbage collector, wherever that may run."""

from __future__ import annotations

import gc
import json
import threading
from pathlib import Path

from netdoctor.migration.sources.export_json import ExportJson


def test_a_forgotten_reader_is_closed_while_another_thread_begins(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"id": str(n), "values": [0.5, 1.5]} for n in range(5000)]))
    records = ExportJson(path).records()
    next(iter(records))
    in_a_circle = [records]
    in_a_circle.append(in_a_circle)
    del records, in_a_circle
    # What Python holds while it begins a thread; to wait there for the end of another is to wait for ever.
    lock = getattr(threading, "_shutdown_locks_lock", threading.Lock())

    def collect() -> None:
        with lock:
            gc.collect()

    collector = threading.Thread(target=collect, daemon=True)
    collector.start()
    collector.join(20)
    assert not collector.is_alive()
