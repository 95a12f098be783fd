"""A container cannot start because a network that it needs does not exist on this engine.

What is looked for
  A container that does not run and is attached, by its inspect, to a network that the engine's list does not
  have, under that id or that name.

Why it breaks
  A network that a file declares as `external` is made by somebody else: on another machine, by another
  project (whose name is in front of the network's), or not yet. Or it was removed while the container was
  stopped, which the engine allows. The start fails with "network ... not found", and to its peers the
  container looks as if it had never existed.

What would prove it wrong
  `docker network inspect NAME` finds it: then it was made anew in the meantime (ND112), or the container only
  has to be started again.

The fix and its safety
  Make the network under exactly that name (attachable, for an overlay), then start the container. Making a
  network touches nothing that runs. For good: let one project own the network and the others declare it as
  external, under its full name.

References
  https://docs.docker.com/reference/compose-file/networks/#external
  docker/compose #10797, #8996, pelias/docker #340
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Endpoint, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.rules._placing import caller, lost_networks
from netdoctor.rules._reading import dial_lines, dns_line
from netdoctor.rules.registry import RULES


class NetworkMissing:
    code = "ND110"
    title = "network missing"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND101", "ND102", "ND103", "ND201", "ND204", "ND501"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        asked = caller(case)
        if asked is None:
            return
        known = {network.name for network in case.topology.networks if network.driver != "unknown"}
        for one in (case.target, asked[1]):
            missing = (
                [each for each in lost_networks(case.topology, one) if each.network_name not in known] if one else []
            )
            if one is None or one.state is None or not missing:
                continue
            names = [each.network_name for each in missing]
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.CERTAIN,
                Layer.MEMBERSHIP,
                (one.ref, *(ref for ref in (asked[0].target, asked[0].source) if ref != one.ref)),
                f"{one.name} cannot start: there is no network {' and no '.join(names)} on this engine.",
                (
                    *(_line(each) for each in missing),
                    f"state of {one.name}: {one.state.status}{f', {one.state.error}' if one.state.error else ''}",
                    *dns_line(case),
                    *dial_lines(case),
                ),
                (
                    Remedy(
                        f"Make {names[0]}, then start {one.name}",
                        advice=" && ".join(
                            [*(f"docker network create {name}" for name in names), *_again(one.name, missing)]
                        ),
                    ),
                ),
            )


def _line(endpoint: Endpoint) -> str:
    what = f" (id {endpoint.network[:12]})" if endpoint.network != endpoint.network_name else ""
    return f"not on this engine: {endpoint.network_name}{what}"


def _again(container: str, missing: list[Endpoint]) -> Iterable[str]:
    """A container that was on the old network names its id: it must leave that one and join the new one."""
    for endpoint in missing:
        if endpoint.network != endpoint.network_name:
            aliases = "".join(f"--alias {alias} " for alias in endpoint.aliases)
            yield f"docker network disconnect -f {endpoint.network_name} {container}"
            yield f"docker network connect {aliases}{endpoint.network_name} {container}"
    yield f"docker start {container}"


RULE = RULES.add(NetworkMissing.code, NetworkMissing(), home=__name__)
