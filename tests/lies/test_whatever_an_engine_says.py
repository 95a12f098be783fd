"""Each lie in the place of each answer, for each verb: an end in time, one sentence, and never a clean bill of health.

A sample of the product each time; ``NETDOCTOR_LIES=all``: every cell.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.conftest import Ended, netdoctor
from hostile.attack import raw

from netdoctor.cli import common
from netdoctor.engine import careful, helpers
from netdoctor.vantage import exec as exec_
from netdoctor.vantage import relay, sidecar

from . import table
from .honest import Honest
from .lie import Lie
from .server import Liar, canary, database, liar

WHOLE = os.environ.get("NETDOCTOR_LIES") == "all"
LOOK = ("version", "containers", "inspect", "networks")
BESIDE = (*LOOK, "image", "create", "attach", "start", "file", "remove")
INSIDE = (*LOOK, "stat", "exec", "exec-start", "file")
MEMORY = 300 << 20


def ended_well(ended: Ended) -> bool:
    return ended.status == 0


def drawn_well(ended: Ended) -> bool:
    return ended.status == 0 and "ok     app" in ended.out


def learnt(ended: Ended) -> bool:
    return ended.status == 0 and " -> db" in ended.out


def recorded_well(ended: Ended) -> bool:
    """What the bundle says when it is asked."""
    return ended.status == 0 and netdoctor("check", "--bundle", "b.json").status == 0


def one_of_two_holds(ended: Ended) -> bool:
    """Nobody listens in ``app``."""
    if not ended.out.startswith("{"):
        return "HOLDS" in ended.out
    return any(edge["verdict"] == "holds" for edge in json.loads(ended.out)["edges"])


@dataclass(frozen=True)
class Verb:
    """``needs``: what it asks the engine for. ``spared``: of these, what it does without, in sound health. ``scene``:
    what the engine has (see ``Honest``)."""

    name: str
    words: tuple[str, ...]
    needs: tuple[str, ...]
    spared: tuple[str, ...] = ()
    scene: str = ""
    well: Callable[[Ended], bool] = ended_well


PAIR = ("app", "db:PORT")
FETCHING = ("--pull", "missing", "--vantage", "sidecar", "check")
VERBS = (
    Verb("overview", (), LOOK),
    Verb("check-beside", ("check", *PAIR, "--vantage", "sidecar"), BESIDE, ("remove",)),
    Verb("check-inside", ("check", *PAIR, "--vantage", "exec"), INSIDE),
    Verb("check-declared", ("check", "--vantage", "exec"), INSIDE),
    Verb("check-all", ("check", "--all", "--vantage", "sidecar"), BESIDE, ("remove",), well=one_of_two_holds),
    Verb("check-fetching", (*FETCHING, *PAIR), (*BESIDE, "pull"), ("remove", "image"), "bare"),
    Verb("check-tasks", ("check", *PAIR, "--vantage", "exec"), (*INSIDE, "services"), ("services",), "swarm"),
    Verb("check-drift", ("check", "--drift"), LOOK, (), "composed"),
    Verb("map", ("map", "--vantage", "exec"), INSIDE, well=drawn_well),
    Verb("bundle", ("bundle", "b.json", *PAIR, "--vantage", "exec"), INSIDE, well=recorded_well),
    Verb("doctor", ("doctor",), (*LOOK, "image", "info"), ("image", "info")),
    Verb("fix", ("fix", *PAIR, "--dry-run", "--vantage", "exec"), (*INSIDE, "info"), ("info",)),
    Verb("expect", ("expect", "--learn", "-", "--vantage", "exec"), INSIDE, well=learnt),
    Verb("enter", ("enter", "app", "--", "true"), (*BESIDE[:-2], "wait", "remove"), ("remove",)),
)
COMPOSED = """\
services:
  app: {image: x, networks: [back]}
  db: {image: x, networks: [back]}
networks: {back: {name: back}}
"""
TORN = {"half-a-frame", "half-a-header", "frame-of-4-gb", "stream-type-9", "no-frames", "no-stream"}


def told(verb: Verb, kind: str, lie: Lie) -> bool:
    """Whether it is a lie there: what is whole and ends in order is what the entered command may have said."""
    said = (*table.SPOKEN, *(each for each in table.WIRE if each.name == "closed-in-the-head"))
    return not (verb.name == "enter" and kind == "attach" and lie in said) or lie.name in TORN


CELLS = [
    pytest.param(verb, kind, lie, id=f"{verb.name}-{kind}-{lie.name}")
    for verb in VERBS
    for kind in verb.needs
    for lie in table.lies_for(kind)
    if told(verb, kind, lie)
    if WHOLE or table.picked(verb.name, kind, lie.name, one_in=80 if lie.patient else 24)
    if not (kind == "image" and verb.scene == "bare")
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with database() as found:
        yield found


@pytest.fixture(scope="module")
def strangers() -> Iterator[list[str]]:
    with canary() as (url, seen):
        table.lead_to(url)
        yield seen


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, port: int, strangers: list[str]) -> Iterator[Liar]:
    with liar(tmp_path_factory.mktemp("liar") / "e.sock", port) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file of another run, and nobody's words on stdin."""
    monkeypatch.chdir(tmp_path)
    kept = os.dup(0)
    nobody = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nobody, 0)
    os.close(nobody)
    yield
    os.dup2(kept, 0)
    os.close(kept)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for is waited for; not as long as a busy engine is given."""
    monkeypatch.setattr(common, "LEAST_PATIENCE", 0.6)
    monkeypatch.setattr(careful, "FETCH_SILENCE", 0.6)
    monkeypatch.setattr(careful, "FETCH_PATIENCE", 1.2)
    monkeypatch.setattr(helpers, "GONE_WITHIN", 0.6)
    monkeypatch.setattr(sidecar, "START", 1.5)
    monkeypatch.setattr(exec_, "START", 1.5)
    monkeypatch.setattr(relay, "GRACE", 0.5)


def asked(engine: Liar, port: int, verb: Verb, *more: str, timeout: str = "0.3") -> Ended:
    words = [word.replace("PORT", str(port)) for word in verb.words]
    engine.honest.scene, engine.honest.folder = verb.scene, str(Path.cwd())
    if verb.scene == "composed":
        Path("compose.yaml").write_text(COMPOSED)
    options = ["-H", engine.url, "--timeout", timeout, *more]
    return netdoctor(*options, *words, env={"NETDOCTOR_STATE_DIR": str(Path.cwd() / "state")})


def nothing_left(honest: Honest) -> bool:
    """Within some seconds: no process, no helper container, no thread of a run."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        alive = [child for child in honest.running.values() if child.poll() is None]
        threads = [each.name for each in threading.enumerate() if each.name.startswith(("netdoctor-relay", "events"))]
        if not (alive or threads):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_an_honest_engine_is_believed(engine: Liar, port: int, verb: Verb) -> None:
    """Else nothing below would prove anything."""
    engine.tell("", None)
    ended = asked(engine, port, verb, timeout="5")
    assert verb.well(ended), ended
    assert set(engine.asked) >= set(verb.needs) - set(verb.spared), engine.asked
    assert nothing_left(engine.honest)
    assert engine.honest.helpers == {}


@pytest.mark.parametrize(("verb", "kind", "lie"), CELLS)
def test_a_lie_is_never_health(
    engine: Liar, port: int, strangers: list[str], impatient: None, verb: Verb, kind: str, lie: Lie
) -> None:
    engine.tell(kind, lie)
    form = "json" if table.picked(verb.name, kind, lie.name, "form", one_in=2) else "human"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    ended = asked(engine, port, verb, *(("--format", form) if verb.name not in ("enter", "map") else ()))
    took = time.monotonic() - began
    if engine.lied == 0:
        assert kind in verb.spared, "the table says that it is asked"
    if lie.name == "list-of-null" and kind in ("containers", "networks"):
        # One entry beside the honest ones: the rest is judged, and it is told (test_one_entry).
        assert "is null and not an object" in " ".join((ended.out + ended.err).split())
        assert ended.status in (1, 3) or verb.name == "enter", ended
    elif kind not in verb.spared:
        assert not verb.well(ended), ended
        if kind in LOOK:
            assert ended.status == 3, ended
    assert took < 15
    assert strangers == []
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY
    assert "netdoctor itself failed" not in ended.err, ended
    assert table.SECRET not in ended.out + ended.err
    assert raw(ended.out) == raw(ended.err) == []
    assert len(ended.err) < 20_000
    if ended.status == 3 and verb.name != "expect":
        assert ended.err or ended.out
    if form == "json" and ended.out and verb.name not in ("enter", "map", "expect"):
        json.loads(ended.out)
    assert nothing_left(engine.honest)
    if kind not in ("remove", "start", "attach"):
        with contextlib.suppress(KeyError):
            assert kind == "create" or engine.honest.helpers == {}
