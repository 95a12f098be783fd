"""The virtual address of a Swarm service does not answer, while its tasks do.

What is looked for
  The name of a Swarm service gave an address that no task has (its virtual address), and the dial to it failed.
  Then `tasks.NAME` is asked for, and the tasks' own addresses are dialled on the same port.

Why it breaks
  The virtual address belongs to no container: the kernel's load balancer (IPVS) in each namespace has to
  pass it on. Without the ip_vs modules (small kernels, unprivileged LXC, some cloud images) the packets go
  nowhere; after a service was made anew an old virtual address may be left over. The name resolves, so it looks
  like a firewall.

What would prove it wrong
  A connection to the virtual address, or tasks that do not answer either: then it is the service itself, or the
  network between the nodes (ND304).

The fix and its safety
  `docker service update --endpoint-mode dnsrr SERVICE`: the name then leads to the tasks themselves. It is not
  possible with ports published through the ingress, and clients keep answers for a while. At once and without
  any change: use tasks.NAME. Or load the modules on every node: `modprobe ip_vs`.

References
  https://docs.docker.com/engine/swarm/networking/#configure-service-discovery
  moby/moby #32195, caprover/caprover #2223
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Observation, Question, Remedy, Severity
from netdoctor.probes.dns import Dns
from netdoctor.probes.tcp import Tcp
from netdoctor.rules._placing import owner_of_address
from netdoctor.rules._reading import SAID, Ends, dials, dns, dns_line, ends, is_set_in
from netdoctor.rules.registry import RULES

_SERVICE = "com.docker.swarm.service.name"


class SwarmVip:
    code = "ND210"
    title = "Swarm's virtual address does not answer"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND203", "ND204", "ND206", "ND209", "ND304", "ND308"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        if found is None or not _dead_vips(case, found):
            return
        question = _tasks(found)
        yield question
        answer = case.seen.get(question)
        for address in answer.evidence.answers if answer is not None and answer.evidence is not None else ():
            yield Tcp(found.source.ref, address, found.edge.port or 0)

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        vips = _dead_vips(case, found) if found is not None else []
        if found is None or not vips:
            return
        answer = case.seen.get(_tasks(found))
        told = answer.evidence.answers if answer is not None and answer.evidence is not None else ()
        port = found.edge.port or 0
        answering = [a for a in told if (dial := case.seen.get(Tcp(found.source.ref, a, port))) and dial.good]
        if not answering:
            return
        service = found.target.labels[_SERVICE]
        vip, dial = vips[0]
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.TCP,
            (found.target.ref, found.source.ref),
            f"{found.name} leads to {vip}, the virtual address of the service {service}, which does not answer on "
            f"port {port}; its tasks do.",
            (
                *dns_line(case),
                f"tcp {vip}:{port}: {SAID.get(dial.outcome, dial.outcome.value)}",
                *(f"tcp {address}:{port} (a task): connected" for address in answering),
            ),
            (
                Remedy(
                    f"Use tasks.{found.name}",
                    advice=f"Use tasks.{found.name} instead of {found.name}{is_set_in(found)}.",
                ),
                Remedy(
                    "Let the name lead to the tasks",
                    advice=f"docker service update --endpoint-mode dnsrr {service} (or load ip_vs on every node: "
                    "modprobe ip_vs)",
                ),
            ),
        )


def _tasks(found: Ends) -> Dns:
    return Dns(found.source.ref, f"tasks.{found.name}")


def _dead_vips(case: Case, found: Ends) -> list[tuple[str, Observation[Any]]]:
    """Answers that are no container's address, for the name of a Swarm service, and that did not connect."""
    answer = dns(case)
    if found.edge.port is None or found.name is None or _SERVICE not in found.target.labels:
        return []
    if answer is None or not answer.good or answer.evidence is None or found.name.startswith("tasks."):
        return []
    failed = {
        address: observation for address, observation in dials(case) if observation.known and not observation.good
    }
    return [(a, failed[a]) for a in answer.evidence.answers if a in failed and not owner_of_address(case.topology, a)]


RULE = RULES.add(SwarmVip.code, SwarmVip(), home=__name__)
