"""Judge what files declare: the same rules, no answers at all. The claim is "no contradiction in these files"."""

from __future__ import annotations

import difflib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from netdoctor.diagnosis.declared_fix import in_the_file
from netdoctor.diagnosis.judge import Broken, applicable, judge_edge, order
from netdoctor.diagnosis.run import edge_label
from netdoctor.edges.arguments import catalogued
from netdoctor.edges.commanded import commanded_edges
from netdoctor.edges.dotted import meant_by_first_label
from netdoctor.edges.environment import UDP, Mention, edge_from, mentions, names_of
from netdoctor.edges.loopback import meant_by_kind, meant_by_loopback
from netdoctor.edges.nobody import edges_to_nobody, names_in_use
from netdoctor.model import (
    Answers,
    Case,
    Confidence,
    Container,
    Edge,
    EdgeReport,
    Finding,
    Ref,
    Report,
    Severity,
    Topology,
    Verdict,
    carriers,
)
from netdoctor.rules.registry import RULES

CLAIM = "no contradiction in these files"
"""What "holds" means here. It is never "reachable"."""
CONTRADICTED = "the files contradict this"
COMPLETED = "service_completed_successfully"
LOOPBACK = frozenset({"localhost", "0.0.0.0", "::1", "::", "ip6-localhost"})
_LIKENESS = 0.75
_SHORTEST = 4
"""Characters; shorter names are like too many others."""


def lint(
    topology: Topology,
    *,
    only: frozenset[str] = frozenset(),
    skip: frozenset[str] = frozenset(),
    notices: Sequence[str] = (),
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Judge every declared edge, and the topology as a whole. Asks nothing; raises nothing for what files say."""
    began = clock()
    rules, skipped = applicable((r for r in RULES if (not only or r.code in only) and r.code not in skip), topology)
    answers, broken = Answers(), Broken()
    edges = declared_edges(topology)
    found: list[Finding] = []
    reports: list[EdgeReport] = []
    for edge in edges:
        judged = judge_edge(Case(topology, edge, answers), rules, Verdict.UNKNOWN, broken)
        mine = [_pointed(each) for each in judged]
        found += mine
        contradicted = any(_contradicts(each) for each in mine)
        reports.append(
            EdgeReport(
                edge=edge,
                label=edge_label(topology, edge),
                verdict=Verdict.BROKEN if contradicted else Verdict.HOLDS,
                steps=(),
                reason=CONTRADICTED if contradicted else CLAIM,
                reverse_reason="files say nothing about the way back",
            )
        )
    found += judge_edge(Case(topology, None, answers), rules, Verdict.UNKNOWN, broken)
    findings = tuple(in_the_file(each, topology) for each in _once(found))
    unjudged = tuple(broken.unjudged())
    # Files are healthy because no rule objects: what a rule would have said that failed itself nobody knows.
    unless = Verdict.UNKNOWN if unjudged else Verdict.HOLDS
    if unjudged:
        reports = [
            each
            if each.verdict is Verdict.BROKEN
            else replace(each, verdict=unless, reason=f"{unjudged[0].code} could not judge it: {unjudged[0].reason}")
            for each in reports
        ]
    return Report(
        verdict=Verdict.BROKEN if any(_contradicts(each) for each in findings) else unless,
        edges=tuple(reports),
        unjudged=unjudged,
        findings=findings,
        skipped=skipped,
        topology=topology,
        seconds=clock() - began,
        notices=tuple(notices),
        seen=answers,
    )


def declared_edges(topology: Topology) -> tuple[Edge, ...]:
    """Who means whom: by environment, command line, links and ``depends_on``.

    A name leads to whom Docker's DNS would lead the caller to. Where it leads to nobody it means the container of
    that name in the caller's own project, else one of another project; else one whose name is so like it that it
    must be meant.
    """
    index = _Index(topology)
    found: dict[tuple[object, ...], Edge] = {}
    for caller in topology.containers:
        said: dict[tuple[object, ...], Edge] = {}
        for mention in mentions(caller):
            for target in index.meant(caller, mention):
                edge = edge_from(caller, target, mention)
                said.setdefault((edge.source, edge.target, edge.name, edge.port), edge)
        meant = {(edge.name or "").lower() for edge in said.values()}
        for edge in edges_to_nobody(topology, caller, meant, index.taken):
            said[edge.source, edge.target, edge.name, edge.port] = edge
        # What the environment says already, perhaps with another name, is said once.
        ends = {(edge.target, port) for edge in said.values() for port in (edge.port, None)}
        for edge in commanded_edges(topology, caller):
            if edge.protocol != UDP and (edge.target, edge.port) not in ends:
                said[edge.source, edge.target, edge.name, edge.port] = edge
        found |= said
    known = {(edge.source, edge.target) for edge in found.values()}
    for caller in topology.containers:
        for dependency in caller.depends_on or ():
            end = Ref("container", dependency.container or "")
            # Who waits for an end connects to nothing; who shares a namespace needs no connection.
            if topology.container(end) is None or dependency.condition == COMPLETED or (caller.ref, end) in known:
                continue
            if caller.network_mode == f"container:{end.id}":
                continue
            basis = caller.ref.at("depends_on", dependency.service)
            # It says that they belong together, not that a name is used.
            edge = Edge(caller.ref, end, origin="depends_on", basis=basis)
            found[edge.source, edge.target, edge.name, None] = edge
    return tuple(_filled(edge, topology) for edge in found.values())


def _filled(edge: Edge, topology: Topology) -> Edge:
    target = topology.container(edge.target)
    return edge if target is None else catalogued(edge, target)


class _Index:
    """Names to containers, once for all callers."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.by_name: Mapping[str, list[Container]] = defaultdict(list)
        self.taken = names_in_use(topology)
        self.alone: dict[str | None, Topology] = {}
        self.by_project: Mapping[str | None, dict[str, Container]] = defaultdict(dict)
        for container in topology.containers:
            self.by_project[container.project].setdefault((container.service or container.name).lower(), container)
            for name in names_of(container):
                self.by_name[name].append(container)

    def meant(self, caller: Container, mention: Mention) -> Iterator[Container]:
        """The containers that the caller's word stands for; none for itself, for outside."""
        host = mention.address.host.lower().rstrip(".")
        if host in LOOPBACK or host.startswith("127.") or _in_hosts_file(caller, host):
            other = meant_by_loopback(self._own(caller), caller, mention.variable, mention.address)
            yield from [other] if other is not None else []
            return
        linked = [link.container for link in caller.links if link.alias == host]
        if linked:
            target = self.topology.container(linked[0])
            yield from [target] if target is not None else []
            return
        reached = [target for target, _ in carriers(self.topology, caller, host)]
        if not reached:
            named = self.by_name.get(host, [])
            own = [target for target in named if target.project == caller.project]
            reached = own or named or self._alike(caller, host, mention) or self._nearly(caller, mention)
        seen = {caller.id}
        for target in reached:
            if target.id not in seen:
                seen.add(target.id)
                yield target

    def _own(self, caller: Container) -> Topology:
        """The caller's project alone: whoever writes localhost means a neighbour, not another file's service."""
        if caller.project not in self.alone:
            mine = tuple(each for each in self.topology.containers if each.project == caller.project)
            self.alone[caller.project] = replace(self.topology, containers=mine)
        return self.alone[caller.project]

    def _alike(self, caller: Container, host: str, mention: Mention) -> list[Container]:
        """One of the caller's own project whose name is very like it, when nobody has the name at all."""
        if "." in host or len(host) < _SHORTEST or not host[0].isalpha():
            return []
        siblings = {name: each for name, each in self.by_project[caller.project].items() if each.id != caller.id}
        if mention.address.scheme is None:
            # A bare word may be many things; REDIS_HOST=reddis says itself what it means.
            stem = mention.variable.lower()
            siblings = {name: each for name, each in siblings.items() if _speaks_of(stem, name, each)}
        near = difflib.get_close_matches(host, siblings, n=1, cutoff=_LIKENESS)
        near = near or [
            name for name in siblings if len(name) >= _SHORTEST and host.startswith((f"{name}-", f"{name}_"))
        ]
        return [siblings[near[0]]] if near else []

    def _nearly(self, caller: Container, mention: Mention) -> list[Container]:
        """``api.internal`` means the neighbour ``api``; else a name says only what kind of thing is meant."""
        label = mention.address.host.lower().partition(".")[0]
        near = [
            (each, frozenset({label}))
            for each in self.by_name.get(label, [])
            if each.project == caller.project or self.topology.shared_networks(caller, each)
        ]
        target = meant_by_first_label(self.topology, caller, mention.variable, mention.address, near)
        return [target] if target is not None else self._of_its_kind(caller, mention)

    def _of_its_kind(self, caller: Container, mention: Mention) -> list[Container]:
        """``postgres://postgres:5432`` where the project's only Postgres is called db, and is named nowhere else."""
        target = meant_by_kind(self._own(caller), caller, mention.variable, mention.address)
        if target is None:
            return []
        known = {other.id for each in mentions(caller) for other in self.by_name.get(each.address.host.lower(), ())}
        return [] if target.id in known else [target]


def _speaks_of(variable: str, name: str, container: Container) -> bool:
    image = container.image.rpartition("/")[2].partition(":")[0].lower()
    return any(word and word in variable for word in (name.replace("-", "_"), image.replace("-", "_")))


def _in_hosts_file(caller: Container, host: str) -> bool:
    return any(line.partition(":")[0].lower() == host for line in caller.extra_hosts or ())


def _pointed(finding: Finding) -> Finding:
    """The line that names the connection comes first where a rule points at a container as a whole."""
    edge = finding.edge
    if edge is None or edge.basis is None or not finding.about:
        return finding
    if edge.origin == "depends_on" and finding.confidence is Confidence.CERTAIN:
        # An order of starting is declared, not a connection.
        finding = replace(finding, confidence=Confidence.LIKELY)
    if finding.about[0].path or finding.about[0].kind != "container":
        return finding
    others = tuple(ref for ref in finding.about if ref != edge.basis)
    return replace(finding, about=(edge.basis, *others))


def _contradicts(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR and finding.confidence is not Confidence.POSSIBLE


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One cause on several edges, or in several variables of one caller, is one finding; the first keeps it."""
    kept: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        whole = tuple(dict.fromkeys(sorted({ref.whole for ref in finding.about})))
        kept.setdefault((finding.code, whole, finding.cause), finding)
    return tuple(sorted(kept.values(), key=order))
