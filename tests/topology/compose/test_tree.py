"""Nodes stand where they are written, and hostile files are refused with a line, never with a crash."""

from __future__ import annotations

import pytest

from netdoctor.model import Place
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.tree import MAX_DEPTH, documents


def root(text: str | bytes):
    (found,) = documents(text.encode() if isinstance(text, str) else text, "f.yaml")
    return found


def test_every_node_knows_its_line_and_column():
    tree = root("a:\n  b: 1\n  'c':\n    - x\n    -   y\n")
    assert tree.get("a").place == Place("f.yaml", 1, 1)
    assert tree.get("a", "b").place == Place("f.yaml", 2, 3)
    assert [item.place for item in tree.get("a", "c").items] == [Place("f.yaml", 4, 7), Place("f.yaml", 5, 9)]


@pytest.mark.parametrize(
    "text", ["a:\n  b: 1\n", "\ufeffa:\n  b: 1\n", "a:\r\n  b: 1\r\n", "a:\r  b: 1\r", "a:\n  b: 1"]
)
def test_byte_order_mark_and_line_endings_move_nothing(text):
    tree = root(text)
    assert (tree.get("a").place.column, tree.get("a", "b").place) == (1, Place("f.yaml", 2, 3))
    assert tree.string("a", "b") == "1"


def test_columns_count_characters_not_bytes():
    assert root("{é: 1, b: 2}\n").get("b").place == Place("f.yaml", 1, 8)


def test_scalars_stay_the_text_that_was_written():
    tree = root("a: 010\nb: yes\nc: 1e3\nd: ~\ne:\nf: ''\ng: 'null'\nh: 2020-01-01\n")
    assert {key: node.value for key, node in tree.fields.items()} == {
        "a": "010", "b": "yes", "c": "1e3", "d": None, "e": None, "f": "", "g": "null", "h": "2020-01-01",
    }  # fmt: skip


def test_merge_keys_give_what_is_not_there_and_keep_their_place():
    tree = root("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: own\n")
    found = tree.get("z").fields
    assert {key: node.text for key, node in found.items()} == {"a": "own", "b": "2", "c": "4"}
    assert found["b"].place.line == 1
    assert found["a"].place.line == 5


def test_an_alias_stands_where_it_is_used_and_its_parts_where_they_are_written():
    tree = root("x: &x\n  a: 1\ny: *x\n")
    assert tree.get("y").place.line == 3
    assert tree.get("y", "a").place.line == 2


def test_own_tags_are_kept_and_standard_ones_are_not():
    tree = root("a: !reset null\nb: !override [1]\nc: !!str 5\n")
    assert [tree.fields[key].tag for key in "abc"] == ["!reset", "!override", None]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, "'a' is there twice"),
        ("s:\n  b: {c: 1, c: 2}\n", 2, "'c' is there twice"),
        ("x: &x {a: 1}\ny: {<<: *x, <<: *x}\n", 2, "twice"),
        ("a:\n\tb: 1\n", 2, "tab"),
        ("a: [1, 2\nb: 3\n", 2, "not valid YAML"),
        ("a: *b\n", 1, "before it is defined"),
        ("a: &a\n  b: *a\n", 2, "contains itself"),
        ("a:\n  {{ .Values.x }}: 1\n", 2, "template"),
        ("{% if x %}\na: 1\n{% endif %}\n", 1, "template"),
        ("a: {<<: [1]}\n", 1, "merge key"),
        ("? [a]\n: b\n", 1, "template"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        (b"\xff\xfea\x00:\x00", 1, "not UTF-8"),
        ("a: 1\nb: \x00\n", 2, "binary"),
        ("a: 1\n\ufeffb: 2\n", 2, "byte order mark"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, line, words):
    with pytest.raises(Unreadable, match=words) as error:
        root(text)
    assert error.value.message.startswith(f"f.yaml:{line}: ")
    assert error.value.hint


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_depth_is_bounded(opening):
    with pytest.raises(Unreadable, match=r"too deep|not valid"):
        root(opening * (MAX_DEPTH * 50))


def test_aliases_that_expand_without_measure_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(Unreadable, match="too large"):
        root("\n".join(lines))


def test_several_documents_come_in_order_and_empty_ones_not_at_all():
    found = documents(b"a: 1\n---\n---\nb: 2\n...\n---\n# nothing\n", "f.yaml")
    assert [list(each.fields) for each in found] == [["a"], ["b"]]
