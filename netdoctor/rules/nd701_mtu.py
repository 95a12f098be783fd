"""Packets are larger than the path takes.

What is looked for
  Between two containers: on the bridge network they share, both ends' interfaces take larger packets than the
  network itself (its option com.docker.network.driver.mtu, else 1500). To the outside: the caller's interface takes
  larger packets than this machine's way out, and the connection opens and then gets no answer.

Why it breaks
  Two ends agree on the packet size that both can take. What lies between and takes less drops the large ones; the
  bridge says nothing, and a firewall may swallow the message of a router that does. Handshakes and short answers
  pass, TLS handshakes and long bodies hang. Docker gives a network 1500 whatever the machine's own uplink has: a
  VPN, a cloud's private network or VXLAN have less.

What would prove it wrong
  A large answer arrives: `wget -O /dev/null` of something of 100 kB from inside. Or `ip link` in both containers
  shows the network's own value.

The fix and its safety
  Make the network with the right size (compose: driver_opts: com.docker.network.driver.mtu: "1400") and recreate
  what is on it; `"mtu"` in daemon.json for the default bridge. At once, and until the next start: `ip link set eth0
  mtu 1400` in the container's namespace; nothing open is interrupted.

References
  https://docs.docker.com/engine/network/drivers/bridge/#options
  moby/moby #49398, #22028
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    HOST,
    Case,
    Confidence,
    Container,
    Fact,
    Finding,
    Layer,
    Network,
    Outcome,
    Question,
    Ref,
    Remedy,
    Severity,
)
from netdoctor.probes.mtu import Mtu, MtuEvidence
from netdoctor.rules._placing import caller
from netdoctor.rules._reading import connected, dialled, ends, spoken_to
from netdoctor.rules.registry import RULES

OPTION = "com.docker.network.driver.mtu"
ETHERNET = 1500


class MtuMismatch:
    code = "ND701"
    title = "packets larger than the path takes"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND401", "ND503"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        if found is not None and connected(case) and _shared(case) is not None:
            return (Mtu(found.source.ref), Mtu(found.target.ref))
        if _hangs_outside(case) and case.edge is not None:
            return (Mtu(case.edge.source, needed=True), Mtu(HOST, needed=True))
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        return self._outside(case) if _hangs_outside(case) else self._between(case)

    def _between(self, case: Case) -> Iterable[Finding]:
        found, network = ends(case), _shared(case)
        if found is None or network is None or not connected(case):
            return
        mine, theirs = (_on(case, each, network) for each in (found.source, found.target))
        limit = _limit(network)
        if mine is None or theirs is None or min(mine, theirs) <= limit:
            return
        cause = (
            f"{found.source.name} and {found.target.name} send packets of up to {min(mine, theirs)} bytes over "
            f"{network.name}, which takes {limit}: short messages pass, long ones are lost."
        )
        lines = (f"{found.source.name}: {mine}", f"{found.target.name}: {theirs}", f"{network.name}: {limit}")
        about = (network.ref, found.source.ref, found.target.ref)
        yield self._finding(about, cause, lines, _inside(found.source, found.target, network, limit), True)

    def _outside(self, case: Case) -> Iterable[Finding]:
        asked = caller(case)
        mine, uplink = (_evidence(case, asked[1].ref) if asked else None), _evidence(case, HOST)
        here, out = (mine.outward if mine else None), (uplink.outward if uplink else None)
        if asked is None or here is None or out is None or here.mtu <= out.mtu:
            return
        cause = (
            f"{asked[1].name} sends packets of up to {here.mtu} bytes, and this machine's way out ({out.name}) "
            f"takes {out.mtu}: the connection opens, and the long messages after it are lost."
        )
        lines = (f"{asked[1].name}: {here.mtu}", f"{out.name} of this machine: {out.mtu}")
        advice = f'Make its network with driver_opts: {OPTION}: "{out.mtu}", and recreate what is on it.'
        yield self._finding((asked[1].ref, HOST), cause, lines, advice, False)

    def _finding(self, about: tuple[Ref, ...], cause: str, lines: tuple[str, ...], advice: str, fails: bool) -> Finding:
        sure = Confidence.LIKELY
        remedies = (Remedy("Let every part take the same size", advice=advice),)
        return Finding(
            self.code, self.title, Severity.ERROR, sure, Layer.TCP, about, cause, lines, remedies, caller_fails=fails
        )


def _shared(case: Case) -> Network | None:
    """The bridge network over which the edge was dialled."""
    found = ends(case)
    addresses = set(dialled(case))
    for network in found.common if found is not None else ():
        endpoint = found.target.endpoint_on(network.id) if found is not None else None
        if network.driver == "bridge" and endpoint is not None and endpoint.ipv4 in addresses:
            return network
    return None


def _on(case: Case, container: Container, network: Network) -> int | None:
    endpoint, evidence = container.endpoint_on(network.id), _evidence(case, container.ref)
    return evidence.of(endpoint.ipv4) if endpoint is not None and evidence is not None else None


def _evidence(case: Case, at: Ref) -> MtuEvidence | None:
    answer = case.seen.get(Mtu(at))
    return answer.evidence if answer is not None and answer.good else None


def _limit(network: Network) -> int:
    said = network.options.get(OPTION) or network.options.get("mtu", "")  # Podman's word for it
    return int(said) if said.isdigit() and int(said) else ETHERNET


def _hangs_outside(case: Case) -> bool:
    """It opens, and nothing comes after that."""
    outside = case.edge is not None and case.edge.target.kind == "external" and caller(case) is not None
    lost = (Outcome.TIMED_OUT, Outcome.RESET)
    return outside and connected(case) and any(observation.outcome in lost for _, observation in spoken_to(case))


def _inside(one: Container, other: Container, network: Network, limit: int) -> str:
    again = f"docker restart {one.name} {other.name} gives both interfaces the size of {network.name} ({limit}) again"
    return f'{again}; or make {network.name} anew with driver_opts: {OPTION}: "SIZE", the size that both shall use.'


RULE = RULES.add(MtuMismatch.code, MtuMismatch(), home=__name__)
