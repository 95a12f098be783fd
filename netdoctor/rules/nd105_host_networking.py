"""One of the two uses the host's network, where Docker's names do not exist.

What is looked for
  `network_mode: host` at the caller or the target, a name in use, and no address for it.

Why it breaks
  A container in host mode has no endpoint on any network of the engine. As a caller it asks the host's own
  resolver, which knows no container; as a target it carries no name that others could ask for. `ports:` has
  no effect on it either. Addresses work: the host is on every bridge.

What would prove it wrong
  An address for the name (a line in the hosts file, a DNS server that knows it): then nothing is reported.

The fix and its safety
  The engine connects no network to a container in host mode, so nothing can be done live. A caller in host
  mode uses 127.0.0.1 and a published port. A target in host mode is reached at host.docker.internal, with
  `extra_hosts: ["host.docker.internal:host-gateway"]` at the caller; the host's firewall applies. Better for
  most: take `network_mode: host` away and share a network.

References
  https://docs.docker.com/engine/network/drivers/host/
  docker/compose #3800, coollabsio/coolify #5409
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Edge, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.rules._placing import caller, literal, mode, runs, set_in
from netdoctor.rules._reading import dial_lines, dns, dns_line
from netdoctor.rules.registry import RULES


class HostNetworking:
    code = "ND105"
    title = "host networking on one side"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND101", "ND201", "ND204", "ND205"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        asked, target = caller(case), case.target
        if asked is None or target is None or asked[1].id == target.id or not runs(target):
            return
        edge, source = asked
        hosted = [each for each in (source, target) if mode(case.topology, each) == "host"]
        answer = dns(case)
        if not hosted or edge.name is None or literal(edge.name) or (answer is not None and answer.good):
            return
        if any(entry.partition(":")[0].lower() == edge.name.lower() for entry in source.extra_hosts or ()):
            return
        seen = answer is not None and answer.known
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if seen else Confidence.LIKELY,
            Layer.MEMBERSHIP,
            (hosted[0].ref, *(each.ref for each in (target, source) if each is not hosted[0])),
            _cause(edge, source, target, hosted),
            (*(f"{each.name}: network_mode host" for each in hosted), *dns_line(case), *dial_lines(case)),
            tuple(_remedies(edge, source, target, hosted)),
        )


def _cause(edge: Edge, source: Container, target: Container, hosted: list[Container]) -> str:
    if len(hosted) == 2:
        return f"{source.name} and {target.name} both use the host's network, which knows no name {edge.name}."
    if hosted[0] is source:
        return f"{source.name} uses the host's network, which has no Docker names, so {edge.name} leads nowhere."
    return f"{target.name} uses the host's network and carries no name, so {edge.name} leads {source.name} nowhere."


def _remedies(edge: Edge, source: Container, target: Container, hosted: list[Container]) -> Iterable[Remedy]:
    where = set_in(edge, source)
    port = edge.port
    if len(hosted) == 2:
        yield Remedy("Use loopback", advice=f"Use 127.0.0.1:{port or 'PORT'} instead of {edge.name}{where}.")
    elif hosted[0] is source:
        outside = next((each.host_port for each in target.published or () if each.container_port == port), None)
        if outside is not None:
            yield Remedy(
                "Use the published port", advice=f"Use 127.0.0.1:{outside} instead of {edge.name}:{port}{where}."
            )
        else:
            shown = port or "PORT"
            yield Remedy(
                "Publish the port on loopback",
                advice=f'Give {target.name} ports: ["127.0.0.1:{shown}:{shown}"], recreate it, and use '
                f"127.0.0.1:{shown} instead of {edge.name}{where}.",
            )
    else:
        yield Remedy(
            "Reach it through the host",
            advice=f'Give {source.name} extra_hosts: ["host.docker.internal:host-gateway"], recreate it, and use '
            f"host.docker.internal:{port or 'PORT'} instead of {edge.name}{where}.",
        )
    names = " and ".join(each.name for each in hosted)
    yield Remedy(
        "Share a network instead",
        advice=f"Take network_mode: host away from {names} and put both on one user-defined network.",
    )


RULE = RULES.add(HostNetworking.code, HostNetworking(), home=__name__)
