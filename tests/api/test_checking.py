"""``netdoctor.check``: the same answers as the command's, over an engine, files and bundles."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import netdoctor
from netdoctor import Verdict
from netdoctor.errors import NotFound, UsageError
from netdoctor.topology.bundle import write_bundle


@pytest.mark.parametrize(
    ("asked", "verdict", "codes"),
    [
        ("app -> redis:6379", Verdict.HOLDS, []),
        ("app -> qdrant:6333", Verdict.BROKEN, ["ND101"]),
        ("app -x> qdrant:6333", Verdict.HOLDS, []),
        ("app -x> qdrant:6333 (no-shared-network)", Verdict.HOLDS, []),
        ("app -x> qdrant:6333 (icc-off)", Verdict.UNKNOWN, []),
        ("app -x> qdrant:6333 (policy ufw)", Verdict.UNKNOWN, []),
        ("app -x> redis:6379", Verdict.BROKEN, []),
        ("web -x> db:5432", Verdict.BROKEN, []),
        ("web -x> admin:5432", Verdict.HOLDS, []),
        ("app -> example.org:443", Verdict.UNKNOWN, []),
        ("app -> nobody:1", Verdict.UNKNOWN, []),
    ],
)
def test_files_are_judged_by_what_they_declare(
    compose: Path,
    asked: str,
    verdict: Verdict,
    codes: list[str],
) -> None:
    report = netdoctor.check(asked, topology=netdoctor.Topology.from_compose(compose))
    assert (report.verdict, [each.code for each in report.findings]) == (verdict, codes)
    assert report.ok is (verdict is Verdict.HOLDS)


def test_both_ends_one_end_and_none_may_be_named(compose: Path) -> None:
    files = netdoctor.Topology.from_compose(compose)
    assert [edge.verdict for edge in netdoctor.check("app", "redis:6379", topology=files).edges] == [Verdict.HOLDS]
    declared = netdoctor.check(topology=files)
    assert [each.code for each in declared.findings] == ["ND101"]
    assert netdoctor.check("qdrant", topology=files).findings == declared.findings
    with pytest.raises(UsageError, match="No connection is declared"):
        netdoctor.check("web", topology=files)
    assert not netdoctor.check(topology=files, skip=["ND101"]).findings
    expected = compose.with_name("netdoctor.yaml")
    expected.write_text('version: 1\nexpectations:\n  - "app -> qdrant:6333"\n  - "web -x> qdrant:6333"\n')
    report = netdoctor.check(expectations=expected, topology=files)
    assert [edge.verdict for edge in report.edges] == [Verdict.BROKEN, Verdict.HOLDS]


def test_wrong_use_is_a_sentence_with_a_hint(compose: Path) -> None:
    files = netdoctor.Topology.from_compose(compose)
    empty = compose.with_name("netdoctor.yaml")
    empty.write_text("version: 1\nexpectations: []\n")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"source": "app -> redis", "target": "redis"}, "names both ends"),
        ({"source": "app > redis"}, "is no expectation"),
        ({"target": "redis"}, "needs a source"),
        ({"source": "app", "expectations": empty}, "cannot go with"),
        ({"expectations": empty}, "expects nothing"),
        ({"source": "app", "target": "redis", "only": ["ND999"]}, "no rule ND999"),
        ({"source": "app", "target": "redis", "wait": 1}, "nothing to wait for"),
    ]
    for words, sentence in wrong:
        with pytest.raises(UsageError, match=sentence):
            netdoctor.check(topology=files, **words)
    with pytest.raises(NotFound, match="nobody"):
        netdoctor.check("nobody", "redis", topology=files)
    with pytest.raises(UsageError, match="no format 'pdf'"):
        netdoctor.render(netdoctor.check("app", "redis", topology=files), "pdf")


def test_a_report_renders_in_every_format(compose: Path) -> None:
    report = netdoctor.check("app", "qdrant", topology=netdoctor.Topology.from_compose(compose))
    assert "ND101" in netdoctor.render(report)
    assert json.loads(netdoctor.render(report, "json"))["verdict"] == "broken"


def test_importing_the_package_is_fast_and_silent() -> None:
    code = "import sys; before = set(sys.modules); import netdoctor; print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    ours = {name for name in found.stdout.split() if name.startswith("netdoctor")}
    assert (ours, found.stderr) == ({"netdoctor", "netdoctor.version"}, "")


def test_every_public_name_is_there_and_no_other() -> None:
    for name in netdoctor.__all__:
        assert getattr(netdoctor, name) is not None
        assert name in dir(netdoctor)
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = netdoctor.chekc  # type: ignore[attr-defined]


@pytest.mark.docker
def test_a_live_engine_is_asked_from_inside_until_it_holds(lab: Any, tmp_path: Path) -> None:
    shared, alone = lab.network("shared"), lab.network("alone")
    server = ["httpd", "-f", "-p", "8080"]
    app = lab.container("busybox", networks=[shared], word="app")
    web = lab.container("busybox", networks=[alone], word="web", command=["busybox", *server])
    lab.wait_for_listener(web, 8080)
    edge = f"{app.name} -> {web.name}:8080"
    broken = netdoctor.check(edge)
    assert (broken.verdict, broken.findings[0].code) == (Verdict.BROKEN, "ND101")
    assert netdoctor.check(f"{app.name} -x> {web.name}:8080").ok
    before = netdoctor.Topology.from_engine()
    assert before.container(app.id) is not None
    with pytest.raises(UsageError, match="no vantage 'magic'"):
        netdoctor.check(edge, vantage="magic")
    write_bundle(tmp_path / "b", before, broken.seen)
    recorded = netdoctor.check(edge, topology=netdoctor.Topology.from_bundle(tmp_path / "b"))
    assert [each.code for each in recorded.findings] == ["ND101"]

    def join() -> None:
        time.sleep(1)
        lab.engine.connect(shared.id, web.id)

    joiner = threading.Thread(target=join)
    joiner.start()
    try:
        assert netdoctor.check(edge, topology=before, wait=60).ok
    finally:
        joiner.join()
    assert netdoctor.check(app.name, f"{web.name}:8080").ok
