"""Negative expectations on a real engine: silence alone proves nothing, and every way in is tried."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netdoctor.cli.main import run

pytestmark = pytest.mark.docker

PORT = 8080
SERVE = ["httpd", "-f", "-p", str(PORT), "-h", "/etc"]
LOOPBACK_ONLY = ["httpd", "-f", "-p", f"127.0.0.1:{PORT}", "-h", "/etc"]

Judge = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    """``judge(line)``: the exit status, and the one edge of the report."""

    def asked(*lines: str, options: tuple[str, ...] = ()) -> tuple[int, dict[str, Any]]:
        monkeypatch.chdir(tmp_path)
        listed = "".join(f"  - {line}\n" for line in lines)
        (tmp_path / "netdoctor.yaml").write_text(f"version: 1\nexpectations:\n{listed}")
        capsys.readouterr()
        status = int(run(["check", "--format", "json", "--timeout", "2", *options]))
        report = json.loads(capsys.readouterr().out)
        assert len(report["edges"]) == 1, report
        edge = report["edges"][0]
        assert edge["expectation"] == "isolated"
        assert report["findings"] == []
        return status, edge

    return asked


def server(lab: Any, *networks: Any, command: list[str] | None = None, **more: Any) -> Any:
    made = lab.container(networks=list(networks), command=command or SERVE, word="db", **more)
    lab.wait_for_listener(made, PORT)
    return made


def test_two_networks_keep_apart(lab: Any, judge: Judge) -> None:
    near, far = lab.network("near"), lab.network("far")
    web, db = lab.container(networks=[near], word="web"), server(lab, far)
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT} (isolated)")
    assert (status, edge["verdict"]) == (0, "holds"), edge
    assert edge["edge"] == f"{web.name} -x> {db.name}:{PORT}"
    assert "share no network" in edge["reason"]


def test_a_shared_network_is_reached(lab: Any, judge: Judge) -> None:
    net = lab.network()
    web, db = lab.container(networks=[net], word="web"), server(lab, net)
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT}")
    assert (status, edge["verdict"]) == (1, "broken")
    assert f"Both are on {net.name}" in edge["reason"]


def publishing(lab: Any, network: Any, binding: Any) -> str:
    """A server's name, its port published as docker-py says it."""
    made = lab.api.create_container(
        lab.image("busybox"),
        command=SERVE,
        name=lab.name("db"),
        ports=[PORT],
        host_config=lab.api.create_host_config(network_mode=network.id, port_bindings={PORT: binding}),
    )
    lab._containers.append(made["Id"])
    lab.api.start(made["Id"])
    return str(lab.api.inspect_container(made["Id"])["Name"]).lstrip("/")


def test_a_published_port_is_a_way_in_through_the_gateway(lab: Any, judge: Judge) -> None:
    web = lab.container(networks=[lab.network("near")], word="web")
    status, edge = judge(f"{web.name} -x> {publishing(lab, lab.network('far'), None)}:{PORT}")
    assert (status, edge["verdict"]) == (1, "broken"), edge
    assert "published port" in edge["reason"]


def test_a_port_that_is_published_on_loopback_only_is_no_way_in(lab: Any, judge: Judge) -> None:
    web = lab.container(networks=[lab.network("near")], word="web")
    status, edge = judge(f"{web.name} -x> {publishing(lab, lab.network('far'), ('127.0.0.1',))}:{PORT}")
    assert (status, edge["verdict"]) == (0, "holds"), edge


def test_icc_off_keeps_apart_on_one_network_and_must_be_the_reason_given(lab: Any, judge: Judge) -> None:
    net = lab.network(icc=False)
    web, db = lab.container(networks=[net], word="web"), server(lab, net)
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT} (icc-off)")
    assert (status, edge["verdict"]) == (0, "holds"), edge
    assert "forbids traffic" in edge["reason"]
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT} (internal)")
    assert (status, edge["verdict"]) == (3, "unknown")


def test_an_internal_network_keeps_apart(lab: Any, judge: Judge) -> None:
    near, inner = lab.network("near"), lab.network("inner", internal=True)
    web, db = lab.container(networks=[near], word="web"), server(lab, inner)
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT} (internal)")
    assert (status, edge["verdict"]) == (0, "holds"), edge
    assert "internal networks only" in edge["reason"]


def test_host_mode_reaches_even_internal_networks(lab: Any, judge: Judge) -> None:
    inner = lab.network("inner", internal=True)
    web, db = lab.container(mode="host", word="web"), server(lab, inner)
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT} (isolated)")
    assert (status, edge["verdict"]) == (1, "broken"), edge
    assert "host mode" in edge["reason"]


def test_a_dead_target_proves_nothing(lab: Any, judge: Judge) -> None:
    near, far = lab.network("near"), lab.network("far")
    web = lab.container(networks=[near], word="web")
    silent = lab.container(networks=[far], word="silent")
    stopped = lab.container(networks=[far], word="stopped", start=False)
    status, edge = judge(f"{web.name} -x> {silent.name}:{PORT}")
    assert (status, edge["verdict"]) == (3, "unknown")
    assert "does not answer itself" in edge["reason"]
    status, edge = judge(f"{web.name} -x> {stopped.name}:{PORT}")
    assert (status, edge["verdict"]) == (3, "unknown")
    assert "not running" in edge["reason"]


def test_a_server_on_loopback_only_gives_no_sign_of_life_at_its_address(lab: Any, judge: Judge) -> None:
    near, far = lab.network("near"), lab.network("far")
    web, db = lab.container(networks=[near], word="web"), server(lab, far, command=LOOPBACK_ONLY)
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT}")
    assert (status, edge["verdict"]) == (3, "unknown"), edge


def test_a_refusal_counts_only_with_a_named_policy(lab: Any, judge: Judge) -> None:
    net = lab.network()
    web, db = lab.container(networks=[net], word="web"), server(lab, net)
    own = lab.address(db, net)
    # Others are refused, the target itself is not.
    lab.iptables(db, "-A", "INPUT", "-p", "tcp", "--dport", str(PORT), "!", "-s", own, "-j", "REJECT",
                 "--reject-with", "tcp-reset")  # fmt: skip
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT}")
    assert (status, edge["verdict"]) == (3, "unknown"), edge
    assert "only with a named policy" in edge["reason"]
    status, edge = judge(f"{web.name} -x> {db.name}:{PORT} (policy db firewall)")
    assert (status, edge["verdict"]) == (0, "holds"), edge
    assert "db firewall" in edge["reason"]


def test_a_name_that_nobody_has_proves_nothing(lab: Any, judge: Judge) -> None:
    web = lab.container(networks=[lab.network()], word="web")
    status, edge = judge(f"{web.name} -x> ghost-{lab.suffix}:{PORT}")
    assert (status, edge["verdict"]) == (3, "unknown")
    assert "no container named" in edge["reason"]


def test_without_a_port_every_port_that_the_target_listens_on_is_tried(lab: Any, judge: Judge) -> None:
    near, far = lab.network("near"), lab.network("far")
    web, db = lab.container(networks=[near], word="web"), server(lab, far)
    status, edge = judge(f"{web.name} -x> {db.name}")
    assert (status, edge["verdict"]) == (0, "holds"), edge
    assert any(step["label"].endswith(f":{PORT}") for step in edge["steps"])
