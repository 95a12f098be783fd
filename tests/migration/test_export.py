"""A live index into a file: all of it, once, however often it is killed on the way."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from migration.lab import Server, records, run_once, via_host, write_export
from migration.pinecone_server import KEY, Asked, Pinecone, Reply, fill, rpc, serving
from netdoctor.cli.main import run
from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.exits import Exit
from netdoctor.migration import export as export_module
from netdoctor.migration.export import Exported, export
from netdoctor.migration.export_files import sink_for
from netdoctor.migration.records import Record
from netdoctor.migration.sources import _pinecone_pace as pace_module
from netdoctor.migration.sources._pinecone_refusals import QuotaSpent
from netdoctor.migration.sources.interface import Access, open_source
from netdoctor.migration.target import Transport

FORMS = ("e.json", "e.jsonl", "e.parquet")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "FIRST", 0.01)
    monkeypatch.setattr(export_module, "_EVERY", 0.0)
    for name in list(os.environ):
        if name.startswith(("PINECONE", "NETDOCTOR", "QDRANT")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PINECONE_API_KEY", KEY)


@pytest.fixture
def pinecone() -> Iterator[Pinecone]:
    with serving(Pinecone()) as running:
        fill(running, {"": 320, "user_ä": 130, "one": 1, "empty": 0})
        yield running


def go(pinecone: Pinecone, file: Path, **how: Any) -> Exported:
    source = open_source(f"pinecone:{pinecone.url}", Access({"PINECONE_API_KEY": KEY}))
    try:
        return export(source, file, **how)
    finally:
        source.close()  # type: ignore[attr-defined]


def content(file: Path) -> list[tuple[str, str, bytes, str, bytes]]:
    """What a migration would read from it."""
    found = []
    for record in open_source(file).records():
        assert isinstance(record, Record), record
        sparse = record.sparse.to_bytes() if record.sparse else b""
        told = json.dumps(dict(record.metadata), sort_keys=True)
        found.append((record.namespace, record.id, record.values.tobytes(), told, sparse))
    return found


def stored(pinecone: Pinecone) -> list[tuple[str, str]]:
    return [
        (namespace, identity)
        for namespace in sorted(pinecone.namespaces)
        for identity in sorted(pinecone.namespaces[namespace], key=str.encode)
    ]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# --- the file ------------------------------------------------------------------------------------------------------


def test_the_three_forms_hold_the_same_to_the_bit(pinecone: Pinecone, tmp_path: Path) -> None:
    pinecone.put("", {"id": "hybrid", "values": [0.1] * 8, "sparseValues": {"indices": [9, 2], "values": [0.1, 3]}})
    pinecone.put("", {"id": "sparse", "values": [], "sparseValues": {"indices": [4294967295], "values": [1e-30]}})
    pinecone.put("", {"id": "bare", "values": [1e-40, -0.0, 3.4e38, 0.1, 1 / 3, 7, 8, 9]})
    pinecone.put("", {"id": "full", "values": [1] * 8, "metadata": {"i": 3, "f": 3.0, "t": ["ä", '"'], "b": True}})
    read = {}
    for form in FORMS:
        done = go(pinecone, tmp_path / form)
        assert done.good and not done.resumed
        assert (done.records, sum(done.namespaces.values())) == (455, 455)
        assert done.counted == done.namespaces == {"": 324, "user_ä": 130, "one": 1}
        assert done.size == (tmp_path / form).stat().st_size
        read[form] = content(tmp_path / form)
    assert read["e.json"] == read["e.jsonl"] == read["e.parquet"]
    assert [each[:2] for each in read["e.json"]] == stored(pinecone)
    assert names(tmp_path) == sorted(FORMS)
    array = json.loads((tmp_path / "e.json").read_text("utf-8"))
    assert {"id", "values", "metadata", "namespace"} == array[-1].keys()
    full = next(each for each in array if each["id"] == "full")
    assert full["metadata"] == {"i": 3, "f": 3.0, "t": ["ä", '"'], "b": True}
    assert [type(full["metadata"][key]) for key in "if"] == [int, float]


def test_an_index_without_records_is_an_export_without_records(tmp_path: Path) -> None:
    with serving(Pinecone()) as empty:
        for form in FORMS:
            assert go(empty, tmp_path / form).good
    assert json.loads((tmp_path / "e.json").read_text()) == []
    assert (tmp_path / "e.jsonl").read_text() == ""
    assert list(open_source(tmp_path / "e.parquet").records()) == []


def test_without_the_fast_writer_the_file_is_the_same(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(pinecone, tmp_path / "fast.jsonl")
    monkeypatch.setitem(sys.modules, "orjson", None)
    go(pinecone, tmp_path / "slow.jsonl")
    assert content(tmp_path / "fast.jsonl") == content(tmp_path / "slow.jsonl")


def test_an_export_can_be_converted(pinecone: Pinecone, tmp_path: Path) -> None:
    go(pinecone, tmp_path / "e.json")
    done = export(open_source(tmp_path / "e.json"), tmp_path / "f.parquet")
    assert done.good and done.counted is None
    assert content(tmp_path / "f.parquet") == content(tmp_path / "e.json")


def test_another_qdrant_is_exported_and_gone_on_with(qdrant: Server, own: str, tmp_path: Path) -> None:
    things = records(250, 8)
    for thing in things:
        thing["namespace"] = own
    with via_host(qdrant, Transport.REST) as target:
        run_once(write_export(tmp_path / "start.json", things), target, tmp_path / "ledger.sqlite")
    origin = f"qdrant:{qdrant.url}/{own}"

    def interrupt(count: int, _total: int, _namespace: str) -> None:
        if count == 200:
            raise KeyboardInterrupt

    with closing(open_source(origin)) as source, pytest.raises(KeyboardInterrupt):  # type: ignore[type-var]
        export(source, tmp_path / "e.jsonl", tell=interrupt)
    with closing(open_source(origin)) as source:  # type: ignore[type-var]
        done = export(source, tmp_path / "e.jsonl")
    assert done.resumed and done.good and done.counted == {own: 250}
    found = content(tmp_path / "e.jsonl")
    assert len({each[1] for each in found}) == len(found) == 250
    assert names(tmp_path) == ["e.jsonl", "ledger.sqlite", "start.json"]


def test_a_file_that_says_no_form_is_refused_and_one_that_is_there_is_kept(pinecone: Pinecone, tmp_path: Path) -> None:
    for wrong in ("e", "e.csv", "e.json.gz"):
        with pytest.raises(UsageError, match="says none of them"):
            sink_for(tmp_path / wrong)
    file = tmp_path / "e.json"
    file.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        go(pinecone, file)
    assert file.read_text() == "mine" and names(tmp_path) == ["e.json"]
    assert go(pinecone, file, replace=True).records == 451
    with pytest.raises(UsageError, match="no folder"):
        go(pinecone, tmp_path / "no" / "e.json")
    (tmp_path / "d.json").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        go(pinecone, tmp_path / "d.json", replace=True)


# --- going on ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_broken_off_after_any_fetch_it_goes_on_to_the_same_file(pinecone: Pinecone, tmp_path: Path, form: str) -> None:
    go(pinecone, tmp_path / f"whole-{form}")
    at_once = pinecone.count("fetch")
    moments = range(at_once + 1) if form == "e.json" else (2, at_once - 1)
    for allowed in moments:
        folder = tmp_path / str(allowed)
        folder.mkdir()
        before = pinecone.count("fetch")

        def spent(asked: Asked, limit: int = before + allowed) -> Reply | None:
            over = asked.what == "fetch" and pinecone.count("fetch") > limit
            return rpc(429, 8, "You've reached your read unit limit for the current month.") if over else None

        pinecone.fault = spent
        if allowed < at_once:
            with pytest.raises(QuotaSpent):
                go(pinecone, folder / form)
            assert not (folder / form).exists()
            pinecone.fault = lambda _asked: None
            if allowed % 2:
                pinecone.forget_tokens()
        done = go(pinecone, folder / form)
        assert done.good and done.records == 451
        assert names(folder) == [form]
        assert content(folder / form) == content(tmp_path / f"whole-{form}")
        if form != "e.parquet":
            assert (folder / form).read_bytes() == (tmp_path / f"whole-{form}").read_bytes()


DRIVER = """
import sys
import netdoctor.migration.export as export
from netdoctor.cli.main import run
export._EVERY = 0.02
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("form", ["e.json", "e.parquet"])
def test_killed_again_and_again_it_goes_on_to_the_same_file(pinecone: Pinecone, tmp_path: Path, form: str) -> None:
    fill(pinecone, {"": 2500, "user_ä": 200})
    go(pinecone, tmp_path / f"whole-{form}")
    pinecone.delay = 0.02
    chance = random.Random(11)
    file = tmp_path / form
    command = [sys.executable, "-c", DRIVER, "vectors", "export", "--from", f"pinecone:{pinecone.url}", "-o", str(file)]
    kills = before = 0
    most = 3 if form == "e.json" else 2
    pinecone.asked.clear()
    for _ in range(30):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        state = file.with_name(f"{form}.partial.state")
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            now = json.loads(state.read_text())["records"] if state.exists() else 0
            if now > before and kills < most:
                time.sleep(chance.random() * 0.2)
                process.kill()
                kills, before = kills + 1, now
                break
            time.sleep(0.01)
        out, err = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -9, err.decode()
    assert process.returncode == 0 and kills == most
    assert b"as many as the index counts" in out
    lists = [asked for asked in pinecone.asked if asked.what == "list" and not asked.one("namespace")]
    assert len([asked for asked in lists if not asked.one("paginationToken")]) == 1, "listed from its start again"
    assert content(file) == content(tmp_path / f"whole-{form}")
    assert names(tmp_path) == sorted([form, f"whole-{form}"])


def test_a_namespace_in_no_order_whose_token_is_lost_is_read_anew(pinecone: Pinecone, tmp_path: Path) -> None:
    identities = [f"z{number:04}" for number in range(250)]
    random.Random(5).shuffle(identities)
    for identity in identities:
        pinecone.put("b", {"id": identity, "values": [1.0] * 8})
    whole = {each[1] for each in stored(pinecone)}

    def unordered(asked: Asked) -> Reply | None:
        if asked.what != "list" or asked.one("namespace") != "b":
            return None
        token = asked.one("paginationToken")
        if token == "200" and pinecone.count("list") < 14:
            return rpc(400, 3, "Invalid pagination token.")
        first = int(token or 0)
        body: dict[str, Any] = {"vectors": [{"id": each} for each in identities[first : first + 100]]}
        if first + 100 < len(identities):
            body["pagination"] = {"next": str(first + 100)}
        return Reply(200, json.dumps(body).encode())

    pinecone.fault = unordered
    done = go(pinecone, tmp_path / "e.json")
    assert done.good and done.records == 701
    ids = [each[1] for each in content(tmp_path / "e.json")]
    assert len(ids) == 701 and set(ids) == whole


def test_a_part_of_another_index_is_not_gone_on_with(pinecone: Pinecone, tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    pinecone.quota = 20
    with pytest.raises(QuotaSpent):
        go(pinecone, file)
    pinecone.quota = None
    with serving(Pinecone()) as other:
        with pytest.raises(UsageError, match="is of another index"):
            go(other, file)
        assert go(other, file, restart=True).records == 0
    state = file.with_name("e.json.partial.state")
    state.write_text("{")
    file.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        go(pinecone, file)
    assert go(pinecone, file, restart=True).records == 451
    assert names(tmp_path) == ["e.json"]


def test_two_at_once_cannot_write_one_file(pinecone: Pinecone, tmp_path: Path) -> None:
    refused = []

    def second(_records: int, _total: int, _namespace: str) -> None:
        if not refused:
            with pytest.raises(UsageError, match="Another export") as error:
                go(pinecone, tmp_path / "e.json")
            refused.append(error)

    assert go(pinecone, tmp_path / "e.json", tell=second).good
    assert refused and content(tmp_path / "e.json")


@pytest.mark.parametrize("form", FORMS)
def test_killed_while_the_file_was_made_the_next_call_finishes(
    pinecone: Pinecone, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / form

    class Killed(BaseException):
        """As if by SIGKILL."""

    state = file.with_name(f"{form}.partial.state")
    for doing, last in (("replace", file), ("unlink", state)):
        with monkeypatch.context() as patched:
            real = getattr(Path, doing)

            def killed(self: Path, *args: Any, real: Any = real, last: Path = last, **how: Any) -> Any:
                if last in (self, *args) and (last == file or file.exists()):
                    raise Killed
                return real(self, *args, **how)

            patched.setattr(Path, doing, killed)
            with pytest.raises(Killed):
                go(pinecone, file)
        done = go(pinecone, file)
        assert done.resumed and done.records == 451 and done.good
        assert [each[:2] for each in content(file)] == stored(pinecone)
        assert [name for name in names(tmp_path) if not name.startswith(".")] == [form]
        file.unlink()


def test_a_full_disk_is_told_and_the_next_call_goes_on(pinecone: Pinecone, tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000));{DRIVER}"
    command = ["vectors", "export", "--from", f"pinecone:{pinecone.url}", "-o", str(file)]
    failed = subprocess.run([sys.executable, "-c", limited, *command], capture_output=True, text=True, timeout=60)
    assert failed.returncode == Exit.FINDINGS, failed.stderr
    assert "cannot be written: File too large" in failed.stderr and "it resumes" in failed.stderr
    assert not file.exists()
    done = go(pinecone, file)
    assert done.good and [each[:2] for each in content(file)] == stored(pinecone)


def test_what_an_interrupt_leaves_is_consistent(pinecone: Pinecone, tmp_path: Path) -> None:
    seen = []

    def interrupt(records: int, _total: int, _namespace: str) -> None:
        seen.append(records)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(pinecone, tmp_path / "e.json", tell=interrupt)
    asked = pinecone.count("fetch")
    done = go(pinecone, tmp_path / "e.json")
    assert done.resumed and done.good
    assert pinecone.count("fetch") - asked < 6
    assert [each[:2] for each in content(tmp_path / "e.json")] == stored(pinecone)


# --- what the index counts -----------------------------------------------------------------------------------------


def test_what_was_deleted_meanwhile_is_told_and_no_difference(pinecone: Pinecone, tmp_path: Path) -> None:
    gone = [stored(pinecone)[5][1], stored(pinecone)[200][1]]
    pinecone.ghosts = set(gone)
    done = go(pinecone, tmp_path / "e.json")
    assert (done.records, done.gone, done.good) == (449, 2, True)
    assert any("2 records were listed but not there" in note for note in done.notes)


@pytest.mark.parametrize("off", [3, -3])
def test_a_count_that_differs_is_a_finding(pinecone: Pinecone, tmp_path: Path, off: int) -> None:
    pinecone.stats_off = {"user_ä": off}
    done = go(pinecone, tmp_path / "e.json")
    assert not done.good
    assert done.different == {"user_ä": (130, 130 + off)}


def test_a_namespace_that_appears_meanwhile_is_a_finding(pinecone: Pinecone, tmp_path: Path) -> None:
    def appear(_records: int, _total: int, _namespace: str) -> None:
        pinecone.put("another", {"id": "x", "values": [1.0] * 8})

    done = go(pinecone, tmp_path / "e.json", tell=appear)
    assert done.different == {"another": (0, 1)}


def test_a_record_that_is_none_is_named_and_a_finding(pinecone: Pinecone, tmp_path: Path) -> None:
    pinecone.put("one", {"id": "odd", "values": ["x"]})
    done = go(pinecone, tmp_path / "e.json")
    assert (done.records, done.bad_count, done.good) == (451, 1, False)
    assert "'odd' in namespace 'one'" in str(done.bad[0])


# --- the command ---------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_costs_before_and_what_was_done_after(
    pinecone: Pinecone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "e.parquet"
    assert run(["vectors", "export", "--from", f"pinecone:{pinecone.url}", "--dry-run"]) == Exit.OK
    out, err = capsys.readouterr()
    assert "Estimate: 54 read units for 451 records" in out and "320 counted" in out
    assert pinecone.read_units == 0
    assert run(["vectors", "export", "--from", f"pinecone:{pinecone.url}", "-o", str(file)]) == Exit.OK
    out, err = capsys.readouterr()
    assert "Estimate: 54 read units" in err
    assert "OK: 451 records are in e.parquet, as many as the index counts." in out
    assert "Pinecone counted 54 read units." in out
    command = ["vectors", "export", "--from", "pinecone:notes", "--source-option", f"controller={pinecone.url}"]
    assert run([*command, "-o", str(tmp_path / "f.json"), "--namespace", "one", "--format", "json", "-q"]) == Exit.OK
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["ok"], told["records"], told["schema"]) == (True, 1, "netdoctor.export/1")
    assert told["namespaces"] == [{"name": "one", "exported": 1, "counted": 1}]
    assert err == ""


def test_the_command_ends_with_1_where_something_differs(
    pinecone: Pinecone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pinecone.stats_off = {"one": 4}
    command = ["vectors", "export", "--from", f"pinecone:{pinecone.url}", "-o", str(tmp_path / "e.json")]
    assert run(command) == Exit.FINDINGS
    assert "DIFFERENT: the index counts 5 records in namespace 'one', the file has 1." in capsys.readouterr().out
    pinecone.stats_off = {}
    pinecone.put("one", {"id": "odd", "values": ["x"]})
    pinecone.stats_off = {"one": -1}
    assert run([*command, "--replace"]) == Exit.FINDINGS
    out = capsys.readouterr().out
    assert "INCOMPLETE: 1 records could not be exported." in out and "not exported: " in out


def test_the_command_refuses_before_it_connects(
    pinecone: Pinecone, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.json").write_text("an older export")
    origin = f"pinecone:{pinecone.url}"
    for arguments, words in (
        (["--from", origin], "needs a file"),
        (["--from", origin, "-o", "x.csv"], "says none of them"),
        (["--from", origin, "-o", "x.json", "--source-option", "x"], "is not NAME=VALUE"),
        (["--from", origin, "-o", "x.json", "--source-option", "x=1"], "has no option 'x'"),
        (["--from", origin, "-o", "x.json", "--source-option", "in-flight=0"], "no number from 1"),
        (["--from", origin, "-o", "x.json", "--format", "junit"], "human or json"),
        (["--from", "pinecone:", "-o", "x.json"], "Which Pinecone index"),
        (["-o", "x.json"], "--from"),
    ):
        assert run(["vectors", "export", *arguments]) == Exit.USAGE
        assert words in capsys.readouterr().err
    monkeypatch.delenv("PINECONE_API_KEY")
    assert run(["vectors", "export", "--from", origin, "-o", "x.json"]) == Exit.USAGE
    assert "PINECONE_API_KEY" in capsys.readouterr().err
    assert run(["vectors", "export", "--from", origin, "-o", "x.json", "--format", "json"]) == Exit.USAGE
    assert pinecone.asked == []
    assert Path("x.json").read_text() == "an older export"


def test_the_key_is_in_no_output_and_in_no_file(
    pinecone: Pinecone, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pinecone.quota = 20
    key = tmp_path / "key"
    key.write_text(KEY)
    monkeypatch.delenv("PINECONE_API_KEY")
    monkeypatch.setenv("NETDOCTOR_DEBUG", "1")
    command = ["vectors", "export", "--from", f"pinecone:{pinecone.url}", "--source-key-file", str(key)]
    assert run([*command, "-o", str(tmp_path / "e.json"), "-vv"]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert "gives no more data on this account's plan" in err
    assert KEY not in out + err
    key.write_text("pcsk_wrong_key_of_nobody")
    assert run([*command, "-o", str(tmp_path / "e.json")]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert "refuses the API key" in err and "pcsk_wrong" not in out + err
    for file in tmp_path.iterdir():
        assert file == key or b"pcsk_" not in file.read_bytes()
    assert {asked.headers["Api-Key"] for asked in pinecone.asked} == {KEY, "pcsk_wrong_key_of_nobody"}


def test_a_digest_of_two_exports_of_a_quiet_index_is_the_same(pinecone: Pinecone, tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        go(pinecone, tmp_path / f"{number}.json")
        digests.add(hashlib.sha256((tmp_path / f"{number}.json").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_damaged_part_is_told(pinecone: Pinecone, tmp_path: Path) -> None:
    file = tmp_path / "e.parquet"
    pinecone.quota = 30
    with pytest.raises(QuotaSpent):
        go(pinecone, file)
    part = file.with_name("e.parquet.partial")
    state = file.with_name("e.parquet.partial.state")
    told = json.loads(state.read_text())
    part.write_bytes(part.read_bytes()[:-7])
    told |= {"read": True, "size": part.stat().st_size}
    state.write_text(json.dumps(told))
    with pytest.raises(MigrationFailed, match="damaged"):
        go(pinecone, file)
