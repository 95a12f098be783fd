"""One container's inspect is impossible: it alone is unknown, told with the reason, and nothing is changed by it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.conftest import netdoctor
from fake_engine import Answer, Script, fake_engine
from topology.inspects import SHAPES, full, stack

WHY = "it has no State"


@pytest.fixture
def script() -> Script:
    made = Script(*stack(SHAPES[0]))
    broken = copy.deepcopy(next(each for each in made.containers if each["Id"] == full("db")))
    del broken["State"]
    made.special[f"/containers/{full('db')}/json"] = Answer(broken)
    return made


@pytest.fixture
def host(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETDOCTOR_STATE_DIR", str(tmp_path / "state"))
    with fake_engine(tmp_path / "e.sock", script) as url:
        yield url


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("check", "app", "old:80"),
        ("check", "app", "old:80", "--format", "json"),
        ("map",),
        ("map", "--no-ask", "--format", "html"),
        ("map", "--no-ask", "--format", "svg"),
        ("bundle", "b.json"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_the_rest_is_told_and_it_stands_beside_with_its_reason(host: str, words: tuple[str, ...]) -> None:
    ended = netdoctor("-H", host, "--timeout", "0.3", *words)
    assert ended.status in ((1, 3) if words[:1] == ("check",) else (3,)), ended
    assert ended.out or words[0] == "bundle"
    assert WHY in " ".join((ended.out + ended.err).split())
    assert "could not be looked at" in ended.out + ended.err or '"question": "db"' in ended.out


@pytest.mark.parametrize(
    "words",
    [
        ("check", "app", "db"),
        ("check", "db"),
        ("check", "host", "db:5432"),
        ("check", "app", "db:5432/x"),
        ("check", full("db")[:8], "app:80"),
        ("map", "db"),
        ("enter", "db", "--", "true"),
        ("tunnel", "app", "db:5432"),
        ("tunnel", "db", "app:80"),
        ("watch", "app", "db:5432"),
        ("bundle", "b.json", "app", "db"),
    ],
    ids=" ".join,
)
def test_whoever_names_it_is_told_why_and_nothing_else(host: str, words: tuple[str, ...]) -> None:
    ended = netdoctor("-H", host, "--timeout", "0.3", *words)
    assert ended.status == 3, ended
    assert ended.out == ""
    assert f"Could not inspect container {full('db')[:12]}: the answer of the Docker Engine" in ended.err
    assert WHY in ended.err
    assert f"docker inspect {full('db')[:12]}" in ended.err
    assert not Path("b.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("fix", "app", "old:80", "--yes"),
        ("fix", "--yes"),
        ("fix", "--dry-run"),
        ("undo", "--yes"),
        ("expect", "--learn", "learned.yaml"),
    ],
    ids=" ".join,
)
def test_nothing_is_changed_and_nothing_learnt_while_it_might_matter(
    host: str, script: Script, words: tuple[str, ...]
) -> None:
    ended = netdoctor("-H", host, "--timeout", "0.3", *words)
    assert ended.status == 3, ended
    assert WHY in ended.err
    assert not Path("learned.yaml").exists()
    assert all(path.endswith(("/json", "/version", "/networks", "/info", "/archive")) for path in script.asked)


@pytest.mark.parametrize("words", [("check",), ("check", "app"), ("check", "--drift")], ids=" ".join)
def test_a_name_that_may_be_its_own_is_not_called_nobodys(host: str, words: tuple[str, ...]) -> None:
    """``app`` names it in a variable."""
    ended = netdoctor("-H", host, "--timeout", "0.3", *words)
    assert ended.status == 3, ended
    said = " ".join((ended.out + ended.err).split())
    assert "which no container is called" not in said
    assert WHY in said


def test_whoever_lives_in_its_network_is_nowhere_to_be_seen_either(tmp_path: Path, host: str, script: Script) -> None:
    for each in script.containers:
        if each["Id"] == full("side"):
            each["HostConfig"]["NetworkMode"] = f"container:{full('db')}"
    ended = netdoctor("-H", host, "--timeout", "0.3", "check", "app", "side:80")
    assert ended.status == 3
    assert "side uses the network of db" in ended.err
    assert "that is gone" not in netdoctor("-H", host, "map", "--no-ask").out


def test_a_bundle_keeps_it_and_says_it_again(host: str) -> None:
    netdoctor("-H", host, "bundle", "holed.json")
    ended = netdoctor("check", "app", "old:80", "--bundle", "holed.json", "--format", "json")
    assert ended.status in (1, 3)
    assert any(WHY in each["reason"] for each in json.loads(ended.out)["unjudged"])
    assert netdoctor("map", "--no-ask", "--bundle", "holed.json").status == 3
    named = netdoctor("check", "app", "db", "--bundle", "holed.json")
    assert (named.status, named.out) == (3, "")
    assert WHY in named.err


def test_two_looks_do_not_call_it_gone(host: str, script: Script) -> None:
    netdoctor("-H", host, "bundle", "holed.json")
    script.special.clear()
    netdoctor("-H", host, "bundle", "whole.json")
    ended = netdoctor("bundle", "diff", "whole.json", "holed.json")
    assert ended.status == 1
    assert ended.out == "container db: could be looked at was yes, is no\n"
    assert netdoctor("bundle", "diff", "holed.json", "holed.json").status == 0
