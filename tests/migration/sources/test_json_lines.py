"""What is particular to JSON Lines; what is true of every file is in test_every_file.py."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netdoctor.errors import UsageError
from netdoctor.migration import unpack
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.sources.interface import open_source
from netdoctor.migration.sources.json_lines import JsonLines

GOOD = '{"id": "a", "values": [1, 2.5]}'


def read(path: Path, data: bytes) -> list[str]:
    """Ids, and what is wrong."""
    path.write_bytes(data)
    return [
        each.id if isinstance(each, Record) else f"{each.number} byte {each.offset}: {each.reason}"
        for each in JsonLines(path).records()
    ]


@pytest.mark.parametrize(
    ("name", "head"),
    [("e", GOOD), ("e.json", GOOD), ("e.txt", "\ufeff\n " + GOOD), ("e.jsonl", ""), ("e.ndjson", "oops")],
)
def test_it_is_recognised_by_its_first_character_else_by_its_name(tmp_path: Path, name: str, head: str) -> None:
    path = tmp_path / name
    path.write_text(head, "utf-8")
    assert isinstance(open_source(path), JsonLines)
    path.write_text("[]")
    assert isinstance(open_source(path), ExportJson)


def test_a_bad_line_is_named_by_number_and_byte_and_costs_one_record(tmp_path: Path) -> None:
    lines = [GOOD, '{"id": "b", "values": [1, 2', "", "oops", '{"id": 5}', GOOD.replace('"a"', '"c"')]
    data = "\r\n".join(lines).encode()
    found = read(tmp_path / "e.jsonl", data)
    assert found == [
        "a",
        f"2 byte {data.index(b'{', 5)}: the record does not end on its line",
        f"3 byte {data.index(b'oops')}: the line is not an object",
        f"4 byte {data.index(b'{', data.index(b'oops'))}: its id is a number, not a string",
        "c",
    ]


def test_files_put_together_are_one(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    one = b"\xef\xbb\xbf" + GOOD.encode()
    assert read(path, one + b"\n" + one + b"\n") == ["a", "a"]
    assert read(path, GOOD.encode() + GOOD.encode() + b" " + GOOD.encode()) == ["a", "a", "a"]
    assert read(path, gzip.compress(one + b"\n") + gzip.compress(GOOD.encode())) == ["a", "a"]


def test_a_pretty_printed_object_is_told_as_what_it_is(tmp_path: Path) -> None:
    found = read(tmp_path / "e.jsonl", json.dumps(json.loads(GOOD), indent=1).encode())
    assert found[0] == "1 byte 0: the record does not end on its line"


def test_a_packed_file_that_is_damaged_gives_what_is_before_the_damage(tmp_path: Path) -> None:
    data = gzip.compress((GOOD + "\n").encode() * 5000)
    path = tmp_path / "e.jsonl.gz"
    path.write_bytes(data[: len(data) // 2])
    *whole, last = JsonLines(path).records()
    assert whole and all(isinstance(each, Record) for each in whole)
    assert isinstance(last, BadRecord) and last.fatal
    assert "truncated" in last.reason


def test_without_zstandard_it_is_said_before_anything_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "e.jsonl.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(30))
    monkeypatch.setattr(unpack, "_zstd_module", lambda: None)
    with pytest.raises(UsageError, match="Zstandard"):
        open_source(path)


MEMORY = """
import sys
from pathlib import Path
from netdoctor.migration.sources.interface import open_source

def peak():  # of this program alone, in kilobytes: what getrusage says begins with the parent's
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

list(open_source(sys.argv[1]).records())
before = peak()
found = sum(1 for each in open_source(sys.argv[2]).records())
print(found, peak() - before)
"""


@pytest.mark.parametrize("kind", ["one line of many records", "one record without an end", "an array on one line"])
def test_memory_does_not_grow_with_the_line(tmp_path: Path, kind: str) -> None:
    """100 MB on a single line, packed to next to nothing; 10 GB take as much memory (NETDOCTOR_LONG_LINE=10000)."""
    megabytes = int(os.environ.get("NETDOCTOR_LONG_LINE", "100"))
    record = b'{"id": "a", "values": [' + b"0.5, " * 2000 + b"0.5]}"
    head, piece, tail = {
        "one line of many records": (b"", record, b""),
        "one record without an end": (b'{"id": "a", "values": [', b"0.5, " * 2000, b""),
        "an array on one line": (b"[", record + b", ", record + b"]"),
    }[kind]
    path, small = tmp_path / "long.json.gz", tmp_path / "small.json"
    block = piece * (-(-(1 << 20) // len(piece)))
    with gzip.open(path, "wb", 1) as file:
        file.write(head)
        for _ in range(megabytes):
            file.write(block)
        file.write(tail)
    small.write_bytes(record + b"\n")
    command = [sys.executable, "-c", MEMORY, str(small), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    found, kilobytes = map(int, done.stdout.split())
    assert found == (1 if kind == "one record without an end" else megabytes * (len(block) // len(piece)) + bool(tail))
    assert kilobytes < 100_000
