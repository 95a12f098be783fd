"""Which vantage, and what is said when there is none. No engine is asked here but a pretended one."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from netdoctor.engine import inside
from netdoctor.engine.client import Engine
from netdoctor.engine.hosts import EngineHost
from netdoctor.errors import Gone, NoVantage, UsageError
from netdoctor.model import HOST, Container, Endpoint, Fact, Ref, State, Topology
from netdoctor.vantage import host, kinds
from netdoctor.vantage.choose import Vantages
from netdoctor.vantage.fake import FakeVantage
from netdoctor.vantage.interface import CannotAsk
from netdoctor.vantage.kinds import Impossible, Site

RUNNING = State("running", running=True, pid=10, started_at="2026-01-01T00:00:00Z")
APP = Container("a" * 64, "app", state=RUNNING, network_mode="bridge")


class PretendedEngine:
    def __init__(self, *, local: bool = True) -> None:
        self.on_this_machine = local
        self.host = EngineHost("unix:///var/run/docker.sock" if local else "tcp://10.0.0.9:2376")
        self.entries: dict[str, Any] = {}

    def inspect_container(self, id_: str) -> Any:
        if id_ not in self.entries:
            raise Gone("no such container")
        return self.entries[id_]


def topology(*containers: Container) -> Topology:
    return Topology(frozenset({Fact.RUNTIME}), containers, ())


def vantages(*containers: Container, local: bool = True, **more: Any) -> Vantages:
    return Vantages(cast(Engine, PretendedEngine(local=local)), topology(*containers), **more)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``only(kind=function, ...)`` replaces the ways to come by a vantage."""

    def put(**by_name: Any) -> None:
        for name in kinds.KINDS:
            monkeypatch.setitem(kinds.KINDS, name, by_name.get(name, _impossible(f"no {name} here")))

    return put


def _impossible(reason: str, hint: str = "") -> Any:
    def kind(site: Site) -> Any:
        raise Impossible(reason, hint)

    return kind


def test_an_unknown_preference_is_a_usage_error_that_lists_the_choices() -> None:
    with pytest.raises(UsageError) as error:
        vantages(preference="telepathy")
    assert "netns, sidecar, exec" in error.value.hint


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State("exited", exit_code=1), r"app is not running \(exited\)"),
        (State("created"), r"app is not running \(created\)"),
        (State("restarting", running=True, restarting=True), "app is restarting"),
        (None, "not known"),
    ],
)
def test_a_container_that_does_not_run_cannot_be_asked_from(state: State | None, reason: str) -> None:
    with pytest.raises(CannotAsk, match=reason):
        vantages(replace(APP, state=state)).at(APP.ref)


def test_a_paused_container_has_a_namespace_like_any_other(only: Any) -> None:
    only(netns=lambda site: FakeVantage(name="netns"))
    assert vantages(replace(APP, state=replace(RUNNING, paused=True))).at(APP.ref).name == "netns"


def test_what_is_no_container_cannot_be_asked_from() -> None:
    with pytest.raises(CannotAsk, match="outside Docker"):
        vantages().at(Ref("external", "example.org"))
    with pytest.raises(CannotAsk, match="not in this topology"):
        vantages().at(APP.ref)


def test_the_host_is_this_machine_and_only_where_the_engine_is_here() -> None:
    assert vantages().at(HOST).name == "host"
    with pytest.raises(CannotAsk, match="another machine"):
        vantages(local=False).at(HOST)


class TestInAContainer:
    """netdoctor's own image: what it sees from there is not what the machine sees."""

    @pytest.fixture(autouse=True)
    def mark(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / ".dockerenv").touch()
        monkeypatch.setattr(inside, "MARKS", (tmp_path / "none", tmp_path / ".dockerenv"))

    @staticmethod
    def addresses(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        monkeypatch.setattr(host.HostVantage, "addresses", lambda _: addresses)

    @pytest.mark.parametrize(
        "ours", [("127.0.0.1", "172.17.0.5"), ("127.0.0.1", "::1"), ("127.0.0.1", "fd00::5")], ids=["v4", "none", "v6"]
    )
    def test_it_is_not_the_host(self, monkeypatch: pytest.MonkeyPatch, ours: tuple[str, ...]) -> None:
        self.addresses(monkeypatch, *ours)
        mine = replace(APP, endpoints=(Endpoint("n", "bridge", ipv4="172.17.0.5", ipv6="fd00::5"),))
        with pytest.raises(CannotAsk, match="--network host"):
            vantages(mine).at(HOST)

    def test_with_the_machine_s_own_network_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses(monkeypatch, "127.0.0.1", "192.168.1.7", "172.17.0.1")
        other = replace(APP, endpoints=(Endpoint("n", "bridge", ipv4="172.17.0.5"),))
        assert vantages(other).at(HOST).name == "host"


def test_the_first_kind_that_works_is_taken_and_the_others_explained_once(only: Any) -> None:
    said: list[str] = []
    only(netns=_impossible("needs root", "sudo netdoctor ..."), exec=lambda site: FakeVantage(name="exec"))
    db = replace(APP, id="b" * 64, name="db")
    with vantages(APP, db, notice=said.append) as chosen:
        assert chosen.at(APP.ref).name == "exec"
        assert chosen.at(db.ref).name == "exec"
        assert chosen.used() == ("app was asked through docker exec", "db was asked through docker exec")
    assert said == [
        "netns is not possible (needs root); using exec. Better: sudo netdoctor ...",
        "sidecar is not possible (no sidecar here); using exec",
    ]


def test_no_vantage_names_every_reason_and_how_to_get_one(only: Any) -> None:
    tries: list[str] = []

    def counted(site: Site) -> Any:
        tries.append(site.container.name)
        raise Impossible("needs root", "sudo netdoctor ...")

    only(netns=counted, sidecar=_impossible("no image", "load it"))
    chosen = vantages(APP)
    for _ in range(2):
        with pytest.raises(NoVantage) as error:
            chosen.at(APP.ref)
    assert error.value.code == "ND901"
    for word in ("app", "netns: needs root", "sidecar: no image", "exec: no exec here"):
        assert word in error.value.message
    assert error.value.hint == "sudo netdoctor ... Or: load it"
    assert tries == ["app"], "what is impossible is tried once"


def test_containers_that_share_a_namespace_share_the_vantage(only: Any) -> None:
    made: list[str] = []

    def one(site: Site) -> Any:
        made.append(site.container.name)
        return FakeVantage(name="netns")

    only(netns=one)
    borrower = replace(APP, id="b" * 64, name="borrower", network_mode=f"container:{APP.id}")
    orphan_owner = replace(APP, id="c" * 64, name="owner", state=State("exited"))
    orphan = replace(APP, id="d" * 64, name="orphan", network_mode=f"container:{'c' * 64}")
    chosen = vantages(APP, borrower, orphan_owner, orphan)
    assert chosen.at(borrower.ref) is chosen.at(APP.ref)
    assert chosen.at(APP.ref.at("environment", "URL")) is chosen.at(APP.ref)
    # Its namespace outlives the container that lent it.
    assert chosen.at(orphan.ref) is not chosen.at(APP.ref)
    assert made == ["borrower", "orphan"]


def test_many_threads_get_one_vantage_and_after_close_none(only: Any) -> None:
    made: list[FakeVantage] = []
    gate = threading.Barrier(8)

    def slow(site: Site) -> Any:
        made.append(FakeVantage(name="netns"))
        return made[-1]

    only(netns=slow)
    chosen = vantages(APP)
    got: list[object] = []

    def ask() -> None:
        gate.wait(5)
        got.append(chosen.at(APP.ref))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert got == [made[0]] * 8
    chosen.close()
    chosen.close()
    assert made[0].closed
    with pytest.raises(CannotAsk, match="closed"):
        chosen.at(APP.ref)


def test_a_remote_engines_process_ids_are_never_looked_up_here() -> None:
    with pytest.raises(NoVantage, match="another machine"):
        vantages(APP, local=False, preference="netns").at(APP.ref)


def test_a_removed_container_has_changed() -> None:
    assert vantages(APP).changed(APP.ref) == "app has been removed"
    assert vantages(APP).changed(HOST) is None
