"""Which connections are watched, under keys that stay the same while containers are made anew.

What was watched and cannot be found any more is not forgotten: it is broken when its target is gone, unknown when the
caller is, and dropped only when nobody wants it any longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from netdoctor.diagnosis.run import edge_label
from netdoctor.edges.arguments import HOST_WORD, all_edges, edge_between, edges_of
from netdoctor.edges.nobody import leads_to_nobody
from netdoctor.errors import NetdoctorError, NotLookedAt, UsageError
from netdoctor.model import Container, Edge, Severity, Topology, Unseen, Verdict
from netdoctor.terminal import plain
from netdoctor.topology.names import find_container

if TYPE_CHECKING:
    from netdoctor.edges.expectation_file import ExpectationFile

FORGET = 900.0
"""Seconds after which a connection is dropped whose caller does not run."""
FINISHED = 120.0
"""The same for a caller that has been removed or has ended well, like a job; to be made anew takes less."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One connection, now: an edge to ask, or why there is none."""

    key: str
    group: str
    """Who wants it: the arguments, a line of the file, the edge itself."""
    label: str
    edge: Edge | None = None
    verdict: Verdict = Verdict.UNKNOWN
    """Without an edge."""
    reason: str = ""
    severity: Severity = Severity.ERROR
    """How bad it is when it is not as wanted."""
    counts: bool = True
    """Whether not to know is a bad answer; not while its caller may just be being made anew, or was a job."""
    listed: bool = False
    """Its group names all that it wants: what is no longer among them is wanted no more."""


class Source(Protocol):
    def wanted(self, topology: Topology) -> Iterable[Wanted]:
        """Raises nothing for what the engine holds."""


def identity(topology: Topology, kind: str, id_: str) -> str:
    """Project, service and number of a container that Compose made, else its name: equal before and after."""
    container = topology.container(id_) if kind == "container" else None
    return _named(container) if container is not None else f"{kind}:{id_}"


def _named(container: Container) -> str:
    if container.project and container.service:
        number = container.labels.get("com.docker.compose.container-number", "1")
        return f"{container.project}/{container.service}/{number}"
    return container.name


def _is(hidden: Unseen, named: str) -> bool:
    """Whether that may be its name here: of a service's containers only the number is not known."""
    if hidden.kind != "container":
        return False
    return hidden.anybody or named == hidden.name or named.startswith(f"{hidden.project}/{hidden.service}/")


def key_of(topology: Topology, edge: Edge) -> str:
    ends = (identity(topology, ref.kind, ref.id) for ref in (edge.source, edge.target))
    more = (edge.name, edge.port, edge.path, "isolated" if edge.isolated else None)
    return "|".join([*ends, *("" if each is None else str(each) for each in more)])


class Named:
    """``watch A B`` and ``watch A``."""

    def __init__(self, source: str, target: str | None) -> None:
        self.source, self.target = source, target

    def wanted(self, topology: Topology) -> Iterator[Wanted]:
        group = f"{self.source} {self.target or ''}"
        label = plain(f"{self.source} -> {self.target}" if self.target else self.source)
        try:
            if self.target is not None:
                edge = edge_between(topology, self.source, self.target)
                # Two words that were typed are one connection, whoever answers to them.
                yield Wanted(group, group, edge_label(topology, edge), edge)
                return
            for edge in edges_of(topology, self.source):
                # Who was there and is gone is remembered as the container it was.
                if leads_to_nobody(edge):
                    continue
                yield Wanted(key_of(topology, edge), group, edge_label(topology, edge), edge)
        except NotLookedAt as error:
            yield Wanted(group, group, label, None, Verdict.UNKNOWN, error.message)
        except UsageError as error:
            there = self.target is not None and self._runs(topology)
            yield Wanted(group, group, label, None, Verdict.BROKEN if there else Verdict.UNKNOWN, error.message)

    def _runs(self, topology: Topology) -> bool:
        """Whether the caller is there and runs, so that the target is what is missing."""
        try:
            return self.source == HOST_WORD or find_container(topology, self.source).running
        except NetdoctorError:
            return False


class Declared:
    """What the running containers declare."""

    def __init__(self, projects: frozenset[str] = frozenset()) -> None:
        self.projects = projects

    def wanted(self, topology: Topology) -> Iterator[Wanted]:
        from netdoctor.edges.pairs import only_projects

        found: Sequence[Edge] = [edge for edge in all_edges(topology) if not leads_to_nobody(edge)]
        for edge in only_projects(found, topology, self.projects) if self.projects else found:
            key = key_of(topology, edge)
            yield Wanted(key, key, edge_label(topology, edge), edge)


class Expected:
    """The lines of ``netdoctor.yaml``."""

    def __init__(self, file: ExpectationFile, projects: frozenset[str] = frozenset()) -> None:
        self.file, self.projects = file, projects

    def wanted(self, topology: Topology) -> Iterator[Wanted]:
        from netdoctor.edges.expectations import resolve

        for number, meant in enumerate(resolve(topology, self.file.entries, self.projects)):
            group = f"{number}:{meant.entry.text}"
            severity = meant.entry.expectation.severity or Severity.ERROR
            for edge in meant.edges:
                key = f"{group}|{key_of(topology, edge)}"
                yield Wanted(key, group, edge_label(topology, edge), edge, severity=severity, listed=True)
            for each in meant.unknown:
                yield Wanted(group, group, each.label, None, Verdict.UNKNOWN, each.reason, severity)


@dataclass(slots=True)
class _Known:
    wanted: Wanted
    """As it was last found."""
    edge: Edge
    source: str
    target: str
    words: str | None
    """What the caller said then that made it an edge."""
    missing: float | None = None


@dataclass(slots=True)
class Roster:
    """Remembers what was watched. One for each run."""

    source: Source
    clock: Callable[[], float]
    _known: dict[str, _Known] = field(default_factory=dict)

    def update(self, topology: Topology) -> tuple[Wanted, ...]:
        """Everything that is watched, as of this look; each key once."""
        found: dict[str, Wanted] = {}
        silent: dict[str, Wanted] = {}
        for each in self.source.wanted(topology):
            if each.edge is not None:
                found.setdefault(each.key, each)
            else:
                silent.setdefault(each.group, each)
        listed = {each.group for each in found.values() if each.listed}
        self._known |= {key: _known(each, each.edge, topology) for key, each in found.items() if each.edge is not None}
        for key, known in list(self._known.items()):
            if key in found:
                continue
            left = None if known.wanted.group in listed else self._left(known, topology, silent)
            if left is None:
                del self._known[key]
            else:
                found[key] = left
        spoken = {each.group for each in found.values()}
        return (*found.values(), *(each for group, each in silent.items() if group not in spoken))

    def _left(self, known: _Known, topology: Topology, silent: dict[str, Wanted]) -> Wanted | None:
        """What is said of a connection that was not found this time; None: nobody wants it any more."""
        was = known.wanted
        if was.group in silent:
            said = silent[was.group]
            return replace(was, edge=None, verdict=said.verdict, reason=said.reason, counts=said.counts)
        ends = (known.source, known.target)
        hidden = next((each for each in topology.unseen if any(_is(each, end) for end in ends)), None)
        if hidden is not None:
            return replace(was, edge=None, verdict=Verdict.UNKNOWN, reason=hidden.reason)
        there = {_named(each): each for each in topology.containers if each.running}
        caller, target = there.get(known.source), there.get(known.target)
        if caller is None:
            known.missing = self.clock() if known.missing is None else known.missing
            fell = any(_named(each) == known.source and not _ended_well(each) for each in topology.containers)
            if self.clock() - known.missing > (FORGET if fell else FINISHED):
                return None
            reason = "the caller does not run" if fell else "the caller is gone"
            return replace(was, edge=None, verdict=Verdict.UNKNOWN, reason=reason, counts=fell)
        known.missing = None
        if _words(caller, known.edge) != known.words:
            return None
        if target is None:
            return replace(was, edge=None, verdict=Verdict.BROKEN, reason="the target does not run")
        # The name that the caller uses belongs to nobody now (a lost alias): that is what has to be found out.
        return replace(was, edge=replace(known.edge, source=caller.ref, target=target.ref))


def _ended_well(container: Container) -> bool:
    state = container.state
    return state is not None and state.status in ("exited", "created", "removing") and not state.exit_code


def _known(wanted: Wanted, edge: Edge, topology: Topology) -> _Known:
    source, target = (identity(topology, ref.kind, ref.id) for ref in (edge.source, edge.target))
    caller = topology.container(edge.source)
    return _Known(wanted, edge, source, target, _words(caller, edge) if caller is not None else None)


def _words(caller: Container, edge: Edge) -> str | None:
    """The variable's value, or the label of what it depends on."""
    if edge.basis is not None and len(edge.basis.path) == 2 and edge.basis.path[0] == "environment":
        return caller.env(edge.basis.path[1])
    return caller.labels.get("com.docker.compose.depends_on")


__all__ = ["Declared", "Expected", "Named", "Roster", "Source", "Wanted", "identity", "key_of"]
