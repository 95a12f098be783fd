"""localhost is used as the target: that is the caller itself.

What is looked for
  A variable of the caller whose host is loopback (localhost, 127.0.0.1, ::1), or a URL with the host 0.0.0.0 or ::,
  and which, by its name, scheme or port, means another container; and, in the caller's own namespace, nothing that
  listens on that port.

Why it breaks
  Loopback is private to each container: `localhost` inside one is that container, never the host and never a
  neighbour. The value worked on the developer's machine, where everything ran on one loopback. Since version 17
  Node may take ::1 for localhost, so that the error names an address that nobody wrote. 0.0.0.0 and :: are where a
  server listens on every address it has; a client that connects there reaches its own machine, like loopback.

What would prove it wrong
  A listener on that port in the caller's own namespace: then the address is its own server's. Two containers of one
  namespace (`network_mode: service:...`) share loopback, and a caller in host mode has the host's; neither is
  reported. A variable that a browser reads (NEXT_PUBLIC_..., VITE_...) is left alone.

The fix and its safety
  Write the target's service name and the port inside its container. Only the caller's configuration changes; it takes
  a recreation (`docker compose up -d`) to be seen.

References
  https://docs.docker.com/compose/how-tos/networking/
  https://nodejs.org/api/dns.html#dnssetdefaultresultorderorder
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.probes.listeners import Listeners
from netdoctor.rules._reading import Ends, dial_lines, ends
from netdoctor.rules._speaking import about
from netdoctor.rules.registry import RULES

ITSELF = ("tcp 127.", "tcp [::1]", "tcp 0.0.0.0:", "tcp [::]:", "tcp [::ffff:127.")
"""How the evidence of a dial begins that never left the caller."""


class LocalhostTarget:
    code = "ND306"
    title = "localhost used as the target"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND201", "ND302", "ND303", "ND304", "ND401", "ND402", "ND404", "ND406", "ND503"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = _loopback_edge(case)
        return () if found is None or not found.source.running else (Listeners(found.source.ref),)

    def judge(self, case: Case) -> Iterable[Finding]:
        found = _loopback_edge(case)
        if found is None:
            return
        port, word = found.edge.port, _written(found)
        heard = case.seen.get(Listeners(found.source.ref))
        own = heard.evidence if heard is not None and heard.good else None
        if own is not None and port is not None and own.on(port):
            return
        live = Fact.RUNTIME in case.topology.knows
        caller, target = found.source.name, found.target.name
        mine = (f"nothing in {caller} listens on {port}",) if own is not None and port is not None else ()
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if own is not None else Confidence.LIKELY,
            # It never leaves its own namespace: what is wrong at the target shows only afterwards.
            Layer.MEMBERSHIP,
            about(found.edge),
            f"{caller} uses {word}{f':{port}' if port else ''}, which is {caller} itself, and means {target}.",
            (*mine, *(_loopback_dials(case) if live else ())),
            (_remedy(found),),
        )


def _loopback_edge(case: Case) -> Ends | None:
    found = ends(case)
    return found if found is not None and found.edge.name is not None and _is_loopback(found.edge.name) else None


def _is_loopback(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    bare = getattr(found, "ipv4_mapped", None) or found
    return bool(bare.is_loopback or bare.is_unspecified)


def _written(found: Ends) -> str:
    """``localhost``, ``[::1]``: as it stands before a port."""
    name = found.edge.name or ""
    return f"[{name}]" if ":" in name and found.edge.port is not None else name


def _loopback_dials(case: Case) -> tuple[str, ...]:
    return tuple(line for line in dial_lines(case) if line.startswith(ITSELF))


def _remedy(found: Ends) -> Remedy:
    target, port = found.target, found.edge.port
    name = target.service if target.service and target.project == found.source.project else target.name
    inner = _inner_port(target, port)
    old = f"{_written(found)}{f':{port}' if port else ''}"
    new = f"{name}{f':{inner}' if inner else ''}"
    word, _, variable = found.edge.origin.partition(" ")
    where = f" in {variable} of {found.source.name}" if word == "environment" else ""
    return Remedy(f"Use {new}", advice=f"Use {new} instead of {old}{where}, and recreate {found.source.name}.")


def _inner_port(target: Container, port: int | None) -> int | None:
    """The port inside, where the written one is what the host publishes it as."""
    inside = [each.container_port for each in target.published or () if each.host_port == port]
    return inside[0] if inside else port


RULE = RULES.add(LocalhostTarget.code, LocalhostTarget(), home=__name__)
