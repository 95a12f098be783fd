"""The name `host.docker.internal` does not exist in the container, or the host listens there on loopback only.

What is looked for
  The name `host.docker.internal` in use, and no address for it, with no line for it in `extra_hosts`. Where it
  does resolve and the dial is refused: the host's own listeners on that port, all of them on loopback.

Why it breaks
  Docker Desktop gives that name to every container. A Linux engine gives it to nobody: it needs
  `host-gateway`, per container. It then leads to the bridge's address of the host, where a server that is bound
  to 127.0.0.1 (or a port that is published on 127.0.0.1) does not listen.

What would prove it wrong
  An address for the name, and a connection to it.

The fix and its safety
  Where the other end is a container, use its name on a shared network, and the container's port: nothing has to
  be published then. Else `extra_hosts: ["host.docker.internal:host-gateway"]` at the caller, and the server
  on the host bound to the bridge's address; the host's firewall applies. It takes a recreation.

References
  https://docs.docker.com/reference/cli/docker/container/run/#add-host
  docker/for-linux #264, #1365
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    HOST,
    Case,
    Confidence,
    Container,
    Edge,
    Fact,
    Finding,
    Layer,
    Question,
    Ref,
    Remedy,
    Severity,
)
from netdoctor.probes.listeners import Listeners
from netdoctor.rules._placing import HOST_ALIASES, caller, has_extra_host, mode
from netdoctor.rules._reading import declared, dns, dns_line, listeners_line, refused
from netdoctor.rules.registry import RULES

NOBODY = "which no engine on Linux knows by itself, and its extra_hosts has no line for it."
WRITTEN = "and its extra_hosts has a line for it, but the engine wrote no such name into its hosts file."
GIVE = Remedy(
    "Name the address", advice="Write the host's own address for `host-gateway`: Podman 4 does not know that."
)


class HostDockerInternal:
    code = "ND207"
    title = "host.docker.internal missing"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND107", "ND204", "ND205", "ND307"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        asked = _asked(case)
        return (Listeners(HOST),) if asked is not None and refused(case) else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        if case.edge is None and declared(case.topology):
            yield from _from_files(case)
        asked, answer = _asked(case), dns(case)
        if asked is None or answer is None or not answer.known:
            return
        edge, source = asked
        place, said = edge.basis or source.ref, f"{source.name} uses {edge.name}"
        if not answer.good:
            told = has_extra_host(source, edge.name or "")
            cause, remedies = f"{said}, {WRITTEN if told else NOBODY}", [GIVE] if told else _remedies(case, edge)
            lines = (f"extra_hosts of {source.name}: {', '.join(source.extra_hosts or ()) or 'none'}", *dns_line(case))
            yield _finding(Severity.ERROR, place, cause, lines, remedies)
            return
        heard = case.seen.get(Listeners(HOST))
        found = heard.evidence if heard is not None else None
        if found is not None and edge.port is not None and refused(case) and found.loopback_only(edge.port):
            cause = f"{said}:{edge.port}, and on the host that port is taken on loopback only."
            lines = (f"tcp {edge.name}:{edge.port}: refused", f"the host's {listeners_line(found)}")
            yield _finding(Severity.ERROR, place, cause, lines, _remedies(case, edge))


def _from_files(case: Case) -> Iterable[Finding]:
    """Every service whose environment names it without a line in its extra_hosts."""
    for container in case.topology.containers:
        if mode(case.topology, container) != "own" or has_extra_host(container, "host.docker.internal"):
            continue
        for variable, value in container.environment or ():
            if "host.docker.internal" in value.lower() and "proxy" not in variable.lower():
                cause = (
                    f"{variable} of {container.service or container.name} uses host.docker.internal, which exists on "
                    "Docker Desktop only: its extra_hosts has no line for it."
                )
                place = container.ref.at("environment", variable)
                yield _finding(Severity.WARNING, place, cause, (), (_line(container),))
                break


def _finding(severity: Severity, place: Ref, cause: str, lines: tuple[str, ...], remedies: Iterable[Remedy]) -> Finding:
    sure = Confidence.CERTAIN if severity is Severity.ERROR else Confidence.LIKELY
    about = tuple(dict.fromkeys((place, place.whole)))
    return Finding(RULE.code, RULE.title, severity, sure, Layer.DNS, about, cause, lines, tuple(remedies))


def _asked(case: Case) -> tuple[Edge, Container] | None:
    asked = caller(case)
    if asked is None or (asked[0].name or "").lower() not in HOST_ALIASES or mode(case.topology, asked[1]) == "host":
        return None
    return asked


def _remedies(case: Case, edge: Edge) -> Iterable[Remedy]:
    """The container behind that port on the host, by its own name, comes before the detour through the host."""
    source = case.source
    for container in case.topology.containers:
        if source is None or container.id == source.id:
            continue
        # A port that is published for both families is listed twice.
        inside = dict.fromkeys(each.container_port for each in container.published or () if each.host_port == edge.port)
        for port in inside:
            name = container.service or container.name
            yield Remedy(
                f"Use {name} itself",
                advice=f"{container.name} is what the host publishes on port {edge.port}: use "
                f"{name}:{port} on a network that both share.",
            )
    if source is not None and not has_extra_host(source, (edge.name or "").lower()):
        yield _line(source)
    else:
        advice = f"Let the server on the host listen on port {edge.port} of the bridge too."
        yield Remedy("Bind the bridge", advice=advice)


def _line(container: Container) -> Remedy:
    return Remedy(
        "Give the container that name",
        advice=f'Give {container.service or container.name} extra_hosts: ["host.docker.internal:host-gateway"], '
        "and recreate it.",
    )


RULE = RULES.add(HostDockerInternal.code, HostDockerInternal(), home=__name__)
