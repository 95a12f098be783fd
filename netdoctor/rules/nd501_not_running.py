"""The target does not run, or is paused.

What is looked for
  The target's state by inspect: created, exited, dead or paused; and whether the caller is paused. A restart loop is
  ND502.

Why it breaks
  A container that does not run has no address and no name: for the caller that looks exactly like a name
  that never existed, or another network. A paused one is stranger: its kernel side still takes
  connections, so TCP connects, and no answer ever comes.

What would prove it wrong
  `docker inspect --format '{{json .State}}'` says running and not paused, or the target answers.

The fix and its safety
  `docker unpause` goes on where it stopped. Before `docker start` read why it ended: its exit code and the last
  lines of its log. netdoctor starts nothing by itself.

References
  https://docs.docker.com/reference/cli/docker/container/start/
  https://docs.docker.com/reference/cli/docker/container/unpause/
  moby/moby #37623
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Edge, Fact, Finding, Layer, Question, Remedy, Severity, State
from netdoctor.rules._reading import answered, connected, dial_lines, dns_line
from netdoctor.rules.registry import RULES

KILLED = 137


class NotRunning:
    code = "ND501"
    title = "target not running or paused"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND108", "ND201", "ND202", "ND204", "ND302", "ND303", "ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, target, source = case.edge, case.target, case.source
        if edge is not None and not edge.reverse and source is not None and source.state and source.state.paused:
            yield _frozen(source, edge)
        state = target.state if target is not None else None
        if edge is None or edge.reverse or target is None or state is None or target.running or state.restarting:
            return
        # An answer is newer than the inspect; but a paused target takes connections that nobody serves.
        if answered(case) or (connected(case) and not state.paused):
            return
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.TARGET,
            (target.ref, edge.source),
            f"{target.name} {_doing(state)}.",
            (f"state of {target.name}: {_details(state)}", *dns_line(case), *dial_lines(case)),
            (_remedy(target, state),),
        )


def _frozen(source: Container, edge: Edge) -> Finding:
    """Its network is there and can be asked from; the program in it asks nobody."""
    return Finding(
        RULE.code,
        RULE.title,
        Severity.ERROR,
        Confidence.CERTAIN,
        Layer.TARGET,
        (source.ref, edge.target),
        f"{source.name}, the caller, is paused: its network works, and the program in it stands still.",
        (f"state of {source.name}: paused",),
        (_unpause(source),),
        caller_fails=True,
    )


def _unpause(container: Container) -> Remedy:
    return Remedy(f"Unpause {container.name}", advice=f"docker unpause {container.name}")


def _doing(state: State) -> str:
    if state.paused:
        return "is paused: it takes connections and never answers"
    if state.status == "created":
        return "was created and never started"
    if state.status == "exited":
        return f"does not run: it ended with exit code {state.exit_code}"
    return f"does not run: it is {state.status}"


def _details(state: State) -> str:
    parts = [state.status]
    if state.exit_code is not None and not state.running and state.status != "created":
        parts.append(f"exit code {state.exit_code}")
    if state.oom_killed:
        parts.append("killed for want of memory")
    elif state.exit_code == KILLED and not state.running:
        # Podman 4 never says which of the two it was.
        parts.append("killed: by a stop that it did not follow, or for want of memory")
    if state.restart_count:
        parts.append(f"{state.restart_count} restarts")
    if state.error:
        parts.append(state.error)
    return ", ".join(parts)


def _remedy(target: Container, state: State) -> Remedy:
    if state.paused:
        return _unpause(target)
    if state.status in ("dead", "removing"):
        return Remedy("Recreate it", advice=f"docker rm {target.name}, then create it again")
    log = f"docker logs --tail 50 {target.name}\n" if state.exit_code else ""
    return Remedy(
        f"{'See why it ended, and start' if log else 'Start'} {target.name}", advice=f"{log}docker start {target.name}"
    )


RULE = RULES.add(NotRunning.code, NotRunning(), home=__name__)
