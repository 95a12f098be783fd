"""``netdoctor.check``: the same diagnosis as the command's, for programs. Silent; raises NetdoctorError only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Any

from netdoctor.api import given
from netdoctor.errors import Gone, NotFound, UsageError
from netdoctor.model import Edge, Report, Topology

if TYPE_CHECKING:
    from netdoctor.edges.expectation_file import ExpectationFile
    from netdoctor.engine.client import Engine

PAUSE = 0.5
"""Seconds between two attempts of a check that waits."""


def check(
    source: str | None = None,
    target: str | None = None,
    *,
    topology: Topology | None = None,
    expectations: str | PathLike[str] | None = None,
    host: str | None = None,
    context: str | None = None,
    timeout: float = 4.0,
    wait: float = 0.0,
    vantage: str = "auto",
    pull: bool = False,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> Report:
    """Ask, from inside the containers, and judge.

    ``check("app", "qdrant:6333/healthz")``, ``check("app -> qdrant:6333")``, ``check("web -x> db:5432")`` (must NOT be
    reachable), ``check("app")`` (what touches it), ``check()`` (what the running containers declare), or
    ``expectations`` (a ``netdoctor.yaml``; none is looked for). Without ``topology`` the engine of ``host`` or
    ``context`` is asked; one that was read from an engine is asked there; one from compose files is judged by what it
    declares, one from a bundle by what was seen.

    ``timeout`` is for each question, ``wait`` for all to hold, both in seconds; ``pull``: a helper's image may be
    fetched. Raises NotFound, Ambiguous, UsageError, EngineUnreachable, PermissionRefused; never for what the network
    does: that is in the report, whose ``ok`` is true only when everything asked holds.
    """
    for name, value in (("source", source), ("target", target), ("host", host), ("context", context)):
        if value is not None:
            given.text(name, value)
    timeout, wait = given.seconds("timeout", timeout), given.seconds("wait", wait, zero=True)
    topology = None if topology is None else given.topology(topology)
    _known(vantage)
    file = _expected(source, target, expectations)
    asked = _Asked(source, target, file)
    options = {"timeout": timeout, "only": _codes("only", only), "skip": _codes("skip", skip)}
    with ExitStack() as stack:
        seen: _Seen
        if topology is None or topology.source == "engine":
            if topology is not None and host is None and context is None:
                host, context = getattr(topology, "engine", (None, None))
            seen = _live(stack, host, context, vantage, pull, options)
            seen.topology = topology or seen.topology
        elif wait:
            raise UsageError("What was recorded or declared does not change: there is nothing to wait for.")
        elif topology.source == "compose":
            seen = _Declared(topology, options)
        else:
            seen = _Recorded(topology, options)
        deadline = time.monotonic() + wait
        while True:
            try:
                report = asked.of(seen)
            except (NotFound, Gone):
                if time.monotonic() + PAUSE >= deadline:
                    raise
            else:
                if report.ok or time.monotonic() + PAUSE >= deadline:
                    return report
            time.sleep(PAUSE)
            seen.look_again()


def render(report: Report, format: str = "human") -> str:  # noqa: A002
    """The report as the command prints it: ``human``, ``json``, ``markdown``, ... Raises UsageError."""
    from netdoctor.formats.interface import FORMATS, Look

    if not isinstance(report, Report):
        raise UsageError(f"report is of type {type(report).__name__}, and not a Report.", hint="check() makes one.")
    if format not in FORMATS:
        raise UsageError(f"There is no format {format!r}.", hint=f"Choose one of: {', '.join(FORMATS.names())}.")
    return FORMATS.get(format).render(report, Look())


@dataclass(frozen=True, slots=True)
class _Asked:
    source: str | None
    target: str | None
    file: ExpectationFile | None

    def of(self, seen: _Seen) -> Report:
        from netdoctor.diagnosis.expected import meet

        if self.file is None:
            return seen.diagnose(_edges(seen.topology, self.source, self.target), seen.topology)
        today = datetime.now(UTC).astimezone().date()
        return meet(
            self.file,
            lambda turn: seen.look_again() if turn else seen.topology,
            seen.diagnose,
            today=today,
            sleep=time.sleep,
        )


class _Seen:
    """A topology, and a way to judge edges of it."""

    topology: Topology

    def look_again(self) -> Topology:
        return self.topology

    def diagnose(self, edges: Sequence[Edge], topology: Topology) -> Report:
        raise NotImplementedError


@dataclass(slots=True)
class _Declared(_Seen):
    topology: Topology
    options: dict[str, Any]

    def diagnose(self, edges: Sequence[Edge], topology: Topology) -> Report:
        from netdoctor.diagnosis.declared import judge_declared

        return judge_declared(topology, edges, only=self.options["only"], skip=self.options["skip"])


@dataclass(slots=True)
class _Recorded(_Seen):
    topology: Topology
    options: dict[str, Any]

    def diagnose(self, edges: Sequence[Edge], topology: Topology) -> Report:
        from netdoctor.diagnosis.run import diagnose
        from netdoctor.vantage.recorded import Recorded

        return diagnose(topology, edges, Recorded(), recorded=getattr(topology, "answers", None), **self.options)


@dataclass(slots=True)
class _Live(_Seen):
    engine: Engine
    topology: Topology
    options: dict[str, Any]
    standing: dict[str, Any] = field(default_factory=dict)

    def look_again(self) -> Topology:
        from netdoctor.topology.engine import read_topology

        self.topology = read_topology(self.engine)
        return self.topology

    def diagnose(self, edges: Sequence[Edge], topology: Topology) -> Report:
        from netdoctor.diagnosis.steady import diagnose_steadily

        return diagnose_steadily(topology, edges, self._once, self.look_again)

    def _once(self, topology: Topology, edges: Sequence[Edge]) -> Report:
        from netdoctor.diagnosis.run import diagnose
        from netdoctor.vantage.choose import Vantages

        with Vantages(self.engine, topology, **self.standing) as vantages:
            return diagnose(topology, edges, vantages, **self.options)


def _live(
    stack: ExitStack, host: str | None, context: str | None, vantage: str, pull: bool, options: dict[str, Any]
) -> _Live:
    from netdoctor.engine.client import open_engine
    from netdoctor.engine.hosts import resolve_host
    from netdoctor.topology.engine import read_topology

    patience = max(20.0, options["timeout"] * 2)
    engine = stack.enter_context(open_engine(resolve_host(host, context), timeout=patience))
    return _Live(engine, read_topology(engine), options, {"preference": vantage, "allow_pull": pull})


def _known(vantage: object) -> None:
    """Raises UsageError for a vantage that does not exist."""
    if vantage == "auto":
        return
    from netdoctor.vantage.choose import PREFERENCES

    if vantage not in PREFERENCES:
        raise UsageError(f"There is no vantage {vantage!r}.", hint=f"Choose one of: {', '.join(PREFERENCES)}.")


def _expected(
    source: str | None, target: str | None, expectations: str | PathLike[str] | None
) -> ExpectationFile | None:
    """Expectations of a file, or the one that ``source`` spells out (``a -> b``)."""
    if expectations is not None:
        from netdoctor.edges.expectation_file import read_file

        if source is not None:
            raise UsageError("A source cannot go with expectations.", hint="Give one or the other.")
        file = read_file(given.path("expectations", expectations))
        if not file.entries:
            raise UsageError(f"{file.path} expects nothing, and nothing asked is not health.")
        return file
    if source is None or ">" not in source:
        return None
    from netdoctor.edges.expectation_file import Entry, ExpectationFile
    from netdoctor.edges.expectation_words import short_form
    from netdoctor.model import Expectation

    if target is not None:
        raise UsageError(f"{source!r} names both ends already.", hint="Leave out the second argument.")
    said = short_form(source)
    expectation = Expectation(said.expect, reason=said.reason, policy=said.policy)
    return ExpectationFile("", (Entry(said.source, said.target, expectation, said.port, said.path, said.protocol),))


def _edges(topology: Topology, source: str | None, target: str | None) -> list[Edge]:
    from netdoctor.diagnosis.lint import declared_edges
    from netdoctor.edges.arguments import all_edges, edge_between, edges_of
    from netdoctor.topology.names import find_container

    if source is None and target is not None:
        raise UsageError("A target needs a source.", hint='Name both: check("app", "qdrant")')
    if source is not None and target is not None:
        return [edge_between(topology, source, target)]
    if topology.source == "compose":
        found = list(declared_edges(topology))
        if source is not None:
            own = find_container(topology, source).ref
            found = [edge for edge in found if own in (edge.source, edge.target)]
    else:
        found = list(edges_of(topology, source) if source is not None else all_edges(topology))
    if not found:
        raise UsageError("No connection is declared there.", hint='Name both ends: check("app", "qdrant")')
    return found


def _codes(name: str, told: Sequence[str]) -> frozenset[str]:
    """Raises UsageError for a code that no rule has: a check by no rule would find nothing."""
    wanted = frozenset(code.strip().upper() for code in given.codes(name, told))
    if wanted:
        from netdoctor.rules.registry import RULES

        unknown = sorted(wanted - set(RULES.names()))
        if unknown:
            raise UsageError(f"There is no rule {unknown[0]}.", hint="List them with: netdoctor explain --list")
    return wanted
