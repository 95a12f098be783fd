"""The list of a live index, made by a process that is killed: the next start goes on, and it is the list of one run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from netdoctor.cli.main import run
from netdoctor.errors import MigrationFailed
from netdoctor.exits import Exit
from netdoctor.migration import listlog
from netdoctor.migration.listing import Listing, listing_of
from netdoctor.migration.listlog import forget_list, list_ids, state_of
from netdoctor.migration.plan_live import make_live_plan
from netdoctor.migration.planlog import forget
from netdoctor.migration.points import Layout, MappingRefused
from netdoctor.migration.sources import _pinecone_pace as pace_module
from netdoctor.migration.sources._pinecone_refusals import QuotaSpent
from netdoctor.migration.sources.interface import Access, IdGroup, Listable, open_source
from netdoctor.migration.sources.pinecone import PineconeSource

from .lab import Server
from .pinecone_server import KEY, Asked, Pinecone, Reply, fill, rpc, serving
from .test_plan_live import Index

KILLS = int(os.environ.get("NETDOCTOR_KILLS", "3"))
COUNTS = {"": 830, "a": 3, "m": 650, "z": 120}
PAGES = 9 + 1 + 7 + 2
AHEAD = 8
"""First pages of namespaces that are asked for in advance, and so once more by each start."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "FIRST", 0.01)
    monkeypatch.setattr(listlog, "EVERY", 0.0)
    monkeypatch.setattr(listlog, "_SLOW", 0)
    monkeypatch.setenv("PINECONE_API_KEY", KEY)


@pytest.fixture
def pinecone() -> Iterator[Pinecone]:
    with serving(Pinecone(dimension=2)) as running:
        fill(running, COUNTS)
        yield running


def opened(pinecone: Pinecone) -> PineconeSource:
    source = open_source(f"pinecone:{pinecone.url}", Access({"PINECONE_API_KEY": KEY}))
    assert isinstance(source, PineconeSource)
    return source


def listed(pinecone: Pinecone, path: Path, **more: Any) -> list[tuple[str, str]]:
    with closing(opened(pinecone)) as source:
        return list(list_ids(source, path, **more).entries())


def everything(pinecone: Pinecone) -> list[tuple[str, str]]:
    return [(name, each) for name in sorted(pinecone.namespaces) for each in sorted(pinecone.namespaces[name])]


class Killed(BaseException):
    """As if by SIGKILL: nothing is put down on the way out."""


def killed_after(pinecone: Pinecone, path: Path, ids: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(count: int) -> None:
        if count >= ids:
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(listlog._ListLog, "_leave", lambda _self: None)
        listed(pinecone, path, tell=die)


def test_both_live_kinds_can_be_gone_on_with(pinecone: Pinecone) -> None:
    from netdoctor.migration.sources.qdrant import QdrantSource

    with closing(opened(pinecone)) as source:
        assert isinstance(source, Listable)
    assert callable(QdrantSource.groups) and callable(QdrantSource.remember)


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_any_moment_it_is_the_list_of_one_run(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(1, sum(COUNTS.values())), 3))
    for moment in moments:
        killed_after(pinecone, tmp_path / "ids", moment, monkeypatch)
        assert not (tmp_path / "ids").exists()
        if chance.random() < 0.3:
            with (tmp_path / "ids.new").open("ab") as file:
                file.write(b'["", "half a li')
    assert listed(pinecone, tmp_path / "ids") == everything(pinecone)
    # A page for each kill that was not put down yet, and the first pages of namespaces that were asked for in advance.
    assert PAGES <= pinecone.count("list") <= PAGES + len(moments) * (1 + AHEAD)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ids", "ids.state"]


def test_the_sample_is_chosen_as_by_one_run(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(pinecone)) as source:
        whole = make_live_plan(source, Layout(), tmp_path / "one")
        fetched = {tuple(asked.query["ids"]) for asked in pinecone.asked if asked.what == "fetch"}
    killed_after(pinecone, tmp_path / "ids", 1200, monkeypatch)
    pinecone.asked.clear()
    with closing(opened(pinecone)) as source:
        plan = make_live_plan(source, Layout(), tmp_path / "ids")
    assert {tuple(asked.query["ids"]) for asked in pinecone.asked if asked.what == "fetch"} == fetched
    assert (plan.collections, plan.layout, plan.digest) == (whole.collections, whole.layout, whole.digest)
    # Killed between the list and the plan: nothing is listed again, until the plan is safe.
    with closing(opened(pinecone)) as source:
        pinecone.asked.clear()
        assert make_live_plan(source, Layout(), tmp_path / "ids").digest == whole.digest
        assert pinecone.count("list") == 0
        assert {tuple(asked.query["ids"]) for asked in pinecone.asked if asked.what == "fetch"} == fetched
        assert state_of(tmp_path / "l.ids").name == "l.ids.state"
    (tmp_path / "l.ids").touch()
    state_of(tmp_path / "l.ids").touch()
    forget(tmp_path / "l")
    assert (tmp_path / "l.ids").exists() and not state_of(tmp_path / "l.ids").exists()


@pytest.mark.parametrize("restart", [(), ("--restart",)], ids=["goes on", "starts over"])
def test_a_dry_run_goes_on_with_its_list_unless_it_is_told_to_start_over(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restart: tuple[str, ...]
) -> None:
    plan = tmp_path / "plan.json"
    killed_after(pinecone, listing_of(plan), 1200, monkeypatch)
    pinecone.asked.clear()
    command = ["migrate", f"pinecone:{pinecone.url}", "--dry-run", "--plan", str(plan), "-q", *restart]
    assert run(command) == Exit.OK
    assert (pinecone.count("list") >= PAGES) is bool(restart)
    assert len(listing_of(plan).read_bytes().splitlines()) == sum(COUNTS.values())


def test_a_token_that_is_lost_lists_its_namespace_again_and_says_so(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_after(pinecone, tmp_path / "ids", 1333, monkeypatch)
    pinecone.forget_tokens()
    pinecone.asked.clear()
    told: list[str] = []
    with closing(opened(pinecone)) as source:
        source.hear(lambda reason, _seconds: told.append(reason))
        assert list(list_ids(source, tmp_path / "ids").entries()) == everything(pinecone)
        assert any("forgot a place in its list of ids 1 times" in note for note in source.notes())
    assert told == [
        "Pinecone does not know the place in namespace 'm' any more: it is listed from its start, "
        "and 400 ids that are known are left out"
    ]
    assert {asked.one("namespace") for asked in pinecone.asked if asked.what == "list"} == {"m", "z"}


def test_a_namespace_in_no_order_is_listed_anew_where_its_token_is_lost(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identities = [f"z{number:04}" for number in range(450)]
    random.Random(5).shuffle(identities)
    for identity in identities:
        pinecone.put("m1", {"id": identity, "values": [1.0, 2.0]})
    lost = False

    def unordered(asked: Asked) -> Reply | None:
        if asked.what != "list" or asked.one("namespace") != "m1":
            return None
        token = asked.one("paginationToken")
        if token and lost and not token.startswith("new"):
            return rpc(400, 3, "Invalid pagination token.")
        first = int(token.removeprefix("new") or 0)
        body: dict[str, Any] = {"vectors": [{"id": each} for each in identities[first : first + 100]]}
        if first + 100 < len(identities):
            body["pagination"] = {"next": f"{'new' if lost else ''}{first + 100}"}
        return Reply(200, json.dumps(body).encode())

    pinecone.fault = unordered
    before = sum(count for name, count in COUNTS.items() if name < "m1")
    killed_after(pinecone, tmp_path / "ids", before + 250, monkeypatch)
    lost = True
    found = listed(pinecone, tmp_path / "ids")
    assert sorted(found) == everything(pinecone)
    assert [each for name, each in found if name == "m1"] == identities


def test_what_the_quota_ended_is_kept_and_gone_on_with(pinecone: Pinecone, tmp_path: Path) -> None:
    pinecone.quota = 15
    with pytest.raises(QuotaSpent):
        listed(pinecone, tmp_path / "ids", every=60.0)
    kept = json.loads(state_of(tmp_path / "ids").read_text())["count"]
    assert kept >= 600
    pinecone.quota = None
    asked = pinecone.count("list")
    assert listed(pinecone, tmp_path / "ids") == everything(pinecone)
    assert pinecone.count("list") - asked <= PAGES - kept // 100 + 1


def test_what_was_put_down_is_used_only_where_it_fits(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ids"
    state, new = state_of(path), tmp_path / "ids.new"

    def bitten() -> None:
        data = bytearray(new.read_bytes())
        data[7] ^= 1
        new.write_bytes(bytes(data))

    def told(**more: Any) -> None:
        state.write_text(json.dumps({**json.loads(state.read_text()), **more}))

    damages = [
        bitten,
        lambda: new.write_bytes(new.read_bytes()[:50]),
        new.unlink,
        lambda: state.write_text("{"),
        lambda: told(schema="netdoctor.listing-state/0"),
        lambda: told(about=["PineconeSource", "another"]),
        lambda: told(more=1),
        lambda: forget_list(path),
    ]
    for damage in damages:
        killed_after(pinecone, path, 1000, monkeypatch)
        damage()
        asked = pinecone.count("list")
        assert listed(pinecone, path) == everything(pinecone)
        assert pinecone.count("list") - asked >= PAGES
        path.unlink()
        forget_list(path)
    # Finished, and then somebody changed it.
    assert listed(pinecone, path) == everything(pinecone)
    path.write_bytes(path.read_bytes()[:-9])
    assert listed(pinecone, path) == everything(pinecone)


def test_a_place_of_another_kind_is_told(pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(pinecone, tmp_path / "ids", 1000, monkeypatch)
    state = state_of(tmp_path / "ids")
    for place in ({"namespace": 3}, {"namespace": "", "token": "x"}, ["", 4], 7, {"namespace": "", "token": 4}):
        state.write_text(json.dumps({**json.loads(state.read_text()), "after": place}))
        with pytest.raises(MigrationFailed, match="another kind of source"):
            listed(pinecone, tmp_path / "ids")


def test_two_cannot_list_into_one_file(pinecone: Pinecone, tmp_path: Path) -> None:
    refused: list[BaseException] = []

    def second(_count: int) -> None:
        if not refused:
            with pytest.raises(MigrationFailed, match="Another run is listing") as error:
                listed(pinecone, tmp_path / "ids")
            refused.append(error.value)

    assert listed(pinecone, tmp_path / "ids", tell=second) == everything(pinecone)
    assert refused


def test_a_full_disk_a_missing_folder_and_a_link_are_told(pinecone: Pinecone, tmp_path: Path) -> None:
    with pytest.raises(MigrationFailed, match="cannot be kept"):
        listed(pinecone, tmp_path / "no" / "ids")
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (tmp_path / "ids.new").symlink_to(mine)
    with pytest.raises(MigrationFailed, match="cannot be kept"):
        listed(pinecone, tmp_path / "ids")
    (tmp_path / "ids.new").unlink()
    (tmp_path / "ids.state.new").symlink_to(mine)
    assert listed(pinecone, tmp_path / "ids") == everything(pinecone)
    assert mine.read_text() == "mine"


def test_a_verdict_on_the_list_is_not_kept(tmp_path: Path) -> None:
    class Grouped(Index):
        def groups(self, after: Any = None) -> Iterator[IdGroup]:
            for namespace, identity in self.ids():
                yield IdGroup(namespace, [identity], [namespace, identity])

        def remember(self, ids: Any) -> None:
            list(ids)

    uuid = "0d8f6b1e-7c2a-4b5d-9e3f-1a2b3c4d5e6f"
    source = Grouped({("", uuid): ([1.0], {}), ("", uuid.upper()): ([2.0], {})})
    with pytest.raises(MappingRefused):
        make_live_plan(source, Layout(), tmp_path / "ids")
    del source.things["", uuid]
    assert make_live_plan(source, Layout(), tmp_path / "ids").points == 1


# --- the command, and real kills -----------------------------------------------------------------------------------

DRIVER = """
import sys
import netdoctor.migration.listlog as listlog
from netdoctor.cli.main import run
listlog.EVERY, listlog._SLOW = 0.02, 0
sys.exit(run(sys.argv[1:]))
"""


def test_a_migration_that_is_killed_while_it_lists_goes_on(
    pinecone: Pinecone, qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "l.sqlite"
    origin = ["migrate", f"pinecone:{pinecone.url}", "--to", qdrant.url, "--transport", "rest", "--ledger", str(ledger)]
    command = [*origin, "--collection", own, "--format", "json"]
    state = state_of(tmp_path / "l.sqlite.ids")
    pinecone.delay = 0.05
    safe = [0]
    for moment in (200, 900):
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        deadline = time.monotonic() + 60
        while safe[-1] < moment and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
            if state.exists():
                safe.append(json.loads(state.read_text())["count"])
        process.kill()
        _, err = process.communicate()
        assert process.returncode == -9, err.decode()
    assert moment <= safe[-1] < sum(COUNTS.values())
    pinecone.delay = 0.0
    asked = pinecone.count("list")
    assert run(command) == Exit.OK
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["verified"] == sum(COUNTS.values())
    assert any("ids had been listed by an earlier start" in note for note in told["source_notes"])
    assert pinecone.count("list") - asked <= PAGES - safe[-1] // 100 + 1
    assert list(Listing.read(tmp_path / "l.sqlite.ids").entries()) == everything(pinecone)
    assert not state.exists() and not [each for each in tmp_path.iterdir() if each.name.endswith(".new")]
    # And --restart lists anew.
    asked = pinecone.count("list")
    assert run([*command, "--restart"]) == Exit.OK
    assert pinecone.count("list") - asked == PAGES


def test_restart_forgets_a_list_that_was_begun(
    pinecone: Pinecone, qdrant: Server, own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_after(pinecone, tmp_path / "l.ids", 1400, monkeypatch)
    gone = everything(pinecone)[3]
    del pinecone.namespaces[gone[0]][gone[1]]
    command = ["migrate", f"pinecone:{pinecone.url}", "--to", qdrant.url, "--transport", "rest", "-q"]
    assert run([*command, "--ledger", str(tmp_path / "l"), "--collection", own, "--restart"]) == Exit.OK
    assert list(Listing.read(tmp_path / "l.ids").entries()) == everything(pinecone)


def test_an_interrupt_keeps_what_is_listed_and_no_thread(pinecone: Pinecone, tmp_path: Path) -> None:
    def interrupt(count: int) -> None:
        if count >= 700:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        listed(pinecone, tmp_path / "ids", tell=interrupt, every=60.0)
    assert json.loads(state_of(tmp_path / "ids").read_text())["count"] == 700
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("netdoctor-list")]
    assert listed(pinecone, tmp_path / "ids") == everything(pinecone)
