"""What is particular to Parquet: its layouts of columns, its types, two files in one."""

from __future__ import annotations

import datetime
import decimal
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.errors import UsageError
from netdoctor.migration.plan import make_plan
from netdoctor.migration.points import Layout
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sources import parquet as module
from netdoctor.migration.sources.interface import Access, open_source
from netdoctor.migration.sources.parquet import Parquet

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def write(path: Path, columns: dict[str, Any], **how: Any) -> Path:
    pq.write_table(pa.table(columns), path, **how)
    return path


def read(path: Path, **options: str) -> list[Record]:
    found = list(Parquet(path, options).records())
    assert all(isinstance(each, Record) for each in found), found
    return found  # type: ignore[return-value]


def faults(path: Path) -> list[str]:
    return [str(each) for each in Parquet(path).records() if isinstance(each, BadRecord)]


FLOATS = [[1.0, 2.5], [3.0, 4.0], [5.0, 6.0]]


@pytest.mark.parametrize("name", ["values", "vector", "embedding"])
@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()),
        pa.list_(pa.float64()),
        pa.list_(pa.float16()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float32(), 2),
        pa.list_(pa.int8()),
    ],
    ids=str,
)
def test_vectors_of_any_list_of_numbers(tmp_path: Path, name: str, kind: Any) -> None:
    numbers = FLOATS if "int" not in str(kind) else [[1, 2], [3, 4], [5, 6]]
    if "halffloat" in str(kind):
        numbers = [[np.float16(x) for x in row] for row in numbers]
    path = write(tmp_path / "e.parquet", {"id": ["a", "b", "c"], name: pa.array(numbers, kind)}, row_group_size=2)
    assert [each.values.tolist() for each in read(path)] == [[float(x) for x in row] for row in numbers]
    (last,) = Parquet(path).records(3)
    assert isinstance(last, Record)
    assert (last.number, last.values.tolist()) == (3, [float(x) for x in numbers[2]])


def test_metadata_as_text_struct_map_or_columns_of_their_own(tmp_path: Path) -> None:
    base = {"id": ["a", "b"], "values": FLOATS[:2]}
    text = write(tmp_path / "1.parquet", {**base, "metadata": ['{"n": 1, "t": ["x"]}', None]})
    struct = write(tmp_path / "2.parquet", {**base, "payload": [{"n": 1, "t": ["x"]}, None]})
    kind = pa.map_(pa.string(), pa.int64())
    mapping = write(tmp_path / "3.parquet", {**base, "metadata": pa.array([[("n", 1)], None], kind)})
    columns = write(tmp_path / "4.parquet", {**base, "n": [1, None], "t": [["x"], None]})
    assert [dict(each.metadata) for each in read(text)] == [{"n": 1, "t": ["x"]}, {}]
    assert [dict(each.metadata) for each in read(struct)] == [{"n": 1, "t": ["x"]}, {}]
    assert [dict(each.metadata) for each in read(mapping)] == [{"n": 1}, {}]
    assert [dict(each.metadata) for each in read(columns)] == [{"n": 1, "t": ["x"]}, {}]


def test_beside_metadata_other_columns_are_reported_as_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", {"id": ["a"], "values": [[1.0]], "metadata": ["{}"], "score": [0.5]})
    assert read(path)[0].left_out == ("score",)
    assert make_plan(Parquet(path), Layout()).left_out == ("score",)


def test_what_tables_have_and_json_has_not(tmp_path: Path) -> None:
    moment = datetime.datetime(2024, 5, 1, 12, 30, tzinfo=datetime.UTC)
    path = write(
        tmp_path / "e.parquet",
        {
            "id": ["a"],
            "values": [[1.0]],
            "when": [moment],
            "day": [moment.date()],
            "price": [decimal.Decimal("1.50")],
            "count": [decimal.Decimal("3")],
            "missing": [float("nan")],
            "inside": [{"x": None, "y": float("nan"), "z": 1}],
            "kind": pa.array(["red"]).dictionary_encode(),
            "big": pa.array([2**63], pa.uint64()),
        },
    )
    (only,) = read(path)
    assert dict(only.metadata) == {
        "when": "2024-05-01T12:30:00+00:00",
        "day": "2024-05-01",
        "price": 1.5,
        "count": 3,
        "inside": {"z": 1},
        "kind": "red",
        "big": 2**63,
    }


def test_ids_may_be_integers_and_uuids(tmp_path: Path) -> None:
    path = write(tmp_path / "1.parquet", {"id": pa.array([5, 2**63], pa.uint64()), "values": FLOATS[:2]})
    assert [each.id for each in read(path)] == ["5", str(2**63)]
    if hasattr(pa, "uuid"):
        one = uuid.UUID("6a15880c-8b29-5463-962c-1c2a0bd1b9c9")
        storage = pa.array([one.bytes], pa.binary(16))
        ids = pa.ExtensionArray.from_storage(pa.uuid(), storage)
        assert [each.id for each in read(write(tmp_path / "2.parquet", {"id": ids, "values": [[1.0]]}))] == [str(one)]


def test_sparse_values_as_a_struct_or_as_two_lists(tmp_path: Path) -> None:
    ids = {"id": ["a", "b"], "values": [[1.0], [2.0]]}
    struct = {**ids, "sparse_values": [{"indices": [7, 3], "values": [0.5, 2.0]}, None]}
    lists = {**ids, "sparse_indices": [[7, 3], None], "sparse_values": [[0.5, 2.0], None]}
    alone = {"id": ["a"], "sparse_values": [{"indices": [7, 3], "values": [0.5, 2.0]}]}
    for number, columns in enumerate((struct, lists, alone)):
        first, *rest = read(write(tmp_path / f"{number}.parquet", columns))
        assert first.sparse is not None
        assert (first.sparse.indices.tolist(), first.sparse.values.tolist()) == ([3, 7], [2.0, 0.5])
        assert [each.sparse for each in rest] == [None] * len(rest)
        assert first.values.tolist() == ([] if number == 2 else [1.0])
    twice = {"id": ["a"], "values": [[1.0]], "sparse_values": [{"indices": [7, 7], "values": [0.5, 2.0]}]}
    assert faults(write(tmp_path / "e.parquet", twice)) == ["record 1: its sparse index 7 is there twice"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"id": ["a"], "values": pa.array([[1.0, None]], pa.list_(pa.float32()))}, "value 1 is null"),
        ({"id": ["a"], "values": [[1.0, float("nan")]]}, "value 1 (nan) does not fit a float32"),
        ({"id": [b"a"], "values": [[1.0]]}, "its id is bytes, not text"),
        ({"id": ["a"], "values": [[1.0]], "metadata": ["[1]"]}, "its metadata is an array, not an object"),
        ({"id": ["a"], "values": [[1.0]], "metadata": ["{"]}, "its metadata is not JSON"),
        ({"id": ["a"], "values": [[1.0]], "x": [b"1"]}, "metadata field 'x' is bytes"),
        ({"id": ["a"], "values": [[1.0]], "x": [float("inf")]}, "metadata field 'x' is not finite"),
        ({"id": ["a"], "values": [[1.0]], "namespace": [5]}, "its namespace is int, not text"),
    ],
)
def test_a_bad_row_is_named_without_a_byte(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    (fault,) = faults(write(tmp_path / "e.parquet", columns))
    assert fault.startswith("record 1: ")
    assert words in fault


@pytest.mark.parametrize(
    ("columns", "words", "hint"),
    [
        ({"name": ["a"], "values": [[1.0]]}, "no column for the id", "id=COLUMN; its columns: name, values"),
        ({"id": ["a"], "emb": [[1.0]]}, "no column for the vector", "vector=COLUMN"),
        ({"id": ["a"], "values": ["[1, 2]"]}, "holds string, not lists of numbers", "vector=COLUMN"),
        ({"id": ["a"], "values": [[["x"]]]}, "not lists of numbers", "vector=COLUMN"),
    ],
)
def test_columns_that_cannot_be_guessed_are_asked_for(
    tmp_path: Path, columns: dict[str, Any], words: str, hint: str
) -> None:
    path = write(tmp_path / "e.parquet", columns)
    with pytest.raises(MalformedExport, match=words) as refused:
        Parquet(path)
    assert hint in refused.value.hint


def test_columns_may_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", {"doc": ["a"], "emb": [[1.0, 2.0]], "n": [1], "tenant": ["t"]})
    source = open_source(path, Access(options={"id": "doc", "vector": "emb", "namespace": "tenant"}))
    (only,) = source.records()
    assert isinstance(only, Record)
    assert (only.id, only.values.tolist(), dict(only.metadata), only.namespace) == ("a", [1.0, 2.0], {"n": 1}, "t")
    with pytest.raises(MalformedExport, match="no column 'nothing'"):
        open_source(path, Access(options={"id": "nothing"}))


def test_two_files_put_together_are_never_read_as_one(tmp_path: Path) -> None:
    first = write(tmp_path / "1.parquet", {"id": ["a", "b"], "values": FLOATS[:2]})
    second = write(tmp_path / "2.parquet", {"id": ["c", "d"], "values": FLOATS[1:]})
    both = tmp_path / "both.parquet"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    with pytest.raises(MalformedExport, match="several Parquet files put together"):
        Parquet(both)
    for page_index in (False, True):  # an index is between data and end, and no seam
        alone = write(tmp_path / "3.parquet", {"id": ["c"], "values": FLOATS[:1]}, write_page_index=page_index)
        assert [each.id for each in read(alone)] == ["c"]


def test_damage_inside_is_told_by_the_record_where_it_begins(tmp_path: Path) -> None:
    rows = 3000
    values = np.random.default_rng(1).random((rows, 8)).tolist()
    path = write(
        tmp_path / "e.parquet",
        {"id": [f"i{n}" for n in range(rows)], "values": values},
        row_group_size=1000,
        compression="zstd",
        use_dictionary=False,
    )
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    *found, last = Parquet(path).records()
    assert isinstance(last, BadRecord) and last.fatal
    assert last.number == len(found) + 1 > 1000
    assert "cannot be read from here on" in last.reason


def test_text_that_is_not_utf_8_costs_its_record(tmp_path: Path) -> None:
    broken = pa.array([b"fine", b"\xff\xfe"]).view(pa.string())
    good = pa.array(["a", "b"])
    for number, (name, words) in enumerate(
        (
            ("id", "its id"),
            ("namespace", "its namespace"),
            ("metadata", "its metadata"),
            ("x", "its metadata field 'x'"),
        )
    ):
        columns = {"id": good, "values": FLOATS[:2], name: broken}
        if name == "metadata":
            columns[name] = pa.array([b"{}", b"\xff\xfe"]).view(pa.string())
        (fault,) = faults(write(tmp_path / f"{number}.parquet", columns))
        assert fault == f"record 2: {words} is not UTF-8"


def test_a_page_that_is_not_as_it_was_written_is_told_where_the_writer_kept_a_sum(tmp_path: Path) -> None:
    columns = {"id": [f"i{n}" for n in range(100)], "values": [[float(n)] * 8 for n in range(100)]}
    path = write(tmp_path / "e.parquet", columns, write_page_checksum=True, use_dictionary=False, compression="none")
    data = path.read_bytes()
    at = data.index(np.array([50.0] * 8).tobytes())
    path.write_bytes(data[: at + 7] + bytes([data[at + 7] ^ 1]) + data[at + 8 :])
    (fault,) = faults(path)
    assert "cannot be read from here on" in fault


def test_without_pyarrow_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "e.parquet", {"id": ["a"], "values": [[1.0]]})

    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(module.importlib, "import_module", absent)
    with pytest.raises(UsageError, match="pyarrow is not installed") as refused:
        Parquet(path)
    assert "docker-netdoctor[parquet]" in refused.value.hint
