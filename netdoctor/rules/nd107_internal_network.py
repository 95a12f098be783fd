"""The caller is on internal networks only, and so has no way out.

What is looked for
  A target outside the engine, and a caller all of whose networks are internal (`internal: true`). The name
  gave no address, or the dial was lost. Also a container with published ports all of whose networks are
  internal, when the machine is asked for one of them, and in files.

Why it breaks
  An internal network has no gateway to the outside, and the engine's resolver forwards no names from it:
  other containers answer, everything else is silent. A published port of such a container is not
  published either, and nothing says so.

What would prove it wrong
  A network of the caller that is not internal; a connection that opens or is refused from outside; or a
  target inside one of the networks themselves.

The fix and its safety
  Connect the caller to one ordinary network as well: one of its project, else a new one. Nothing that is open
  is interrupted, but the container can reach the world then, which was perhaps to be prevented: give it
  only to the parts that need it. For good: list that network in the compose file.

References
  https://docs.docker.com/reference/compose-file/networks/#internal
  moby/moby #47822, #27441
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Connect,
    Container,
    CreateNetwork,
    Fact,
    Finding,
    Layer,
    Outcome,
    Question,
    Remedy,
    Severity,
    Topology,
)
from netdoctor.model.joining import join_operation, joinable, open_for_joining
from netdoctor.rules._placing import HOST_ALIASES, caller, mode, networks_of, runs, subnet_of
from netdoctor.rules._reading import carried_by_nobody, connected, dials, dns, dns_line, works
from netdoctor.rules._unpublished import unpublished
from netdoctor.rules.registry import RULES


class InternalNetwork:
    code = "ND107"
    title = "internal network, no way out"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND204", "ND205"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        yield from _unpublished(case)
        asked = caller(case)
        if asked is None or asked[0].target.kind != "external" or works(case) or connected(case):
            return
        # A single word is a container's name, which an internal network answers like any other: ND201.
        if carried_by_nobody(case) is not None:
            return
        edge, source = asked
        networks = networks_of(case.topology, source)
        host, answer = edge.name or edge.target.id, dns(case)
        if not networks or not all(each.internal for each in networks) or mode(case.topology, source) != "own":
            return
        resolved = answer is not None and answer.good
        if subnet_of(networks, host) or (host.lower() in HOST_ALIASES and not resolved) or not runs(source):
            return
        outcomes = [observation.outcome for _, observation in dials(case)]
        if any(outcome is Outcome.REFUSED for outcome in outcomes):
            return
        seen = any(o in (Outcome.TIMED_OUT, Outcome.NO_ROUTE) for o in outcomes)
        seen = seen or (answer is not None and answer.known and not answer.good)
        names = ", ".join(each.name for each in networks)
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if seen else Confidence.LIKELY,
            Layer.MEMBERSHIP,
            (*((edge.basis,) if edge.basis is not None else ()), source.ref, *(each.ref for each in networks)),
            f"{source.name} is on internal networks only ({names}), which have no way out to {host}.",
            (
                *(f"{each.name}: internal" for each in networks),
                *dns_line(case),
                *(f"tcp {address}:{edge.port}: {o.outcome.value.replace('_', ' ')}" for address, o in dials(case)),
            ),
            tuple(_remedies(case.topology, source)),
        )


def _unpublished(case: Case) -> Iterable[Finding]:
    for container, binding in unpublished(case):
        names = ", ".join(each.name for each in networks_of(case.topology, container))
        yield Finding(
            RULE.code,
            RULE.title,
            Severity.ERROR if case.edge is not None else Severity.WARNING,
            Confidence.LIKELY,
            Layer.MEMBERSHIP,
            (container.ref.at("ports") if case.edge is None else container.ref, container.ref),
            f"{container.name} publishes port {binding.host_port} and is on internal networks only ({names}), which "
            "the engine publishes nothing from: the machine does not answer there.",
            (f"{container.name} publishes {binding.host_port} -> {binding.container_port}",),
            tuple(_remedies(case.topology, container)),
        )


def _remedies(topology: Topology, source: Container) -> Iterable[Remedy]:
    reason = joinable(source)
    if reason is None:
        open_ones = [n for n in topology.networks if not n.internal and open_for_joining(n) and n.driver == "bridge"]
        own = [n for n in open_ones if source.project and n.labels.get("com.docker.compose.project") == source.project]
        if own:
            join = join_operation(topology, source, own[0])
            yield Remedy(f"Connect {source.name} to {own[0].name}", (join,), safe=True)
        else:
            name = f"netdoctor-{source.name}-out"
            if all(each.name != name for each in topology.networks):
                steps = (CreateNetwork(name), Connect(source.id, source.name, name, name))
                yield Remedy(f"Connect {source.name} to a new network with a way out", steps, safe=True)
    advice = f"Give {source.service or source.name} a second network without internal: true, and recreate it."
    yield Remedy("List an ordinary network as well", advice=advice)


RULE = RULES.add(InternalNetwork.code, InternalNetwork(), home=__name__)
