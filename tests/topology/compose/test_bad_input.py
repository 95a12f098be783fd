"""Each bad file gets one clear sentence with file and line; none gets a traceback, or passes for healthy."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netdoctor.exits import Exit
from netdoctor.topology.compose import Unreadable, read_compose

from .build import write
from .stacks import BAD, GOOD


@pytest.mark.parametrize("stack", BAD, ids=[stack.name for stack in BAD])
def test_a_bad_project_is_one_sentence_with_file_and_line(stack, tmp_path, monkeypatch):
    monkeypatch.chdir(stack.write(tmp_path))
    with pytest.raises(Unreadable) as error:
        read_compose([stack.use], environment=stack.environment)
    place = error.value.place
    assert place is not None
    assert error.value.message.startswith(f"{place.file}:{place.line}: ")
    assert "\n" not in error.value.message
    assert error.value.hint
    assert error.value.status is Exit.USAGE


SENTENCES = {
    "a folder": ({"x/f": ""}, "x", "x:1: this is a folder, not a file"),
    "no file": ({}, "x", "x:1: the file does not exist"),
    "empty": ({"x": ""}, "x", "x:1: the file is empty"),
    "comments only": ({"x": "# nothing\n"}, "x", "x:1: the file is empty"),
    "a template by name": ({"c.yaml.j2": "services: {}\n"}, "c.yaml.j2", "c.yaml.j2:1: the file is a template"),
    "a template by its text": ({"x": "services:\n  {{ a }}:\n    image: x\n"}, "x", "x:2: the file is a template"),
    "no services": ({"x": "networks: {}\n"}, "x", "x:1: the file declares no services, so there is nothing to judge"),
    "services null": ({"x": "name: a\nservices:\n"}, "x", "x:2: the file declares no services"),
    "v1": ({"x": "web:\n  image: x\n"}, "x", "x:1: the file has no services section"),
    "huge": ({"x": b"#" * (9 << 20)}, "x", "x:1: the file has more than 8 MB"),
    "binary": ({"x": b"\x7fELF\x00\x00"}, "x", "x:1: the file is"),
    "an env file that is a folder": ({"x": "services:\n  a:\n    image: x\n    env_file: d\n", "d/f": ""}, "x",
                                     "x:4: d is a folder, not a file"),
    "an env file with a bad line": ({"x": "services:\n  a: {image: x, env_file: e}\n", "e": "A=1\nno good\n"}, "x",
                                    "e:2: 'no good' is no NAME=VALUE line"),
    "an include without a file": ({"x": "include:\n  - {env_file: e}\nservices: {a: {image: x}}\n"}, "x",
                                  "x:2: include names no file"),
    "extends a file of no services": ({"x": "services:\n  a: {extends: {file: y, service: b}}\n", "y": "a: 1\n"}, "x",
                                      "x:2: service 'a' extends 'b', which does not exist in y"),
    "circle over two files": ({"x": "services:\n  a: {extends: {file: y, service: b}}\n",
                               "y": "services:\n  b: {extends: {file: x, service: a}}\n"}, "x",
                              "x:2: service 'a' extends itself"),
    "an environment of lists": ({"x": "services:\n  a:\n    image: x\n    environment: [[a]]\n"}, "x",
                                "x:4: environment of service 'a' is neither a mapping nor a list of texts"),
    "networks of a text": ({"x": "services:\n  a:\n    image: x\n    networks: front\n"}, "x",
                           "x:4: networks of service 'a' is neither"),
    "top networks of a list": ({"x": "services:\n  a: {image: x}\nnetworks: [a]\n"}, "x",
                               "x:3: networks is not a mapping"),
}  # fmt: skip


@pytest.mark.parametrize("case", SENTENCES)
def test_the_sentence(case, tmp_path, monkeypatch):
    files, name, sentence = SENTENCES[case]
    monkeypatch.chdir(write(tmp_path, files))
    with pytest.raises(Unreadable) as error:
        read_compose([[name]], environment={})
    assert error.value.message.startswith(sentence)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, {"x": "services: {}\n"}))
    (tmp_path / "x").chmod(0)
    with pytest.raises(Unreadable, match="cannot be read"):
        read_compose([["x"]], environment={})


def test_names_that_would_steer_a_terminal_come_as_escapes(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, {"x": 'services:\n  "a\\e[31m\\n": {image: x, networks: [no]}\n'}))
    with pytest.raises(Unreadable) as error:
        read_compose([["x"]], environment={})
    assert "\x1b" not in error.value.message
    assert "\n" not in error.value.message


def test_a_pipe_is_read_like_a_file(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"services:\n  a: {image: x}\n")
    os.close(writing)
    try:
        found = read_compose([[f"/dev/fd/{reading}"]], environment={})
    finally:
        os.close(reading)
    assert [each.service for each in found.containers] == ["a"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_gives_a_topology_or_a_sentence(data, tmp_path, monkeypatch):
    """Cut, doubled and swapped pieces of good files: anything but these two outcomes is a defect."""
    monkeypatch.chdir(tmp_path)
    text = data.draw(st.sampled_from([stack.files["compose.yaml"] for stack in GOOD]))
    lines = text.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "double", "indent", "cut", "junk"]))
        if what == "drop":
            lines.pop(at)
        elif what == "double":
            lines.insert(at, lines[at])
        elif what == "indent":
            lines[at] = "  " + lines[at]
        elif what == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
        else:
            lines[at] += data.draw(st.sampled_from(["[", "}", ": x", "${", " &a", " *a", "\t", "- y", "'", " !reset"]))
        lines = lines or [""]
    (tmp_path / "compose.yaml").write_text("\n".join(lines), "utf-8")
    try:
        found = read_compose([["compose.yaml"]], environment={})
    except Unreadable as error:
        assert error.message.partition(":")[0]
    else:
        assert found.containers
