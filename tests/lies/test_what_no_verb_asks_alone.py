"""What only a bench, a fix of a Swarm service or a name of another node asks for: no lie is taken for an answer."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hostile.attack import raw
from topology.inspects import full

from netdoctor.engine import careful, swarm, usage
from netdoctor.engine.client import Engine
from netdoctor.engine.helpers import pull
from netdoctor.engine.hosts import EngineHost
from netdoctor.errors import EngineRefused, NetdoctorError

from . import table
from .honest import SERVICE
from .lie import Lie
from .server import Liar, canary, database, liar

WHOLE = os.environ.get("NETDOCTOR_LIES") == "all"
MEMORY = 300 << 20
USED = usage.Usage(1.0, 4000, 9000)


@dataclass(frozen=True)
class Call:
    """``says``: what an honest engine makes of it. ``unknown``: what may be said instead where nothing is known."""

    name: str
    make: Callable[[Engine], Any]
    needs: tuple[str, ...]
    says: Any = None
    unknown: tuple[Any, ...] = ()


def joined(engine: Engine) -> None:
    swarm.set_service_network(engine, SERVICE, full("front"), joined=True, patience=0.5)


CALLS = (
    Call("stats", lambda engine: usage.processor_and_memory(engine, full("db")), ("stats",), USED),
    Call("disk", lambda engine: usage.disk(engine, full("db")), ("containers", "inspect"), 1, (None,)),
    Call("services", swarm.service_networks, ("services",), {SERVICE: (full("back"),)}, ({},)),
    Call("elsewhere", lambda engine: swarm.elsewhere(engine, "web"), ("networks", "network"), None),
    Call("join", joined, ("service", "service-update", "tasks")),
    Call("pull", lambda engine: pull(engine, "x:1"), ("pull",)),
)
SMALL = {"no-keys", "error-in-200", "said-twice"}
"""Lies that leave what is read as it is, or leave it out, where nothing is needed."""


def tells(call: Call, kind: str, lie: Lie) -> bool:
    """Whether it is a lie there: of an answer of which nothing is read, any object will do; so will a mere status."""
    return not (kind == "service-update" and lie.name in {*SMALL, "500-null"})


CELLS = [
    pytest.param(call, kind, lie, id=f"{call.name}-{kind}-{lie.name}")
    for call in CALLS
    for kind in call.needs
    for lie in table.lies_for(kind)
    if tells(call, kind, lie)
    if WHOLE or lie in table.PULLS or table.picked(call.name, kind, lie.name, one_in=20 if lie.patient else 6)
]


@pytest.fixture(scope="module")
def strangers() -> Iterator[list[str]]:
    with canary() as (url, seen):
        table.lead_to(url)
        yield seen


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, strangers: list[str]) -> Iterator[Liar]:
    with database() as port, liar(tmp_path_factory.mktemp("liar") / "e.sock", port) as made:
        made.honest.scene = "swarm"
        yield made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull may take its time; not here."""
    monkeypatch.setattr(careful, "FETCH_SILENCE", 0.6)
    monkeypatch.setattr(careful, "FETCH_PATIENCE", 1.2)


def reached(engine: Liar, timeout: float) -> Engine:
    return Engine(EngineHost(engine.url, "--host"), timeout=timeout)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_an_honest_engine_is_believed(engine: Liar, call: Call) -> None:
    engine.tell("", None)
    with reached(engine, 5.0) as here:
        assert call.make(here) == call.says
    assert set(engine.asked) >= set(call.needs) - {"network"}


@pytest.mark.parametrize(("call", "kind", "lie"), CELLS)
def test_a_lie_is_never_an_answer(engine: Liar, strangers: list[str], call: Call, kind: str, lie: Lie) -> None:
    engine.tell("", None)
    with reached(engine, 0.6) as here:
        engine.tell(kind, lie)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, threads = time.monotonic(), set(threading.enumerate())
        try:
            said = call.make(here)
        except NetdoctorError as error:
            told = f"{error.message} {error.hint}"
            assert table.SECRET not in told
            assert raw(told) == []
            assert len(told) < 2000
        else:
            unknown = call.unknown or (usage.Usage(None, None, None),)
            assert said in unknown or kind == "network" or lie.name in SMALL, said
    assert time.monotonic() - began < 15
    assert strangers == []
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY
    assert not [each for each in set(threading.enumerate()) - threads if each.name.startswith("netdoctor-")]


@pytest.mark.parametrize("status", [403, 406, 503])
def test_who_may_not_ask_for_services_goes_without_them(engine: Liar, status: int) -> None:
    engine.tell("services", Lie("no", lambda wire, _, __: wire.http(b'{"message": "no"}', status=status)))
    with reached(engine, 5.0) as here:
        assert swarm.service_networks(here, whole=True) == {}


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_a_manager_that_fails_to_say_is_none_to_change_services_by(engine: Liar, status: int) -> None:
    # It hangs up after each answer, and says so: the next question is not to meet that by chance.
    said = {"status": status, "more": "Connection: close\r\n"}
    engine.tell("services", Lie("no", lambda wire, _, __: wire.http(b'{"message": "no leader"}', **said)))
    with reached(engine, 5.0) as here:
        assert swarm.service_networks(here) == {}
        with pytest.raises(EngineRefused, match="no leader"):
            swarm.service_networks(here, whole=True)
