"""An assertion that fails says the cause and the remedy, without secrets and control characters."""

from __future__ import annotations

from pathlib import Path

import pytest

import netdoctor


def test_what_holds_returns_the_report(compose: Path) -> None:
    files = netdoctor.Topology.from_compose(compose)
    assert netdoctor.assert_reaches("app", "redis:6379", topology=files).ok
    assert netdoctor.assert_isolated("web -x> qdrant:6333", topology=files).ok


def test_what_does_not_says_why_and_what_to_do(compose: Path) -> None:
    files = netdoctor.Topology.from_compose(compose)
    with pytest.raises(AssertionError) as failed:
        netdoctor.assert_reaches("app", "qdrant:6333", topology=files)
    said = str(failed.value)
    assert "share no network" in said and "\n  fix: Connect" in said and "networks:" in said
    assert "netdoctor explain ND101" in said
    assert isinstance(failed.value, netdoctor.NotAsExpected) and failed.value.report.findings
    with pytest.raises(netdoctor.NotAsExpected, match=r"is reachable: .* both are on \w+_cache: take one"):
        netdoctor.assert_isolated("app", "redis:6379", topology=files)
    with pytest.raises(netdoctor.NotAsExpected, match="is unknown: There is no container named 'nobody'"):
        netdoctor.assert_reaches("app", "nobody:1", topology=files)


def test_each_assertion_takes_its_own_arrow_only(compose: Path) -> None:
    files = netdoctor.Topology.from_compose(compose)
    for assertion, text in ((netdoctor.assert_reaches, "a -x> b"), (netdoctor.assert_isolated, "a -> b")):
        with pytest.raises(netdoctor.NetdoctorError, match="is not of the form"):
            assertion(text, topology=files)


def test_names_cannot_write_to_the_terminal_or_tell_secrets(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(
        'services:\n  app: {image: a, environment: {QDRANT_URL: "http://me:s3cret@qdrant:6333"}, networks: [a],'
        ' container_name: "app\\e[31m"}\n  qdrant: {image: q, networks: [b]}\nnetworks: {a: {}, b: {}}\n'
    )
    files = netdoctor.Topology.from_compose(file)
    with pytest.raises(netdoctor.NotAsExpected) as failed:
        netdoctor.assert_reaches("app", "qdrant", topology=files)
    assert "s3cret" not in str(failed.value) and "\x1b" not in str(failed.value)
