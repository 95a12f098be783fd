"""Every malformed record is named by number and byte offset."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.errors import UsageError
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sources.export_json import ExportJson, read_records
from netdoctor.migration.sources.interface import SOURCES, open_source

GOOD: dict[str, Any] = {"id": "a", "values": [1, 2.5], "metadata": {"k": "v"}, "namespace": "n"}


def read(text: str | bytes) -> list[Record | BadRecord]:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return list(read_records(io.BytesIO(data)))


def test_a_record_has_its_number_offset_size_and_float32_values() -> None:
    text = f"[{json.dumps(GOOD)},\n {json.dumps({'id': 'é', 'values': [0.1]})}]"
    first, second = read(text)
    assert isinstance(first, Record) and isinstance(second, Record)
    assert (first.number, first.offset, first.id, first.namespace, dict(first.metadata)) == (1, 1, "a", "n", {"k": "v"})
    assert first.values.dtype == np.float32
    assert first.values.tolist() == [1.0, 2.5]
    data = text.encode()
    assert json.loads(data[second.offset : second.offset + second.size])["id"] == "é"
    assert (second.number, second.namespace, second.metadata) == (2, "", {})
    assert second.values.tolist() == [np.float32(0.1)]


@pytest.mark.parametrize("namespace", [None, "", "__default__"])
def test_the_default_namespace_is_the_empty_one(namespace: str | None) -> None:
    (only,) = read(json.dumps([{**GOOD, "namespace": namespace}]))
    assert isinstance(only, Record)
    assert only.namespace == ""


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ('{"values": [1]}', "no id"),
        ('{"id": null, "values": [1]}', "no id"),
        ('{"id": 5, "values": [1]}', "id is a number, not a string"),
        ('{"id": "a"}', "no values"),
        ('{"id": "a", "values": null}', "values are null, not an array"),
        ('{"id": "a", "values": "x"}', "values are a string"),
        ('{"id": "a", "values": {}}', "values are an object"),
        ('{"id": "a", "values": []}', "values are empty"),
        ('{"id": "a", "values": [1, "2"]}', "value 1 is a string"),
        ('{"id": "a", "values": [1, null]}', "value 1 is null"),
        ('{"id": "a", "values": [1, true]}', "value 1 is true or false"),
        ('{"id": "a", "values": [[1]]}', "value 0 is an array"),
        ('{"id": "a", "values": [1, NaN]}', "NaN is not JSON"),
        ('{"id": "a", "values": [-Infinity]}', "-Infinity is not JSON"),
        ('{"id": "a", "values": [1e39]}', "value 0 .* does not fit a float32"),
        ('{"id": "a", "values": [1e999]}', "does not fit a float32"),
        ('{"id": "a", "values": [' + "9" * 400 + "]}", "does not fit a float32"),
        ('{"id": "a", "values": [1], "namespace": 5}', "namespace is a number"),
        ('{"id": "a", "values": [1], "metadata": [1]}', "metadata is an array"),
        ('{"id": "\\ud800", "values": [1]}', "its id holds a lone surrogate"),
        ('{"id": "a", "values": [1], "namespace": "\\uDFFF"}', "its namespace holds a lone surrogate"),
        ('{"id": "a", "values": [1], "metadata": {"k": ["\\ud83d"]}}', "its metadata holds a lone surrogate"),
        ('{"id": "a", "values": [1], "metadata": {"\\udc00": 1}}', "its metadata holds a lone surrogate"),
        (
            '{"id": "a", "values": [1], "sparse_values": {"indices": [1, 1], "values": [1, 2]}}',
            "sparse index 1 is there",
        ),
        ('{"id": "a", "values": [1], "sparse_values": {"indices": [1], "values": []}}', "1 indices and 0 values"),
        ('{"id": "a", "values": [1], "sparse_values": [1]}', "sparse values are an array"),
        ('{"id": "a", "values": [], "sparse_values": {"indices": [], "values": []}}', "values are empty"),
        ('{"id": "a", "values": [1], "metadata": {"k": ' + "[" * 300 + "]" * 300 + "}}", "more than 100 levels"),
        ('{"id": "a" "values": [1]}', "not JSON"),
        ('{"id": "a", "values": [1]]}', "not JSON"),
        ('{"id": "a", "values": [1], "m": ' + "[" * 100000 + "]" * 100000 + "}", "nested too deeply"),
        ('{"id": "a", "values": [' + "1" * 5000 + "]}", "number that cannot be read"),
    ],
)
def test_a_bad_record_is_named_and_the_good_one_before_it_is_read(broken: str, words: str) -> None:
    head = f"[{json.dumps(GOOD)}, "
    first, bad, *rest = read(f"{head}{broken}, {json.dumps(GOOD)}]")
    assert isinstance(first, Record)
    assert isinstance(bad, BadRecord)
    assert bad.number == 2
    assert len(head) <= bad.offset <= len(head) + len(broken)
    import re

    assert re.search(words, bad.reason), bad.reason
    if not bad.fatal and not any(isinstance(thing, BadRecord) for thing in rest):
        assert [type(thing) for thing in rest] == [Record]


def test_the_offset_of_a_syntax_error_counts_bytes_not_characters() -> None:
    text = '[{"id": "ééé", "values": [1] oops}]'
    (bad,) = read(text)
    assert isinstance(bad, BadRecord)
    assert bad.offset == text.encode().index(b"oops")


def test_a_pair_of_surrogates_is_text() -> None:
    (only,) = read('[{"id": "\\ud83d\\ude00", "values": [1]}]')
    assert isinstance(only, Record)
    assert only.id == "\U0001f600"


def test_bytes_that_are_not_utf_8_are_named() -> None:
    data = b'[{"id": "\xff", "values": [1]}]'
    (bad,) = read(data)
    assert isinstance(bad, BadRecord)
    assert (bad.offset, bad.reason) == (data.index(b"\xff"), "it is not UTF-8")


def test_a_truncated_file_gives_its_whole_records_and_one_fatal_fault() -> None:
    text = json.dumps([GOOD, GOOD, GOOD])
    cut = text.rindex('"values"')
    *whole, bad = read(text[:cut])
    assert [type(thing) for thing in whole] == [Record, Record]
    assert isinstance(bad, BadRecord)
    assert (bad.number, bad.fatal) == (3, True)
    assert bad.offset == text.rindex("{", 0, text.rindex('"metadata"') - 20)
    assert f"at byte {cut}" in bad.reason


def test_keys_without_meaning_are_reported() -> None:
    (only,) = read(json.dumps([{**GOOD, "score": 0.5, "sparse_values": {}}]))
    assert isinstance(only, Record)
    assert only.left_out == ("score",)


def test_sparse_values_stand_beside_or_instead_of_values() -> None:
    pairs = {"indices": [7, 3], "values": [0.5, 2]}
    both, alone, camel = read(
        json.dumps(
            [
                {**GOOD, "sparse_values": pairs},
                {"id": "s", "sparse_values": pairs},
                {"sparseValues": pairs, "id": "c", "values": [1, 2.5]},
            ]
        )
    )
    for each in (both, alone, camel):
        assert isinstance(each, Record) and each.sparse is not None
        assert (each.sparse.indices.tolist(), each.sparse.values.tolist()) == ([3, 7], [2.0, 0.5])
        assert each.values.tolist() == ([] if each is alone else [1.0, 2.5])


def test_other_exporters_names_are_understood_where_the_usual_are_not_there() -> None:
    first, second = read(
        json.dumps([{"id": "a", "vector": [1, 2], "payload": {"k": 1}}, {"id": "b", "values": [3], "embedding": [4]}])
    )
    assert isinstance(first, Record) and isinstance(second, Record)
    assert (first.values.tolist(), dict(first.metadata), first.left_out) == ([1, 2], {"k": 1}, ())
    assert (second.values.tolist(), second.left_out) == ([3], ("embedding",))


def test_ids_with_control_characters_are_ids() -> None:
    (only,) = read('[{"id": "a\\u0000\\n\\u202e", "values": [1]}]')
    assert isinstance(only, Record)
    assert only.id == "a\x00\n\u202e"


def test_the_digest_is_of_the_whole_file_and_changes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([GOOD]))
    source = ExportJson(path)
    assert len(list(source.records())) == 1
    digest, stamp = source.digest(), source.stamp()
    assert digest
    list(source.records())
    assert (source.digest(), source.stamp()) == (digest, stamp)
    path.write_text(json.dumps([GOOD]) + " ")
    list(source.records())
    assert source.digest() != digest
    assert source.stamp() != stamp


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        ExportJson(tmp_path / "nothing.json")
    with pytest.raises(UsageError, match="directory"):
        ExportJson(tmp_path)


def test_the_source_is_registered_and_opens_arrays(tmp_path: Path) -> None:
    assert "export-json" in SOURCES
    assert SOURCES.home("export-json").endswith("export_json")
    path = tmp_path / "e"
    for text in ("[]", "\ufeff \n [", ""):
        path.write_text(text, "utf-8")
        assert isinstance(open_source(path), ExportJson)
    kind = SOURCES.get("export-json")
    assert kind.recognises(path, b"\xef\xbb\xbf\n[")
    assert not kind.recognises(path, b'{"id": 1}')
    with pytest.raises(UsageError, match="No such file"):
        open_source(tmp_path / "absent")


def test_reading_goes_on_at_any_record_with_the_same_numbers(tmp_path: Path) -> None:
    path = tmp_path / "e.json"
    path.write_text(" [" + " ,\n".join(json.dumps({**GOOD, "id": f"é{n}"}) for n in range(300)) + "] ")
    source = ExportJson(path)
    whole = [record for record in source.records() if isinstance(record, Record)]
    digest = source.digest()
    for at in (0, 1, 150, 299):
        cursor = json.loads(json.dumps(source.cursor(whole[at])))
        rest = [record for record in source.records(cursor) if isinstance(record, Record)]
        assert [(r.number, r.offset, r.id) for r in rest] == [(r.number, r.offset, r.id) for r in whole[at:]]
    assert source.digest() == digest
    assert not source.live


def test_a_break_behind_the_place_is_told_with_its_number_and_a_place_of_another_kind_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "e.json"
    path.write_text("[" + ",".join(json.dumps({**GOOD, "id": str(n)}) for n in range(5)) + ', {"id": ')
    source = ExportJson(path)
    third = [record for record in source.records() if isinstance(record, Record)][2]
    *_, last = source.records(source.cursor(third))
    assert isinstance(last, BadRecord)
    assert (last.number, last.fatal) == (6, True)
    for cursor in ("token", [1], {"page": 1}, [0, 0], [1, -1]):
        with pytest.raises(MalformedExport, match="another kind of source"):
            next(iter(source.records(cursor)))
