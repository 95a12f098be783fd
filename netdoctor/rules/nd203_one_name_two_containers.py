"""One name leads to two containers.

What is looked for
  On the networks of the caller, everybody who carries the name in use, by inspect: the target and its
  replicas, and somebody else. The name's answers are compared with their addresses. From files alone: two
  projects that put one service name on the same external network.

Why it breaks
  Compose registers the service name on every network that a service joins, shared ones too. Two stacks with
  a `db`, `redis` or `app` on one proxy or platform network answer to the same name, and the resolver gives
  both addresses, in changing order. Every other request reaches a stranger: refused, rejected for its
  password, or answered with the wrong data.

What would prove it wrong
  Answers that are all the target's own; or a group that shares an alias on purpose (services of one project,
  containers of one image) and answers at every address: that is not reported.

The fix and its safety
  Use a name that only the target carries: its container name, or name.network for a network that the other
  is not on. Nothing is changed by that. For good: unique service names or aliases on shared networks, and no
  databases there.

References
  coollabsio/coolify #11142, #5257, docker/compose #8223, #2984, moby/moby #41961
  https://docs.docker.com/reference/compose-file/services/#aliases
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Container,
    Edge,
    Fact,
    Finding,
    Layer,
    Question,
    Remedy,
    Severity,
    carriers,
)
from netdoctor.rules._placing import runs, same_service
from netdoctor.rules._reading import Ends, declared, dial_lines, dns, dns_line, ends, is_set_in, works
from netdoctor.rules._sharing import clashes
from netdoctor.rules.registry import RULES


class OneNameTwoContainers:
    code = "ND203"
    title = "one name, two containers"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND403", "ND406"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        if case.edge is None and declared(case.topology):
            yield from clashes(case.topology, self.code, self.title)
        found, answer = ends(case), dns(case)
        if found is None or found.name is None or not found.named_networks or not runs(found.target):
            return
        if answer is None or not answer.good or answer.evidence is None:
            return
        given = set(answer.evidence.answers)
        carrying = carriers(found.topology, found.source, found.name)
        others = [
            (member, endpoint)
            for member, endpoint in carrying
            if not same_service(member, found.target) and given & set(endpoint.addresses)
        ]
        together = all(_on_purpose(found, member) for member, _ in others)
        if not others or (together and works(case)):
            return
        strangers = list(dict.fromkeys(member.name for member, _ in others))
        its_own = any(same_service(member, found.target) for member, _ in carrying)
        whose = " and ".join(strangers)
        cause = (
            f"{found.name} leads {found.source.name} to {found.target.name} and to {whose}, "
            f"which carries the same name on {others[0][1].network_name}."
            if its_own
            else f"{found.name} leads {found.source.name} to {whose}, not to {found.target.name}."
        )
        carried = [
            f"{member.name} carries {found.name} on {endpoint.network_name} at {' and '.join(endpoint.addresses)}"
            for member, endpoint in carrying
        ]
        about = (found.target.ref, *dict.fromkeys(member.ref for member, _ in others), found.source.ref)
        if its_own and case.edge is not None and (_said_in(case.edge) or _is_alias(found)):
            # Nobody said which of them is meant: what is found from the one and from the other is one finding.
            all_of_them = sorted({member.name: member for member, _ in carrying}.items())
            cause = (
                f"{found.name} leads {found.source.name} to {' and to '.join(name for name, _ in all_of_them)}: "
                f"each carries that name on {' or '.join(sorted({where.network_name for _, where in carrying}))}."
            )
            about = (*(member.ref for _, member in all_of_them), found.source.ref)
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.LIKELY if together else Confidence.CERTAIN,
            Layer.DNS,
            about,
            cause,
            (*carried, *dns_line(case), *dial_lines(case)),
            tuple(_remedies(found, others[0][0])),
        )


def _said_in(edge: Edge) -> bool:
    return edge.origin.startswith("environment")


def _is_alias(found: Ends) -> bool:
    """The name is neither the target's own nor its service's."""
    return (found.name or "").lower() not in (found.target.name.lower(), (found.target.service or "").lower())


def _on_purpose(found: Ends, other: Container) -> bool:
    """Looks like a group behind one alias: services of one project, or bare containers of one image, under a name
    that is neither one's own.
    """
    one, name = found.target, (found.name or "").lower()
    if name in (own.lower() for each in (one, other) for own in (each.name, each.service or "")):
        return False
    if one.project is not None or other.project is not None:
        return one.project == other.project
    return one.image == other.image


def _remedies(found: Ends, stranger: Container) -> Iterable[Remedy]:
    name = found.name or ""
    for unique in (found.target.name, *(f"{name}.{network.name}" for network in found.named_networks)):
        reached = {member.id for member, _ in carriers(found.topology, found.source, unique)}
        if unique.lower() != name.lower() and reached == {found.target.id}:
            yield Remedy(f"Use the name {unique}", advice=f"Use {unique} instead of {name}{is_set_in(found)}.")
            break
    yield Remedy(
        "Give one of them another name",
        advice=f"Rename the service or the alias {name} of {stranger.name} or of {found.target.name}, or take one of "
        "them off the network that both are on, and recreate it.",
    )


RULE = RULES.add(OneNameTwoContainers.code, OneNameTwoContainers(), home=__name__)
