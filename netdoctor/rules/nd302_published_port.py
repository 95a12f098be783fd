"""The published port is used instead of the container's own port.

What is looked for
  The wanted port is one that the target publishes on the host, mapped to another port inside; nothing in the
  target listens on it, and something listens on the inner one.

Why it breaks
  `ports: "18080:8080"` is a rule of the host: it applies to what arrives at the host, not between
  containers. On a shared network the server is reached on the port it really listens on, published or not.

What would prove it wrong
  A listener on the wanted port inside the target, or a connection to it that opens. From files alone this is
  called likely: the server may listen on both.

The fix and its safety
  Use the container's port in the URL. `ports:` and `EXPOSE` are not needed for traffic inside a network.

References
  https://docs.docker.com/compose/how-tos/networking/
  https://docs.docker.com/engine/network/port-publishing/
  docker-library/mongo #420, docker-library/postgres #525
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Outcome, Question, Remedy, Severity
from netdoctor.rules._reading import (
    Ends,
    connected,
    declared,
    dial_lines,
    dials,
    ends,
    listeners,
    listeners_line,
    may_run,
    port_is_set_in,
    wants_listeners,
)
from netdoctor.rules.registry import RULES


class PublishedPort:
    code = "ND302"
    title = "published port used instead of the container port"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND303"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        return wants_listeners(case) if found is not None and _inner(found) else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or not may_run(found.target) or connected(case):
            return
        inner, port, heard = _inner(found), found.edge.port, listeners(case)
        if port is None or not inner:
            return
        if declared(found.topology):
            if port in _said(found):
                return
            right, confidence = inner[0], Confidence.LIKELY
        elif heard is None:
            # A refusal alone: whether the inner port answers is not known.
            if not any(observation.outcome is Outcome.REFUSED for _, observation in dials(case)):
                return
            right, confidence = inner[0], Confidence.LIKELY
        else:
            open_ones = [each for each in inner if each in heard.ports]
            if heard.on(port) or not open_ones:
                return
            right, confidence = open_ones[0], Confidence.CERTAIN
        target = found.target.name
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            confidence,
            Layer.TARGET,
            (*((found.edge.basis,) if found.edge.basis is not None else ()), found.target.ref, found.source.ref),
            f"{found.source.name} uses port {port} of {target}, which exists on the host only; "
            f"inside the network {target} is reached on port {right}.",
            (
                f"{target} publishes {port} -> {right}",
                *((listeners_line(heard),) if heard is not None else ()),
                *dial_lines(case),
            ),
            (Remedy(f"Use port {right}", advice=f"Use port {right} instead of {port}{port_is_set_in(found)}."),),
        )


def _said(found: Ends) -> set[int]:
    """Ports on which the target says it can be reached inside: it may well listen on them all."""
    published = (each.container_port for each in found.target.published or ())
    return {*published, *(port for port, _ in found.target.exposed or ())}


def _inner(found: Ends) -> tuple[int, ...]:
    """The container ports behind the wanted one, when it is a published port with another number inside."""
    wanted = found.edge.port
    bindings = found.target.published or ()
    inner = [each.container_port for each in bindings if each.host_port == wanted and each.protocol == "tcp"]
    return tuple(dict.fromkeys(port for port in inner if port != wanted)) if wanted is not None else ()


RULE = RULES.add(PublishedPort.code, PublishedPort(), home=__name__)
