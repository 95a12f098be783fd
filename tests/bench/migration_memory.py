"""How much memory a migration takes: the largest summed PSS of its process tree, at several sizes of export.

``python tests/bench/migration_memory.py [MEGABYTES ...]``. Budget: under 200 MB, and the same at every size. The lab's
server runs beside it and is not counted.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_migration import Case, server, write_export

BUDGET = 200.0
_BYTES = 13_700
"""Of a record of 1024 dimensions in the export."""


def tree(root: int) -> list[int]:
    """A process and all that it started."""
    found = [root]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    return found


def pss(root: int) -> float:
    """Megabytes, shared pages by their share."""
    total = 0
    for process in tree(root):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def run(export: Path, url: str, grpc: int, folder: Path) -> tuple[float, float]:
    """Largest PSS in MB, and seconds."""
    command = [sys.executable, "-m", "netdoctor", "migrate", str(export), "--to", url, "--grpc-port", str(grpc)]
    command += ["--strip-prefix", "user_", "--quiet", "--no-space-check", "--restart"]
    environment = {**os.environ, "NETDOCTOR_STATE_DIR": str(folder)}
    began, most = time.monotonic(), 0.0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, pss(process.pid))
            time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"the migration ended with {process.returncode}")
    return most, time.monotonic() - began


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [30, 300]
    print("memory of netdoctor migrate, gRPC, 1024 dimensions: largest summed PSS of the process tree")
    with tempfile.TemporaryDirectory(prefix="netdoctor-bench-") as place:
        for size in sizes:
            folder = Path(place) / str(size)
            folder.mkdir()
            export = folder / "export.json"
            write_export(export, Case(size * 1_000_000 // _BYTES, 1024, 4.0))
            with server(folder) as address:
                most, seconds = run(export, address.url, address.grpc or 0, folder)
            word = "ok" if most < BUDGET else "NOT MET"
            written = export.stat().st_size / 1e6
            print(
                f"  {written:8.0f} MB of export {most:8.0f} MB  < {BUDGET:g} MB  {word}  ({seconds:.0f} s)", flush=True
            )
            export.unlink()


if __name__ == "__main__":
    main()
