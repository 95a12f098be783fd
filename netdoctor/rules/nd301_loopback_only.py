"""The target listens on loopback only, inside its own container.

What is looked for
  The target's listening sockets, read from its own network namespace: the wanted port is there, and every
  socket on it is bound to a loopback address (127.0.0.0/8 or ::1).

Why it breaks
  Loopback is private to each container. A server bound to it takes connections from its own container only,
  so a check that runs inside passes, while everybody else is refused. Development servers and databases
  bind there by default.

What would prove it wrong
  Another socket on that port, on any-address or on the container's own address; or a connection from outside
  that opens.

The fix and its safety
  Nothing can be done from outside: let the server bind 0.0.0.0 (a flag, a variable such as HOST, its
  configuration file) and recreate the container. Host networking is no fix; it opens the server to everybody.

References
  https://docs.docker.com/engine/network/
  moby/moby pull 10900
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.rules._reading import connected, dial_lines, knocking, listeners, listeners_line, wants_listeners
from netdoctor.rules.registry import RULES


class LoopbackOnly:
    code = "ND301"
    title = "target listens on loopback only"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return wants_listeners(case)

    def judge(self, case: Case) -> Iterable[Finding]:
        found, heard = knocking(case), listeners(case)
        if found is None or heard is None or found.edge.port is None or not found.target.running:
            return
        port = found.edge.port
        if not heard.loopback_only(port) or connected(case):
            return
        bound = sorted({f"[{s.address}]" if ":" in s.address else s.address for s in heard.on(port)})
        where = " and ".join(bound)
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.TARGET,
            (found.target.ref, found.edge.source),
            f"{found.target.name} listens on port {port} at {where} only, so nobody but itself can connect.",
            (listeners_line(heard), *dial_lines(case)),
            (
                Remedy(
                    "Bind any-address",
                    advice=f"Let the server in {found.target.name} bind 0.0.0.0:{port} instead of {bound[0]}:{port}, "
                    "and recreate it.",
                ),
            ),
        )


RULE = RULES.add(LoopbackOnly.code, LoopbackOnly(), home=__name__)
