"""The target is in a restart loop, or was killed for want of memory.

What is looked for
  The target's state by inspect: between two restarts, ended by the kernel for want of memory, or up again after
  several restarts while the edge fails.

Why it breaks
  A program that ends at once is started again by its restart policy, ever more slowly. Between two tries the
  container has no address and no name, during one it may answer for a moment: callers see names that come and go,
  refused connections, resets. A memory limit (or a full machine) ends it without a word in its log; the exit code is
  137.

What would prove it wrong
  `docker inspect --format '{{.RestartCount}} {{json .State}}'` that stays the same, and an edge that works: a
  container that was restarted long ago is no finding.

The fix and its safety
  Read why it ends; the network is not the cause. Nothing is restarted by netdoctor. A higher memory limit takes a
  recreation.

References
  https://docs.docker.com/engine/containers/start-containers-automatically/
  https://docs.docker.com/engine/containers/resource_constraints/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity, State
from netdoctor.rules._reading import answered, connected, dial_lines, dns_line, works
from netdoctor.rules.registry import RULES

OFTEN = 2
"""Restarts; one may be a person's or a deploy's."""
KILLED = 137


class RestartLoop:
    code = "ND502"
    title = "restart loop or out of memory"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND108", "ND201", "ND202", "ND209", "ND302", "ND303", "ND304", "ND501", "ND503", "ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, target = case.edge, case.target
        if edge is None or edge.reverse or target is None or target.state is None or target.state.paused:
            return
        state = target.state
        what = _what(case, state)
        if what is None or (state.running and not state.restarting and (answered(case) or works(case))):
            return
        certain = state.restarting or state.oom_killed
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if certain else Confidence.LIKELY,
            Layer.TARGET,
            (target.ref, edge.source),
            f"{target.name} {what}.",
            (_details(target, state), *dns_line(case), *dial_lines(case)),
            (_remedy(target, state),),
        )


def _what(case: Case, state: State) -> str | None:
    if state.oom_killed and not (state.running and not state.restarting):
        loop = ", and is started again and again" if state.restarting else ""
        return f"was killed because it ran out of memory{loop}"
    if state.restarting:
        return f"is in a restart loop: it ended {state.restart_count} times, last with exit code {state.exit_code}"
    if state.running and state.restart_count >= OFTEN and not connected(case):
        return f"has been restarted {state.restart_count} times and does not answer: it seems to be in a restart loop"
    return None


def _details(target: Container, state: State) -> str:
    parts = [state.status, f"{state.restart_count} restarts"]
    # The engine keeps 0 for one that runs.
    if state.exit_code is not None and (state.restarting or not state.running):
        parts.append(f"exit code {state.exit_code}")
    if state.oom_killed or state.exit_code == KILLED:
        parts.append("killed for want of memory" if state.oom_killed else "killed")
    return f"state of {target.name}: {', '.join(parts)}"


def _remedy(target: Container, state: State) -> Remedy:
    if state.oom_killed:
        return Remedy(
            "Give it more memory",
            advice=f"Raise the memory limit of {target.name} (mem_limit) and recreate it.",
        )
    return Remedy("See why it ends", advice=f"docker logs --tail 50 {target.name}")


RULE = RULES.add(RestartLoop.code, RestartLoop(), home=__name__)
