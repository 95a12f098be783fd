"""Files in a temporary folder, read from there."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from netdoctor.model import Container, Topology
from netdoctor.topology.compose import read_compose


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    return folder


def read(text: str | bytes, folder: Path, **options: Any) -> Topology:
    """One file, compose.yaml, in ``folder`` (which must be the current one)."""
    write(folder, {"compose.yaml": text})
    return read_compose([["compose.yaml"]], environment=options.pop("environment", {}), **options)


def service(topology: Topology, name: str) -> Container:
    (found,) = [each for each in topology.containers if each.service == name]
    return found
