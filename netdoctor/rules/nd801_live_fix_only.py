"""What makes it work was connected by hand, and is in no file.

What is looked for
  A connection that works, over a network that one end is attached to, and that its compose file does not declare
  for it; without that network the two would share none. The file is read where the container's labels point.

Why it breaks
  `docker network connect` changes the container that is there now. The next `docker compose up`, deploy or update
  makes a new one from the file, and the connection is gone: it "worked until the redeploy".

What would prove it wrong
  `docker compose config` lists that network for that service; or the file that the labels name is not the one that
  is used for the next deploy.

The fix and its safety
  Declare the network in the file: `netdoctor fix --persist` does it for a fix of its own; else paste the lines
  that are shown. Nothing that runs is touched by that. Keep `default` in the list where the service had no
  `networks:` before.

References
  https://docs.docker.com/reference/compose-file/networks/#external
  coollabsio/coolify #8127, #10258
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
    Network,
    Question,
    Remedy,
    Severity,
    Topology,
)
from netdoctor.rules._drift import PATH_CAUSES, End, compared, rests_on, wants_files
from netdoctor.rules.registry import RULES


class LiveFixOnly:
    code = "ND801"
    title = "live fix not in the file"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()
    follows = PATH_CAUSES

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return wants_files(case)

    def judge(self, case: Case) -> Iterable[Finding]:
        for end in compared(case):
            for network in rests_on(case, end):
                if platform_connects(end.container, network):
                    continue
                container = end.container
                yield Finding(
                    self.code,
                    self.title,
                    Severity.WARNING,
                    Confidence.CERTAIN,
                    Layer.MEMBERSHIP,
                    (container.ref, network.ref, *((end.other.ref,) if end.other is not None else ())),
                    f"This works because {container.name} was connected to {network.name} by hand; {end.named} does "
                    "not say so, and the next deploy undoes it.",
                    (
                        f"{container.name} is on {network.name}",
                        f"{end.named} does not list {network.name} for {container.service}",
                    ),
                    (Remedy(f"Declare {network.name} in {end.named}", advice=_lines(end, network, case.topology)),),
                )


def platform_connects(container: Container, network: Network) -> bool:
    """Coolify itself connects a service by hand after each start, under ``<service>-<uuid>``, when it is told to."""
    endpoint = container.endpoint_on(network.id)
    managed = container.labels.get("coolify.managed", "").lower() == "true"
    return managed and endpoint is not None and f"{container.service}-{container.project}" in endpoint.aliases


def _lines(end: End, network: Network, topology: Topology) -> str:
    """The lines to paste: what is declared now, by its keys, and the new one."""
    container, lost = end.container, {network.name, *end.files.undeclared}
    own = [(topology.network(e.network), e.network_name) for e in container.endpoints if e.network_name not in lost]
    keys = [_key(found, name, container.project) for found, name in own] or ["default"]
    listed = "\n".join(f"      - {key}" for key in [*keys, network.name])
    return (
        f"services:\n  {container.service}:\n    networks:\n{listed}\nnetworks:\n  {network.name}:\n    external: true"
    )


def _key(network: Network | None, name: str, project: str | None) -> str:
    """A project's own network goes by its key in the file, which ``name:`` may hide; any other by its name."""
    labels = network.labels if network is not None else {}
    if labels.get("com.docker.compose.project") == project and "com.docker.compose.network" in labels:
        return labels["com.docker.compose.network"]
    return name.removeprefix(f"{project}_")


RULE = RULES.add(LiveFixOnly.code, LiveFixOnly(), home=__name__)
