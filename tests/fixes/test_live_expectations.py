"""``netdoctor fix`` without names does what the folder's expectation file asks for, and keeps apart what must be."""

from __future__ import annotations

import pytest

from .live import PORT, incident

pytestmark = pytest.mark.docker


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where netdoctor is typed."""
    made = tmp_path / "here"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def expecting(folder, text, name="netdoctor.yaml"):
    (folder / name).write_text(f"version: 1\n{text}")


def test_what_is_expected_is_fixed(lab, netdoctor, folder):
    case = incident(lab)
    expecting(folder, f"expectations:\n  - {case.app.name} -> {case.qdrant.name}:{PORT}/hosts\n")
    said = netdoctor("fix", "--yes")
    assert said.status == 0, said
    assert case.green()
    assert "Nothing to fix" in netdoctor("fix", "--yes").out
    assert netdoctor("undo", "--yes").status == 0
    assert case.red()


def test_a_fix_that_brings_together_what_must_be_apart_is_rolled_back(lab, netdoctor, folder):
    """The bystander shares the app's network: joining it there would let it reach qdrant."""
    case = incident(lab)
    names = [each["Names"][0].lstrip("/") for each in lab.api.containers()]
    (other,) = [name for name in names if name.endswith("bystander") and lab.suffix in name]
    target = f"{case.qdrant.name}:{PORT}"
    expecting(folder, f"expectations:\n  - {case.app.name} -> {target}/hosts\n  - {other} -x> {target}\n")
    said = netdoctor("fix", "--timeout", "1", "--yes")
    assert said.status == 1, said
    assert "rolled back" in said.out
    assert case.red()
    assert netdoctor("fix", "--isolate", "--timeout", "1", "--yes").status == 0, "a network for two keeps both promises"
    assert netdoctor("undo", "--yes").status == 0


def test_names_win_over_the_file_and_another_file_can_be_named(lab, netdoctor, folder):
    case = incident(lab)
    expecting(folder, "expectations:\n  - nobody -> nothing:1\n")
    assert netdoctor("fix", *case.names, "--dry-run").status == 1
    expecting(folder, f"expectations:\n  - {case.app.name} -> {case.qdrant.name}:{PORT}/hosts\n", "other.yaml")
    assert "ND101" in netdoctor("fix", "--expectations", "other.yaml", "--dry-run").out
    assert netdoctor("fix", *case.names, "--expectations", "other.yaml").status == 2


def test_a_file_that_expects_nothing_or_makes_no_sense_is_said_so(lab, netdoctor, folder):
    expecting(folder, "expectations: []\n")
    assert netdoctor("fix", "--yes").status == 2
    expecting(folder, "expectations:\n  - what\n")
    assert netdoctor("fix", "--yes").status == 2
