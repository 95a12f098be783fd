"""The reverse proxy shares no network with its backend, or looks for it on the wrong one.

What is looked for
  A caller that is a reverse proxy which finds backends through the engine (Traefik, nginx-proxy, Caddy with
  Docker labels, a platform's proxy), and a backend that carries its labels or VIRTUAL_HOST. Then: a common
  network, by id; and the label `traefik.docker.network` (or `traefik.swarm.network`), or the proxy's own
  `--providers.docker.network`, against the networks that both are really on.

Why it breaks
  The proxy reads the backend's addresses from the engine, not from DNS. On a backend with several networks
  it takes the address on the named one, and when nothing is named, or the name fits none of them, just any.
  An address on a network that the proxy is not on times out: 504 after half a minute, for some requests or
  for all. The label wants the network's real name (project_proxy), not its key in the compose file (proxy).

What would prove it wrong
  A connection from the proxy to the address on the named network; or only one network at the backend, and
  the proxy on it.

The fix and its safety
  Connect the proxy to the backend's network, or the backend to the proxy's: nothing that is open is
  interrupted. For good: one shared proxy network in both files, and the label with its real name.

References
  https://doc.traefik.io/traefik/reference/routing-configuration/other-providers/docker/
  traefik/traefik #1254, #5040, nginx-proxy/nginx-proxy #743, coollabsio/coolify #6278
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Endpoint, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.model.joining import join_operation, joinable
from netdoctor.probes.tcp import Tcp
from netdoctor.rules._placing import joins_of, proxies
from netdoctor.rules._reading import Ends, dial_lines, ends, networks_line, works
from netdoctor.rules.registry import RULES

_LABELS = ("traefik.docker.network", "traefik.swarm.network")


class ProxyNetwork:
    code = "ND111"
    title = "reverse proxy shares no network, or picks the wrong one"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND101", "ND102", "ND103", "ND104", "ND108", "ND201", "ND202", "ND204", "ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        if found is None or found.edge.port is None or not proxies(found.source, found.target) or not found.common:
            return
        for endpoint in _picked(found):
            for address in endpoint.addresses if _shares_not(found, endpoint) else ():
                yield Tcp(found.source.ref, address, found.edge.port, brief=True)

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or not proxies(found.source, found.target):
            return
        label, wanted = _named(found)
        if not found.common:
            if not works(case):
                cause = f"The proxy {found.source.name} and its backend {found.target.name} share no network."
                yield _finding(case, found, cause, Confidence.CERTAIN, (*joins_of(found),))
            return
        picked = _picked(found)
        wrong = [endpoint for endpoint in picked if _shares_not(found, endpoint)]
        reached = [
            case.seen.get(Tcp(found.source.ref, address, found.edge.port or 0))
            for e in wrong
            for address in e.addresses
        ]
        # Where nobody names a network the proxy's own configuration file still may: nothing is said then.
        if not wrong or wanted is None or any(answer is not None and answer.good for answer in reached):
            return
        right = found.common[0].name
        carried = any(endpoint.network_name == wanted for endpoint in found.target.endpoints)
        what = (
            f"{wanted}, on which {found.source.name} is not"
            if carried
            else f"{wanted}, on which {found.target.name} is not, so that any of its networks may be taken"
        )
        advice = f"Set {label}={right} ({found.target.name}), and recreate it."
        remedies = [Remedy(f"Name the network {right}", advice=advice)]
        if carried and joinable(found.source) is None:
            network = found.topology.network(wrong[0].network)
            if network is not None:
                join = join_operation(found.topology, found.source, network)
                remedies.insert(0, Remedy(f"Connect {found.source.name} to {network.name}", (join,), safe=True))
        cause = f"The proxy {found.source.name} looks for {found.target.name} on {what}; they share {right}."
        sure = Confidence.CERTAIN if carried or len(picked) == len(wrong) else Confidence.LIKELY
        yield _finding(case, found, cause, sure, tuple(remedies), f"{label}={wanted}")


def _named(found: Ends) -> tuple[str, str | None]:
    """Who names the network, and which: the backend's label, else the proxy's own option."""
    for label in _LABELS:
        if found.target.labels.get(label):
            return label, found.target.labels[label]
    for word in found.source.command or ():
        option, _, value = word.lstrip("-").partition("=")
        if value and option.lower() in ("providers.docker.network", "providers.swarm.network"):
            return option, value
    return "traefik.docker.network", found.source.env("TRAEFIK_PROVIDERS_DOCKER_NETWORK")


def _picked(found: Ends) -> tuple[Endpoint, ...]:
    """The backend's attachments from which the proxy takes the address: the named one, else any of them."""
    _, wanted = _named(found)
    named = tuple(endpoint for endpoint in found.target.endpoints if endpoint.network_name == wanted)
    return named or found.target.endpoints


def _shares_not(found: Ends, endpoint: Endpoint) -> bool:
    return all(network.id != endpoint.network for network in found.common)


def _finding(
    case: Case, found: Ends, cause: str, sure: Confidence, remedies: tuple[Remedy, ...], *evidence: str
) -> Finding:
    lines = (*evidence, networks_line(found.source), networks_line(found.target), *dial_lines(case))
    about = (found.target.ref, found.source.ref)
    return Finding(
        ProxyNetwork.code, ProxyNetwork.title, Severity.ERROR, sure, Layer.MEMBERSHIP, about, cause, lines, remedies
    )


RULE = RULES.add(ProxyNetwork.code, ProxyNetwork(), home=__name__)
