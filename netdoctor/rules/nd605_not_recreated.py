"""The compose file was edited, and the container still runs with what it said before.

What is looked for
  A compose file (or its `.env`) that was written after the container was made, and that says otherwise on what
  the failing connection rests on: a network that would join the two and that the container is not on, or another
  value of the variable that names the target. Read where the container's labels point, on this machine.

Why it breaks
  A container gets its variables and networks when it is created. `docker restart`, a reboot and
  `docker compose restart` start the same container again; none of them reads the file.

What would prove it wrong
  `docker compose config` for that service agrees with `docker inspect` of the container. A variable that was set in
  the shell when Compose ran is not seen here, and is left out.

The fix and its safety
  `docker compose up -d SERVICE`: Compose makes the container anew from the file; it is away for a moment. Where
  only a network is missing it can be connected live as well; nothing is interrupted, and the file has it already.
  On a platform, its "redeploy", not its "restart".

References
  https://docs.docker.com/reference/cli/docker/compose/restart/
  docker/compose #1309, #4140
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.model.joining import join_operation, joinable
from netdoctor.rules._drift import End, compared, recreate, shared, wants_files
from netdoctor.rules._reading import works
from netdoctor.rules._variables import mentions
from netdoctor.rules.registry import RULES


class NotRecreated:
    code = "ND605"
    title = "edited but not recreated"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset(
        {"ND101", "ND102", "ND103", "ND105", "ND201", "ND202", "ND204", "ND206", "ND302", "ND303", "ND306"}
    ) | {"ND601", "ND602"}

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return wants_files(case)

    def judge(self, case: Case) -> Iterable[Finding]:
        for end in compared(case):
            if end.files.newer:
                yield from self._network(case, end)
                yield from self._variable(case, end)

    def _network(self, case: Case, end: End) -> Iterable[Finding]:
        if shared(case) or end.other is None or not end.files.missing:
            return
        theirs = {each.network_name for each in case.topology.endpoints_of(end.other)}
        theirs |= {name for each in compared(case) if each.container.id == end.other.id for name in each.files.missing}
        joins = [name for name in end.files.missing if name in theirs]
        if not joins:
            return
        live = next((each for each in case.topology.networks if each.name == joins[0]), None)
        remedies = [Remedy(f"Recreate {end.container.name}", advice=recreate(end.container))]
        if live is not None and joinable(end.container) is None and end.other.endpoint_on(live.id) is not None:
            join = join_operation(case.topology, end.container, live)
            remedies.insert(0, Remedy(f"Connect {end.container.name} to {live.name}", (join,), safe=True))
        cause = (
            f"{end.named} puts {end.container.name} on {joins[0]}, where it would meet {end.other.name}, but was "
            "edited after the container was made, which is not on it."
        )
        line = f"{end.container.name} is on: {', '.join(each.network_name for each in end.container.endpoints)}"
        yield self._finding(Layer.MEMBERSHIP, Confidence.CERTAIN, end, (), cause, line, remedies)

    def _variable(self, case: Case, end: End) -> Iterable[Finding]:
        edge, target = case.edge, case.target
        if edge is None or target is None or case.source is None or end.container.id != case.source.id:
            return
        for each in end.files.changed:
            basis = edge.basis == case.source.ref.at("environment", each.variable)
            moved = each.declared != each.running
            to_target = bool(each.declared) and mentions(each.declared, target)
            if not ((basis and not works(case)) or (moved and to_target and not mentions(each.running, target))):
                continue
            value = f"the host {each.declared}" if moved and each.declared else "another value"
            cause = (
                f"{end.named} gives {each.variable} {value}, but was edited after {end.container.name} was made, "
                "which still has the old one."
            )
            line = f"{each.variable}: {each.running or 'nothing'} runs, {each.declared or 'something else'} is declared"
            remedies = [Remedy(f"Recreate {end.container.name}", advice=recreate(end.container))]
            path = ("environment", each.variable)
            yield self._finding(Layer.DNS, Confidence.LIKELY, end, path, cause, line, remedies)

    def _finding(
        self,
        layer: Layer,
        sure: Confidence,
        end: End,
        path: tuple[str, ...],
        cause: str,
        line: str,
        cures: list[Remedy],
    ) -> Finding:
        other = (end.other.ref,) if end.other is not None else ()
        about = (*((end.container.ref.at(*path),) if path else ()), end.container.ref, *other)
        written = f"{end.named} is newer than {end.container.name}"
        severity = Severity.ERROR
        return Finding(
            self.code, self.title, severity, sure, layer, about, cause, (written, line), tuple(cures), caller_fails=True
        )


RULE = RULES.add(NotRecreated.code, NotRecreated(), home=__name__)
