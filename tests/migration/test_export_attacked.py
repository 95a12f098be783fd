"""A live index into a file, attacked: a full disk, a kill at each step, links, other calls, an index that changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from migration.lab import Server, records, run_once, via_host, write_export
from migration.pinecone_server import Asked, Pinecone, Reply, fill, rpc, serving
from migration.test_export import DRIVER, FORMS, content, go, names, pinecone, quick
from netdoctor.cli.main import run
from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.exits import Exit
from netdoctor.migration import export as export_module
from netdoctor.migration import listlog, safekeeping
from netdoctor.migration.export import export
from netdoctor.migration.sources import _qdrant_pages
from netdoctor.migration.sources.interface import Access, open_source
from netdoctor.migration.target import Transport

__all__ = ["pinecone", "quick"]  # fixtures


class Killed(BaseException):
    """As if by SIGKILL: nothing is put down on the way out."""


@pytest.mark.parametrize("form", FORMS)
def test_killed_before_and_after_each_step_on_the_disk_it_goes_on_to_the_same_file(
    pinecone: Pinecone, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        steps = _steps(patched, 0, after=False)
        go(pinecone, tmp_path / f"whole-{form}")
        every = steps[0]
    assert every > 20
    # All of them take long: those of the beginning and of the end, and some between.
    for number in sorted({*range(1, 5), *range(7, every - 4, 9), *range(every - 4, every + 1)}):
        folder = tmp_path / str(number)
        folder.mkdir()
        with monkeypatch.context() as patched, pytest.raises(Killed):
            _steps(patched, number, after=bool(number % 2))
            patched.setattr(export_module._Work, "_leave", lambda _self: None)
            go(pinecone, folder / form)
        if number % 3 == 0:
            pinecone.forget_tokens()
        if (folder / form).exists() and not (folder / f"{form}.partial.state").exists():
            assert number > every - 4  # nothing was left to do
        else:
            done = go(pinecone, folder / form)
            assert done.good and done.records == 451, number
        assert names(folder) == [form]
        if form == "e.parquet":
            assert content(folder / form) == content(tmp_path / f"whole-{form}")
        else:
            assert (folder / form).read_bytes() == (tmp_path / f"whole-{form}").read_bytes()


def _steps(patched: pytest.MonkeyPatch, number: int, *, after: bool) -> list[int]:
    """Count what is done to the disk; end at the ``number``-th."""
    count = [0]

    def dying(real: Any) -> Any:
        def step(*arguments: Any, **more: Any) -> Any:
            count[0] += 1
            if count[0] == number and not after:
                raise Killed
            result = real(*arguments, **more)
            if count[0] == number:
                raise Killed
            return result

        return step

    patched.setattr(os, "fsync", dying(os.fsync))
    patched.setattr(Path, "replace", dying(Path.replace))
    patched.setattr(Path, "unlink", dying(Path.unlink))
    return count


@pytest.mark.parametrize("form", FORMS)
def test_a_disk_that_is_full_at_any_byte_leaves_what_can_be_gone_on_with(
    pinecone: Pinecone, tmp_path: Path, form: str
) -> None:
    go(pinecone, tmp_path / f"whole-{form}")
    size = (tmp_path / f"whole-{form}").stat().st_size
    file = tmp_path / form
    command = ["vectors", "export", "--from", f"pinecone:{pinecone.url}", "-o", str(file)]
    # Also in the middle of the last bracket, where what is written is cut off in it.
    for limit in (0, 3000, size - 2, size - 1) if form == "e.json" else (3000,):
        limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));{DRIVER}"
        failed = subprocess.run([sys.executable, "-c", limited, *command], capture_output=True, text=True, timeout=60)
        assert failed.returncode == Exit.FINDINGS, failed.stderr
        assert "cannot be written: File too large" in failed.stderr
        assert "Traceback" not in failed.stderr and not file.exists()
    done = go(pinecone, file, replace=file.exists())
    assert done.good and content(file) == content(tmp_path / f"whole-{form}")
    assert names(tmp_path) == sorted([form, f"whole-{form}"])


def test_a_place_that_no_file_can_have_is_refused_before_anything_is_read(
    pinecone: Pinecone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "circle.json").symlink_to(tmp_path / "circle.json")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "plain").write_text("")
    for name, words in (
        ("folder.json", "is a folder"),
        ("circle.json", "links in a circle"),
        ("pipe.json", "no plain file"),
        ("no/e.json", "There is no folder"),
        ("plain/e.json", "There is no folder"),
        (f"{'x' * 300}.json", "File name too long"),
        (f"{'x' * 245}.json", "File name too long"),
    ):
        asked = len(pinecone.asked)
        command = ["vectors", "export", "--from", f"pinecone:{pinecone.url}", "-o", str(tmp_path / name)]
        assert run([*command, "--replace"]) in (Exit.USAGE, Exit.FINDINGS), name
        err = capsys.readouterr().err
        assert words in err and "Traceback" not in err, (name, err)
        assert "fetch" not in [each.what for each in pinecone.asked[asked:]]
    assert names(tmp_path) == ["circle.json", "folder.json", "pipe.json", "plain"]


def test_a_link_is_followed_to_the_export_and_no_other_link_is(pinecone: Pinecone, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "e.json").symlink_to(tmp_path / "far" / "real.json")
    assert go(pinecone, tmp_path / "e.json").records == 451
    assert (tmp_path / "e.json").is_symlink() and names(tmp_path / "far") == ["real.json"]
    mine = tmp_path / "mine"
    mine.write_text("mine")
    for tail in ("partial", "partial.state.new"):
        (tmp_path / f"f.json.{tail}").symlink_to(mine)
        if tail == "partial":
            with pytest.raises(UsageError, match="cannot be written"):
                go(pinecone, tmp_path / "f.json")
            (tmp_path / f"f.json.{tail}").unlink()
    (tmp_path / ".f.parquet.new").symlink_to(mine)
    assert go(pinecone, tmp_path / "f.json").good and go(pinecone, tmp_path / "f.parquet").good
    assert mine.read_text() == "mine"


def test_whoever_waited_for_the_part_of_a_finished_export_leaves_that_alone(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between another call's opening the part and its lock, the first one ended: the part is the export by then."""
    file = tmp_path / "e.jsonl"
    real, once = safekeeping.fcntl.flock, []

    def late(out: Any, how: int) -> None:
        if not once:
            once.append(out)
            with monkeypatch.context() as now:
                now.setattr(safekeeping.fcntl, "flock", real)
                assert go(pinecone, file).good
        real(out, how)

    monkeypatch.setattr(safekeeping.fcntl, "flock", late)
    with pytest.raises(UsageError, match="is there already"):
        go(pinecone, file)
    assert len(content(file)) == 451 and names(tmp_path) == ["e.jsonl"]


def test_what_another_index_nearly_finished_is_not_this_ones(
    pinecone: Pinecone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "e.json"
    state = file.with_name("e.json.partial.state")
    go(pinecone, file)
    with serving(Pinecone()) as other:
        with monkeypatch.context() as patched, pytest.raises(Killed):
            real = Path.unlink

            def killed(self: Path, *arguments: Any, **more: Any) -> None:
                if self == state and state.exists() and json.loads(state.read_text())["read"]:
                    raise Killed
                real(self, *arguments, **more)

            patched.setattr(Path, "unlink", killed)
            go(pinecone, file, replace=True)
        assert state.exists()
        with pytest.raises(UsageError, match="is there already"):
            go(other, file)
    for odd in ("[]", "3", '"x"', "null", '{"schema": 1}', json.dumps({"schema": export_module.STATE, "size": "x"})):
        state.write_text(odd)
        with pytest.raises(UsageError, match="cannot be read"):
            go(pinecone, file)


def test_a_namespace_with_control_characters_is_exported_and_shown_without_them(
    pinecone: Pinecone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "x\n\x1b[31mred\u202e\x00"
    fill(pinecone, {name: 3})
    pinecone.stats_off = {name: 2}
    file = tmp_path / "e.jsonl"
    assert run(["vectors", "export", "--from", f"pinecone:{pinecone.url}", "-o", str(file)]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert "DIFFERENT: the index counts 5 records" in out
    assert not any(bad in out + err for bad in ("\x1b", "\u202e", "\x00", "x\n"))
    assert sum(each[0] == name for each in content(file)) == 3


def test_an_index_that_is_deleted_meanwhile_is_told_and_gone_on_with(pinecone: Pinecone, tmp_path: Path) -> None:
    def gone(asked: Asked) -> Reply | None:
        late = asked.what == "fetch" and pinecone.count("fetch") > 2
        return rpc(404, 5, "Index not found") if late else None

    pinecone.fault = gone
    with pytest.raises(MigrationFailed, match="There is no Pinecone index"):
        go(pinecone, tmp_path / "e.json")
    pinecone.fault = lambda _asked: None
    # And a namespace that is deleted before the next call: its rest is gone, and that is told.
    pinecone.namespaces["user_ä"].clear()
    done = go(pinecone, tmp_path / "e.json")
    assert done.resumed and done.records == len(content(tmp_path / "e.json"))
    assert done.counted == {"": 320, "one": 1}


def test_another_qdrant_whose_listing_was_killed_is_listed_on_and_a_lost_list_is_told(
    qdrant: Server, own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = records(300, 4)
    for number, thing in enumerate(things):
        thing["namespace"] = f"{own}{number % 2}"
    with via_host(qdrant, Transport.REST) as target:
        run_once(write_export(tmp_path / "start.json", things), target, tmp_path / "ledger.sqlite")
    monkeypatch.setattr(_qdrant_pages, "IDS", 40)
    monkeypatch.setattr(listlog, "EVERY", 0.0)
    access = Access(namespaces=(f"{own}0", f"{own}1"))
    file = tmp_path / "e.jsonl"
    for moment in (2, 4):

        def die(real: Any, left: list[int]) -> Any:
            def step(self: Any, group: Any) -> Any:
                left[0] -= 1
                if not left[0]:
                    raise Killed
                return real(self, group)

            return step

        with monkeypatch.context() as patched, closing(open_source(f"qdrant:{qdrant.url}", access)) as source:  # type: ignore[type-var]
            patched.setattr(listlog._ListLog, "_append", die(listlog._ListLog._append, [moment]))
            patched.setattr(listlog._ListLog, "_leave", lambda _self: None)
            with pytest.raises(Killed):
                export(source, file)
    kept = json.loads((tmp_path / "e.jsonl.partial.ids.state").read_text())["count"]
    assert 80 <= kept < 300

    def interrupt(_count: int, _total: int, _namespace: str) -> None:
        raise KeyboardInterrupt

    with closing(open_source(f"qdrant:{qdrant.url}", access)) as source, pytest.raises(KeyboardInterrupt):  # type: ignore[type-var]
        export(source, file, tell=interrupt)
    ids = tmp_path / "e.jsonl.partial.ids"
    lines = ids.read_bytes().splitlines(keepends=True)
    assert len(set(lines)) == len(lines) == 300
    ids.write_bytes(b"".join(lines[1:]))
    with closing(open_source(f"qdrant:{qdrant.url}", access)) as source:  # type: ignore[type-var]
        with pytest.raises(MigrationFailed, match="not the one that the export was begun by"):
            export(source, file)
        ids.unlink()
        with pytest.raises(MigrationFailed, match="cannot be read"):
            export(source, file)
        ids.write_bytes(b"".join(lines))
        done = export(source, file)
    assert done.good and done.resumed and len({each[1] for each in content(file)}) == done.records == 300
    assert names(tmp_path) == ["e.jsonl", "ledger.sqlite", "start.json"]
