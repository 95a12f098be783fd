"""Run in a mount namespace of its own: commands whose file lies on a disk that is full, or that nobody may write to.

stdin: JSON, a list of [how, words, what lies there already]; ``FILE`` in a word is the path that is written to.
stdout: JSON, for each the status, stdout, stderr, and what the folder holds in the end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from cli.conftest import netdoctor

ROOM = "65536"
"""Bytes of the disk."""


def prepared(disk: Path, how: str, there: dict[str, str]) -> Path:
    """The folder that the file is to lie in."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", disk], check=True)
    for name, text in there.items():
        (disk / name).write_text(text)
    if how == "a-folder":
        for ending in ("", ".json", ".jsonl", ".parquet"):
            (disk / f"file{ending}").mkdir()
    elif how == "full":
        with (disk / "filling").open("wb", buffering=0) as filling:
            try:
                while True:
                    filling.write(b"x" * 4096)
            except OSError:
                pass
    elif how == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    return disk / "nowhere" if how == "missing" else disk


def main() -> None:
    disk = Path(sys.argv[1])
    results = []
    for how, words, there in json.loads(sys.stdin.read()):
        folder = prepared(disk, how, there)
        ended = netdoctor(*(word.replace("FILE", str(folder / "file")) for word in words), env=dict(os.environ))
        held = {each.name: each.read_text("utf-8", "replace")[:100] for each in disk.iterdir() if each.is_file()}
        held.pop("filling", None)
        results.append([ended.status, ended.out, ended.err, held])
        subprocess.run(["umount", "--lazy", disk], check=True)
    print(json.dumps(results))


main()
