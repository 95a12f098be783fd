"""netdoctor.yaml on the command line; engines and containers that go away in the middle."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable

import pytest
from fake_engine import Answer
from topology.inspects import full

from netdoctor.cli._progress import progress_line
from netdoctor.cli.settings import Settings
from netdoctor.edges.expectation_file import parse

from .conftest import in_a_child, netdoctor

FILE = "version: 1\nexpectations:\n"


@pytest.fixture
def write(tmp_path, monkeypatch) -> Callable[..., None]:
    """``write(line, ...)``: the expectations of the current folder."""
    monkeypatch.chdir(tmp_path)

    def written(*lines: str, name: str = "netdoctor.yaml", head: str = FILE) -> None:
        (tmp_path / name).write_text(head + "".join(f"  - {line}\n" for line in lines))

    return written


def edges(ended):
    return {edge["edge"]: edge for edge in json.loads(ended.out)["edges"]}


def later(first, then):
    """The first answer once, the other ever after."""
    told = []

    def answer():
        told.append(1)
        return first if len(told) == 1 else then

    return answer


def test_check_without_arguments_takes_the_file_of_this_folder(host, write):
    write("app -> db:5432", "app -x> ghost:1")
    ended = netdoctor("check", "-H", host, "--format", "json", "--timeout", "0.2")
    assert ended.status == 3
    asked = edges(ended)
    assert set(asked) == {"app -> db:5432", "app -x> ghost:1"}
    assert (asked["app -> db:5432"]["expectation"], asked["app -x> ghost:1"]["expectation"]) == (
        "reachable",
        "isolated",
    )
    assert "no container named 'ghost'" in asked["app -x> ghost:1"]["reason"]
    assert asked["app -> db:5432"]["written"] == {"file": "netdoctor.yaml", "line": 3, "column": 5}


def test_a_named_file_wins_and_names_make_the_file_moot(host, write):
    write("app -> db:1")
    write("app -> db:2", name="other.yaml")
    words = ["check", "-H", host, "--format", "json", "--timeout", "0.2"]
    assert set(edges(netdoctor(*words, "--expectations", "other.yaml"))) == {"app -> db:2"}
    assert set(edges(netdoctor(*words, env={"NETDOCTOR_EXPECTATIONS": "other.yaml"}))) == {"app -> db:2"}
    assert set(edges(netdoctor(*words, "app", "db:3"))) == {"app -> db:3"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "--expectations", "none.yaml"], "none.yaml cannot be read"),
        (["check", "app", "--all"], "cannot go with"),
        (["check", "app", "db", "--expectations", "netdoctor.yaml"], "cannot go with"),
        (["check"], "netdoctor.yaml:3: an expectation has no key 'bogus'"),
        (["expect"], "netdoctor.yaml:3: an expectation has no key 'bogus'"),
        (["expect", "--learn"], "is there already"),
        (["expect", "--format", "sarif"], "human or json"),
        (["expect", "--learn", "no/such/folder/x.yaml"], "cannot be written"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(host, write, words, said):
    write("{from: app, to: db, bogus: 1}")
    ended = netdoctor(*words, "-H", host)
    assert ended.status == 2
    assert said in ended.err
    assert not ended.out or "sarif" in words


def test_a_code_that_no_rule_has_is_refused_with_its_line(host, write):
    write("{from: app, to: db, suppress: [{code: ND999, reason: x}]}")
    ended = netdoctor("check", "-H", host)
    assert ended.status == 2
    assert "netdoctor.yaml:3: There is no rule ND999" in ended.err


def test_a_file_that_expects_nothing_is_no_health(host, write):
    write(head="version: 1\nexpectations: []\n")
    ended = netdoctor("check", "-H", host)
    assert ended.status == 2
    assert "expects nothing" in ended.err
    assert netdoctor("expect", "-H", host).status == 0


def test_warnings_are_said_on_stderr_and_the_rest_is_asked(host, write):
    write("app -> app:1", "app -> db:5432")
    ended = netdoctor("check", "-H", host, "--format", "json", "--timeout", "0.2")
    assert "warning: netdoctor.yaml:3: app -> app:1 asserts nothing" in ended.err
    assert len(edges(ended)) == 1
    assert "warning" not in netdoctor("check", "-H", host, "-q", "--timeout", "0.2").err


def test_expect_reads_the_file_back_without_an_engine(write):
    write("web -x> db:5432 (isolated)", "{from: app, to: redis, port: 6379, why: sessions, severity: warning}")
    ended = netdoctor("expect", "-H", "unix:///nonexistent/x")
    assert ended.status == 0
    assert "web -x> db:5432 (isolated)" in ended.out
    assert "why: sessions" in ended.out
    document = json.loads(netdoctor("expect", "--format", "json").out)
    assert [(e["expect"], e["severity"], e["line"]) for e in document["expectations"]] == [
        ("isolated", "error", 3), ("reachable", "warning", 4),
    ]  # fmt: skip


def test_expect_without_a_file_says_how_to_get_one(write):
    ended = netdoctor("expect")
    assert (ended.status, "expect --learn" in ended.err) == (2, True)


def test_learning_leaves_no_file_when_the_engine_goes_away(host, script, write, tmp_path):
    script.special["/networks"] = Answer([], cut=0)
    assert netdoctor("expect", "--learn", "-H", host).status == 3
    assert list(tmp_path.glob("*.yaml")) == []


def test_learning_replaces_a_file_only_when_told_to(host, write, tmp_path):
    write("app -> db:1")
    before = (tmp_path / "netdoctor.yaml").read_text()
    assert netdoctor("expect", "--learn", "-H", host, "--timeout", "0.2").status == 2
    assert (tmp_path / "netdoctor.yaml").read_text() == before
    assert netdoctor("expect", "--learn", "--force", "-H", host, "--timeout", "0.2").status == 0
    assert parse((tmp_path / "netdoctor.yaml").read_bytes(), "f").warnings
    assert netdoctor("expect", "--learn", "-", "-H", host, "--timeout", "0.2").out.count("version: 1") == 1


def test_names_with_escapes_reach_the_terminal_as_text(host, write):
    write('"\\e[31mapp\\e[0m -> db:1"', '"app -> \\u202Edb:1"')
    for words in (["check", "-H", host, "--timeout", "0.2"], ["expect"]):
        ended = netdoctor(*words)
        assert "\x1b" not in ended.out + ended.err
        assert "\u202e" not in ended.out + ended.err


@pytest.mark.parametrize("gone", ["db", "app"])
def test_a_container_that_vanishes_after_the_first_look_is_unknown(host, script, write, gone):
    path = f"/containers/{full(gone)}/json"
    inspect = next(each for each in script.containers if each["Id"] == full(gone))
    script.special[path] = later(Answer(inspect), Answer({"message": f"No such container: {gone}"}, 404))
    write("app -> db:5432")
    ended = in_a_child("check", "-H", host, "--format", "json", "--timeout", "0.3")
    assert ended.status == 3
    (edge,) = edges(ended).values()
    assert edge["verdict"] == "unknown"
    assert edge["reason"]


@pytest.mark.parametrize("second", [Answer({"Id": "x"}, cut=3), Answer(raw=b"junk"), Answer({"message": "no"}, 500)])
def test_an_engine_that_fails_after_the_first_look_makes_nothing_healthy(host, script, write, second):
    for name in ("app", "db"):
        inspect = next(each for each in script.containers if each["Id"] == full(name))
        script.special[f"/containers/{full(name)}/json"] = later(Answer(inspect), second)
    write("app -> db:5432", "app -x> db:1")
    ended = in_a_child("check", "-H", host, "--format", "json", "--timeout", "0.3")
    assert ended.status == 3
    assert {edge["verdict"] for edge in edges(ended).values()} == {"unknown"}


def test_an_engine_that_is_slow_in_the_middle_is_waited_for(host, script, write):
    inspect = next(each for each in script.containers if each["Id"] == full("app"))
    script.special[f"/containers/{full('app')}/json"] = later(Answer(inspect), Answer(inspect, late=0.8))
    write("app -> db:5432")
    ended = netdoctor("check", "-H", host, "--format", "json", "--timeout", "0.3")
    assert ended.status == 3
    assert json.loads(ended.out)["error"] is None


def test_all_pairs_of_an_engine_that_nobody_can_enter_are_unknown(host, write):
    ended = netdoctor("check", "--all", "-H", host, "--format", "json", "--timeout", "0.2")
    # What inspect alone makes certain (a network that forbids traffic) is found all the same.
    assert ended.status in (1, 3)
    assert {edge["verdict"] for edge in edges(ended).values()} == {"unknown"}


def test_waiting_is_for_a_container_that_does_not_exist_yet_too(host, script, write):
    write("app -> ghost:1")
    ended = netdoctor("check", "-H", host, "--wait", "1.2", "--timeout", "0.2", "--format", "json")
    assert ended.status == 3
    assert sum(path == "/networks" for path in script.asked) >= 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_on_a_terminal_and_gone_in_the_end(monkeypatch):
    monkeypatch.setattr("netdoctor.cli._progress.PATIENCE", 0.0)
    monkeypatch.setattr("netdoctor.cli._progress.EVERY", 0.0)
    seen = Terminal()
    monkeypatch.setattr(sys, "stderr", seen)
    with progress_line(Settings()) as tell:
        tell(1, 20)
        tell(2, 20)
    said = seen.getvalue()
    assert "2 of 20 questions answered" in said
    assert "\n" not in said
    assert said.endswith("\r") and said.rstrip("\r").endswith(" ")


def test_nobody_is_told_of_progress_who_does_not_watch(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_line(Settings(quiet=1)) as tell:
        assert tell is None
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_line(Settings()) as tell:
        assert tell is None
