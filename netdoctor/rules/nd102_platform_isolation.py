"""The platform keeps the two apart: one sits on a network that the platform made for its stack alone.

What is looked for
  Two containers without a common network, and proof of whose doing that is. Coolify: the label
  `coolify.managed=true`, and networks that only this resource is on. Dokploy: a compose folder below
  /etc/dokploy (or a Swarm service on `dokploy-network`), and a container that is not on `dokploy-network`.

Why it breaks
  Coolify gives every service stack and every compose application a network named after its own uuid, while
  databases and single applications go on the destination's network (`coolify`). Two resources of one
  project are not on one network by that. Dokploy joins only services with a domain to `dokploy-network`, and
  none when "Isolated Deployment" is on. So the name does not resolve and the address times out.

What would prove it wrong
  A common network, by id; a connection that opens all the same; or containers without the platform's marks:
  then it is ND101.

The fix and its safety
  Connect one of them to the other's network under its service name; nothing that is open is interrupted. It
  lasts until the next deploy. For good, Coolify: "Connect to Predefined Network" and redeploy, then the host
  name is <service>-<uuid>. Dokploy: list `dokploy-network` (external) next to `default` in the compose
  text, and deploy.

References
  coollabsio/coolify #5597, #11371, #2476, Dokploy/dokploy #2987, #1335
  https://coolify.io/docs/knowledge-base/docker/compose
"""

from __future__ import annotations

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
)
from netdoctor.rules._placing import joins_of
from netdoctor.rules._platforms import DOKPLOY_NETWORK, kept_apart
from netdoctor.rules._reading import Ends, dial_lines, dns_line, ends, network_names, networks_line, works
from netdoctor.rules.registry import RULES


class PlatformIsolation:
    code = "ND102"
    title = "isolated by its platform"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND101", "ND104", "ND108", "ND201", "ND202", "ND204", "ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or found.common or works(case):
            return
        told = kept_apart(found)
        if told is None:
            return
        sure, platform, kept, other, mark = told
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if sure else Confidence.LIKELY,
            Layer.MEMBERSHIP,
            (kept.ref, other.ref),
            f"{platform} keeps {kept.name} on a network of its own ({network_names(kept) or 'none'}); "
            f"{other.name} (on {network_names(other) or 'no network'}) is not on it.",
            (mark, networks_line(found.source), networks_line(found.target), *dns_line(case), *dial_lines(case)),
            tuple(_remedies(found, platform, kept)),
        )


def _remedies(found: Ends, platform: str, kept: Container) -> Iterable[Remedy]:
    yield from joins_of(found)
    if platform == "Coolify":
        host = f" Others then reach it as {kept.service}-{kept.project}." if kept.service and kept.project else ""
        text = f'In Coolify, turn on "Connect to Predefined Network" for {kept.name} and redeploy.{host}'
    else:
        text = (
            f"In Dokploy, list `{DOKPLOY_NETWORK}` (external) next to `default` in the networks of "
            f"{kept.service or kept.name}, or turn Isolated Deployment off, and deploy."
        )
    yield Remedy(f"Let {platform} connect it for good", advice=text)


RULE = RULES.add(PlatformIsolation.code, PlatformIsolation(), home=__name__)
