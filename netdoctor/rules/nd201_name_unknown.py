"""The name that the caller uses is carried by nobody on its networks.

What is looked for
  A shared network with names, a name in use that gave no address, and, by inspect, no container on the
  caller's networks that carries it. As a control the caller's own short id is asked for: the engine always
  knows that one, so its answer shows that only the name is wrong. Of a name that nobody at all has, the
  caller's compose files are asked (a profile that is off, a service without a container).

Why it breaks
  The engine answers exactly four kinds of names on a network: container names, aliases (Compose adds the
  service name), short ids and configured hostnames. A platform's generated name changes with a deploy, the
  name with `_1` became one with `-1`, a `run` container has no service name, or there is a typing error. The
  engine asks other resolvers about a name it does not know, so the same mistake may read as "no such name",
  as "temporary failure" or as plain silence.

What would prove it wrong
  `docker inspect` of any container on a shared network that lists the name; or a control query that fails
  too: then the resolver is the trouble, and this is only called possible. Judged from files alone, a network
  made elsewhere may carry the name: then it is called possible as well.

The fix and its safety
  Use a name that exists: the nearest ones are listed, the target's own first. Or give the target the name as
  an alias; on a network it is already on that takes a reconnect, which breaks open connections.

References
  https://docs.docker.com/engine/network/#dns-services
  https://docs.docker.com/compose/how-tos/networking/
  coollabsio/coolify #3280, #2476, docker/compose #7481
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Container,
    Fact,
    Finding,
    Layer,
    Question,
    Remedy,
    Severity,
    carriers,
)
from netdoctor.model.joining import rejoin_operations
from netdoctor.probes.dns import Dns
from netdoctor.rules._nobody import NEAREST, called_by_nobody, may_be_elsewhere, names_near, wants_the_files
from netdoctor.rules._reading import Ends, declared, dns_line, ends, is_set_in, may_run, name_failed
from netdoctor.rules.registry import RULES


class NameUnknown:
    code = "ND201"
    title = "name unknown"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND205"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        if found is None:
            return wants_the_files(case)
        # Asked only after the name failed: on a healthy edge nobody needs the control.
        if not found.named_networks or not name_failed(case):
            return ()
        return (Dns(found.source.ref, found.source.short_id),)

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None:
            yield from _of_nobody(case)
            return
        if found.name is None or not found.named_networks:
            return
        if not (declared(found.topology) or name_failed(case) or not may_run(found.source)):
            return
        if not may_run(found.target) or carriers(found.topology, found.source, found.name):
            return
        control = case.seen.get(Dns(found.source.ref, found.source.short_id))
        # Of a name with a dot, files do not know whether a nameserver of that machine has it.
        outside = declared(found.topology) and "." in found.name.rstrip(".")
        unsure = outside or may_be_elsewhere(found.topology, found.source)
        confidence = Confidence.POSSIBLE if unsure else Confidence.LIKELY
        control_line: tuple[str, ...] = ()
        if control is not None and control.known:
            confidence = Confidence.CERTAIN if control.good else Confidence.POSSIBLE
            control_line = (f"dns {found.source.short_id} (its own id): {'answered' if control.good else 'no answer'}",)
        near = _nearest(found)
        about = (*((found.edge.basis,) if found.edge.basis is not None else ()), found.target.ref, found.source.ref)
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            confidence,
            Layer.DNS,
            about,
            f"{found.source.name} uses the name {found.name}, which nobody on its networks carries; "
            f"{found.target.name} answers to {_listed(_own(found, found.target)) or 'no name there'}.",
            (*dns_line(case), *control_line, f"nearest names: {', '.join(near) or 'none'}"),
            tuple(_remedies(found, near)),
        )


def _of_nobody(case: Case) -> Iterable[Finding]:
    told = called_by_nobody(case)
    if told is not None:
        said = (Severity.ERROR, told.confidence, Layer.DNS)
        yield Finding(RULE.code, RULE.title, *said, told.about, told.cause, told.evidence, told.remedies)


def _own(found: Ends, container: Container) -> tuple[str, ...]:
    """The names a person would use for it on the shared networks: no ids."""
    shared = {network.id for network in found.named_networks}
    names = [name for endpoint in container.endpoints if endpoint.network in shared for name in endpoint.names]
    return tuple(dict.fromkeys(name for name in names if not container.id.startswith(name)))


def _nearest(found: Ends) -> tuple[str, ...]:
    """The target's own names by likeness, then like names of others on the caller's networks."""
    wanted = (found.name or "").lower()
    # Within a project people write the service's name; and of api.internal the first label is what is meant.
    lasting = found.target.service if found.target.project == found.source.project else None
    first = (lasting, wanted.partition(".")[0])
    own = sorted(
        _own(found, found.target),
        key=lambda name: (name not in first, -difflib.SequenceMatcher(None, wanted, name).ratio()),
    )
    like = [each for each in names_near(found.topology, found.source, wanted) if each not in own]
    return tuple(dict.fromkeys([*own[:NEAREST], *like]))


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _remedies(found: Ends, near: tuple[str, ...]) -> Iterable[Remedy]:
    if near:
        yield Remedy(f"Use the name {near[0]}", advice=f"Use {near[0]} instead of {found.name}{is_set_in(found)}.")
    title = f"Give {found.target.name} the name {found.name}"
    steps = rejoin_operations(found.topology, found.target, found.named_networks[0], found.name)
    if steps:
        yield Remedy(title, steps)
    else:
        yield Remedy(title, advice=f"Start {found.target.name} with the network alias {found.name}.")


RULE = RULES.add(NameUnknown.code, NameUnknown(), home=__name__)
