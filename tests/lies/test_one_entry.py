"""One entry of the engine's own lists is impossible: it alone is unknown, with the reason; the rest is judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import netdoctor
from fake_engine import Answer, Script, fake_engine
from topology.inspects import SHAPES, full, stack

LISTED: dict[str, Any] = {
    "without-an-id": ({"Names": ["/db"], "Labels": {}}, "has no Id"),
    "null": (None, "is null and not an object"),
    "names-are-a-number": ({"Id": full("db"), "Names": 5, "Labels": {}}, "Names is a number"),
    "labels-are-a-list": ({"Id": full("db"), "Names": ["/db"], "Labels": [1]}, "Labels is a list"),
}
NETWORKS: dict[str, Any] = {
    "subnet": (lambda told: {**told, "IPAM": {"Config": [{"Subnet": "x/y"}]}}, "and not a subnet"),
    "without-an-id": (lambda told: {**told, "Id": None}, "has no Id"),
    "null": (lambda _: None, "is null and not an object"),
}


@pytest.fixture
def script() -> Script:
    return Script(*stack(SHAPES[0]))


@pytest.fixture
def host(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETDOCTOR_STATE_DIR", str(tmp_path / "state"))
    with fake_engine(tmp_path / "e.sock", script) as url:
        yield url


def broken_container(script: Script, entry: Any) -> None:
    others = [{"Id": each["Id"], "Names": [each["Name"]]} for each in script.containers if each["Id"] != full("db")]
    script.special["/containers/json"] = Answer([*others, entry])


def broken_network(script: Script, change: Any, name: str = "back") -> None:
    script.networks = [change(each) if each["Name"] == name else each for each in script.networks]


@pytest.mark.parametrize(
    "words", [(), ("check", "app", "old:80"), ("map",), ("bundle", "b.json"), ("doctor",)], ids=str
)
@pytest.mark.parametrize("lie", LISTED)
def test_a_container_is_unknown_alone(host: str, script: Script, lie: str, words: tuple[str, ...]) -> None:
    entry, why = LISTED[lie]
    broken_container(script, entry)
    ended = netdoctor("-H", host, "--timeout", "0.3", *words)
    assert ended.status in ((1, 3) if words[:1] == ("check",) else (3,)), ended
    assert why in " ".join((ended.out + ended.err).split())
    assert "could not be looked at" in ended.out + ended.err
    if words[:1] == ("check",):
        assert "app -> old:80" in ended.out


@pytest.mark.parametrize("lie", LISTED)
@pytest.mark.parametrize("words", [("check", "app", "db"), ("enter", "db", "--", "true"), ("fix", "--yes")], ids=str)
def test_whoever_means_it_or_may_mean_it_is_told_why(host: str, script: Script, lie: str, words: Any) -> None:
    entry, why = LISTED[lie]
    broken_container(script, entry)
    ended = netdoctor("-H", host, "--timeout", "0.3", *words)
    assert (ended.status, ended.out) == (3, ""), ended
    assert why in ended.err


def test_who_may_live_in_its_network_is_not_told_to_live_in_none(host: str, script: Script) -> None:
    broken_container(script, None)
    next(each for each in script.containers if each["Id"] == full("side"))["HostConfig"]["NetworkMode"] = (
        f"container:{full('db')}"
    )
    ended = netdoctor("-H", host, "--timeout", "0.3", "check", "app", "side:80")
    assert ended.status == 3
    assert "side may use the network of entry" in ended.err


@pytest.mark.parametrize("lie", NETWORKS)
def test_a_network_is_unknown_alone_with_whoever_is_on_it(host: str, script: Script, lie: str) -> None:
    change, why = NETWORKS[lie]
    broken_network(script, change)
    rest = netdoctor("-H", host, "--timeout", "0.3", "check", "old", "metal:80", "--format", "json")
    assert rest.status in (1, 3), rest
    told = {(each["code"], each["question"]): each["reason"] for each in json.loads(rest.out)["unjudged"]}
    assert any(code == "network" and why in reason for (code, _), reason in told.items())
    assert "db is on the network back" in told["container", "db"]
    named = netdoctor("-H", host, "--timeout", "0.3", "check", "app", "db")
    assert (named.status, named.out) == (3, ""), named
    assert why in named.err


def test_a_network_that_nobody_is_on_leaves_everybody_judged(host: str, script: Script) -> None:
    script.networks.append({"Name": "odd", "Id": full("odd"), "Driver": "weave", "IPAM": 5})
    ended = netdoctor("-H", host, "--timeout", "0.3", "check", "app", "db:5432", "--format", "junit")
    assert ended.status in (1, 3), ended
    assert "app -&gt; db:5432" in ended.out
    assert 'name="network odd"' in ended.out
    seen = netdoctor("-H", host)
    assert seen.status == 3
    assert "network odd could not be looked at" in " ".join(seen.out.split())
    assert "network odd" in netdoctor("-H", host, "map", "--no-ask").out
    assert netdoctor("-H", host, "fix", "--dry-run").status == 3


def test_a_bundle_keeps_a_broken_network_and_says_it_again(host: str, script: Script) -> None:
    netdoctor("-H", host, "bundle", "whole.json")
    broken_network(script, NETWORKS["subnet"][0])
    netdoctor("-H", host, "bundle", "holed.json")
    ended = netdoctor("check", "old", "metal:80", "--bundle", "holed.json", "--format", "prometheus")
    assert ended.status in (1, 3)
    assert 'netdoctor_unknown{kind="network",name="back"' in ended.out
    differ = netdoctor("bundle", "diff", "whole.json", "holed.json")
    assert "network back: could be looked at was yes, is no\n" in differ.out
    assert "network back: there" not in differ.out


def test_where_all_are_on_the_broken_network_that_is_what_is_wrong(host: str, script: Script) -> None:
    script.containers = [each for each in script.containers if each["Name"].lstrip("/") in ("app", "db")]
    broken_network(script, NETWORKS["subnet"][0])
    ended = netdoctor("-H", host)
    assert (ended.status, ended.out) == (3, "")
    assert "Could not list the networks" in ended.err
