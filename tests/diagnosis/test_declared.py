"""What files declare is judged without an answer: contradictions, and ways that nobody wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netdoctor.diagnosis.declared import judge_declared
from netdoctor.edges.arguments import edge_between
from netdoctor.model import Expect, Expectation, Verdict
from netdoctor.topology.compose import read_compose

FILE = """\
services:
  one: {image: x, networks: [a]}
  two: {image: redis, networks: [a, b]}
  far: {image: redis, networks: [b]}
  onhost: {image: redis, network_mode: host}
  open: {image: redis, networks: [b], ports: ["6379:6379", "127.0.0.1:7000:7000", "53:53/udp"]}
networks: {a: {}, b: {internal: true}}
"""


@pytest.mark.parametrize(
    ("source", "target", "isolated", "verdict", "reason"),
    [
        ("one", "two", False, Verdict.HOLDS, "no contradiction"),
        ("one", "far", False, Verdict.BROKEN, "the files contradict"),
        ("one", "far", True, Verdict.HOLDS, "they share no network"),
        ("one", "two", True, Verdict.BROKEN, "take one of them off it"),
        ("one", "onhost", True, Verdict.BROKEN, "on every network"),
        ("one", "open:6379", True, Verdict.BROKEN, "publishes port 6379"),
        ("one", "open", True, Verdict.BROKEN, "publishes port 6379"),
        ("one", "open:7000", True, Verdict.HOLDS, "isolated in these files"),
        ("one", "open:53", True, Verdict.HOLDS, "isolated in these files"),
        ("one", "example.org:80", True, Verdict.UNKNOWN, "outside"),
        ("host", "far:6379", False, Verdict.UNKNOWN, "outside"),
    ],
)
def test_an_edge_is_judged_by_the_files(
    tmp_path: Path, source: str, target: str, isolated: bool, verdict: Verdict, reason: str
) -> None:
    (tmp_path / "compose.yaml").write_text(FILE)
    topology = read_compose([(str(tmp_path / "compose.yaml"),)])
    edge = edge_between(topology, source, target)
    if isolated:
        port = None if ":" not in target else edge.port
        edge = replace(edge, expectation=Expectation(Expect.ISOLATED), port=port)
    report = judge_declared(topology, [edge])
    assert (report.verdict, len(report.edges)) == (verdict, 1)
    assert reason in report.edges[0].reason
    assert bool(report.findings) is (verdict is Verdict.BROKEN and not isolated)
