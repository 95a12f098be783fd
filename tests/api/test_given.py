"""Wrong kinds of arguments: an error of ours that names the argument, and never a loop without an end."""

from __future__ import annotations

import math

import pytest

import netdoctor
from netdoctor.api import given
from netdoctor.errors import EngineUnreachable, UsageError

SECRET = "hunter2S3cretZq"


@pytest.fixture
def topology(tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text("services:\n  app:\n    image: x\n  db:\n    image: y\n")
    return netdoctor.Topology.from_compose(file)


def test_what_is_of_the_right_kind_is_handed_on(tmp_path):
    assert given.text("source", "app") == "app"
    assert given.path("file", tmp_path) == str(tmp_path)
    assert (given.seconds("wait", 0, zero=True), given.seconds("timeout", 2)) == (0.0, 2.0)
    assert given.codes("only", ["ND101"]) == ("ND101",)


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, "4", None, True])
def test_a_timeout_is_a_finite_number_above_zero(topology, seconds):
    with pytest.raises(UsageError, match=r"timeout is .*, and not a number of seconds above 0"):
        netdoctor.check("app", "db", topology=topology, timeout=seconds)


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, "4"])
def test_a_wait_without_an_end_is_none(topology, seconds):
    with pytest.raises(UsageError, match="wait is"):
        netdoctor.check("app", "db", topology=topology, wait=seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        {"topology": 7},
        {"topology": "app"},
        {"only": [7]},
        {"only": "ND101"},
        {"skip": [None]},
        {"vantage": "evil"},
        {"vantage": ["auto"]},
        {"expectations": 7, "source": None, "target": None},
        {"source": 7},
        {"source": b"app"},
        {"target": 7},
        {"host": 7},
        {"context": b"x"},
    ],
    ids=str,
)
def test_a_check_with_an_argument_of_another_kind(topology, wrong):
    with pytest.raises(UsageError):
        netdoctor.check(**{"source": "app", "target": "db", "topology": topology, **wrong})


@pytest.mark.parametrize("wrong", [None, 7, b"x", "", "nothing\0here", "\x1b[31m"], ids=repr)
def test_a_file_that_is_no_path_or_not_there(wrong):
    for read in (netdoctor.Topology.from_bundle, netdoctor.Topology.from_compose):
        with pytest.raises(UsageError) as told:
            read(wrong)
        assert "\x1b" not in str(told.value)


def test_files_that_are_none(tmp_path, topology):
    for wrong in ([], ["c.yaml", 7], [["c.yaml"]]):
        with pytest.raises(UsageError):
            netdoctor.Topology.from_compose(wrong)
    with pytest.raises(UsageError, match="env_files"):
        netdoctor.Topology.from_compose(tmp_path / "compose.yaml", env_files="x.env")
    with pytest.raises(UsageError, match="profiles"):
        netdoctor.Topology.from_compose(tmp_path / "compose.yaml", profiles="dev")


def test_an_engine_that_is_none_says_no_password_and_no_escape():
    for wrong in (7, f"tcp://u:{SECRET}@127.0.0.1:1", "nope://\x1b[31m", "tcp://[::1"):
        with pytest.raises((UsageError, EngineUnreachable)) as told:
            netdoctor.Topology.from_engine(wrong, timeout=2)
        said = f"{told.value} {told.value.message} {told.value.hint} {told.value!r}"
        assert SECRET not in said
        assert "\x1b" not in said
    with pytest.raises(UsageError, match="timeout"):
        netdoctor.Topology.from_engine(timeout=-1)


def test_assertions_and_reports_of_another_kind(topology):
    with pytest.raises(UsageError, match="source is of type int"):
        netdoctor.assert_reaches(7, topology=topology)
    with pytest.raises(UsageError, match="target is of type int"):
        netdoctor.assert_isolated("web", 7, topology=topology)
    with pytest.raises(UsageError, match="not a Report"):
        netdoctor.render(None)
