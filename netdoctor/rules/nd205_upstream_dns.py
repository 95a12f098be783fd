"""Names of the outside world do not resolve in the container: its upstream resolver is the trouble.

What is looked for
  A target outside the engine whose name got no answer at all (not "no such name"). As a control the caller's
  own short id is asked for, which the engine answers itself; and the caller's own `dns` servers are dialled
  on port 53.

Why it breaks
  The engine passes such names on to the resolvers of the container's `dns` setting, of the daemon, or of the
  host at the time the container started. A resolver on the host's loopback, one behind a VPN that is down, one
  that refuses the container's subnet, or a firewall on port 53 leaves the question without an answer.
  Containers go on finding each other, so only calls to the outside fail.

What would prove it wrong
  An answer of any kind, "no such name" too; a caller on internal networks only (ND107); or a control query
  that fails too: then this is only called possible.

The fix and its safety
  Set a resolver that containers can reach: `dns:` for the service, or "dns" in the daemon's configuration for
  all (which takes a restart of the daemon). It counts for containers that are created afterwards.

References
  https://docs.docker.com/engine/daemon/troubleshoot/#dns-resolver-issues
  gliderlabs/docker-alpine #255, nodejs/docker-node #1030, docker/for-linux #755
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Edge, Fact, Finding, Layer, Outcome, Question, Remedy, Severity
from netdoctor.model.topology import Container
from netdoctor.probes.dns import Dns
from netdoctor.probes.tcp import Tcp
from netdoctor.rules._placing import HOST_ALIASES, caller, literal, networks_of
from netdoctor.rules._reading import SAID, dns, dns_line
from netdoctor.rules.registry import RULES


class UpstreamDns:
    code = "ND205"
    title = "upstream DNS does not answer"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        asked = _unanswered(case)
        if asked is None:
            return
        if _has_names(case, asked[1]):
            yield _control(asked[1])
        for server in _servers(asked[1]):
            yield Tcp(asked[1].ref, server, 53, brief=True)

    def judge(self, case: Case) -> Iterable[Finding]:
        asked = _unanswered(case)
        if asked is None:
            return
        edge, source = asked
        control = case.seen.get(_control(source))
        confidence = Confidence.LIKELY
        lines: tuple[str, ...] = ()
        if control is not None and control.known:
            confidence = Confidence.CERTAIN if control.good else Confidence.POSSIBLE
            lines = (f"dns {source.short_id} (its own id): {'answered' if control.good else 'no answer'}",)
        for server in _servers(source):
            dial = case.seen.get(Tcp(source.ref, server, 53))
            if dial is not None:
                lines += (f"tcp {server}:53: {SAID.get(dial.outcome, dial.outcome.value)}",)
        whose = f"the resolvers {', '.join(source.dns or ())}" if source.dns else "the engine's upstream resolvers"
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            confidence,
            Layer.DNS,
            (*((edge.basis,) if edge.basis is not None else ()), source.ref),
            f"{source.name} gets no answer for {edge.name}: {whose} do not answer from its network.",
            (*dns_line(case), *lines),
            (
                Remedy(
                    "Set a resolver that containers can reach",
                    advice=f"Give {source.service or source.name} dns: [ADDRESS] (or the daemon "
                    '{"dns": ["ADDRESS"]} in /etc/docker/daemon.json, then restart it), and recreate the container.',
                ),
            ),
        )


def _unanswered(case: Case) -> tuple[Edge, Container] | None:
    """The edge and its caller, when a name of the outside world got no answer of any kind."""
    asked, answer = caller(case), dns(case)
    if asked is None or asked[0].target.kind != "external" or asked[0].name is None or answer is None:
        return None
    name = asked[0].name
    if answer.outcome is not Outcome.RESOLVER_FAILED or literal(name) or name.lower() in HOST_ALIASES:
        return None
    return asked


def _control(source: Container) -> Dns:
    return Dns(source.ref, source.short_id)


def _has_names(case: Case, source: Container) -> bool:
    """Whether the engine's own resolver serves it: not on the default bridge or the host's network."""
    return any(n.driver not in ("host", "null") and not n.default_bridge for n in networks_of(case.topology, source))


def _servers(source: Container) -> tuple[str, ...]:
    """Those that its namespace can dial itself; one on loopback is asked from the host's side."""
    return tuple(each for each in source.dns or () if literal(each) and not each.startswith("127."))


RULE = RULES.add(UpstreamDns.code, UpstreamDns(), home=__name__)
