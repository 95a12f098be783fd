"""A network was made anew under the same name, and a container still means the old one.

What is looked for
  Networks are compared by id. Either a container that does not run is attached to an id that is gone, while
  another network has that name now; or the two are on networks of one name and different ids.

Why it breaks
  The engine keeps a network's id with each container, not its name. `docker network rm` and `create`, a
  `down` and `up` of the project that owns it, or a clean-up give the name a new id. What was stopped meanwhile
  cannot start ("network 3f2a... not found"); and an engine that lets two networks have one name puts
  containers on either. Everything looks right, because lists show names.

What would prove it wrong
  One id in `docker inspect --format '{{json .NetworkSettings.Networks}}'` of both, or a connection that opens.

The fix and its safety
  Let the container leave the old network and join the new one with its aliases: for a stopped one nothing can
  be interrupted; a running one loses its connections on the old network. Recreating it through its compose
  file does the same.

References
  docker/compose #8539, #5745
  https://docs.docker.com/reference/cli/docker/network/rm/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from netdoctor.model import Case, Confidence, Disconnect, Fact, Finding, Layer, Network, Question, Remedy, Severity
from netdoctor.model.joining import join_operation, joinable
from netdoctor.rules._placing import caller, lost_networks, networks_of
from netdoctor.rules._reading import Ends, dial_lines, dns_line, ends, networks_line, works
from netdoctor.rules.registry import RULES


class StaleNetwork:
    code = "ND112"
    title = "network recreated under the same name"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND101", "ND102", "ND103", "ND201", "ND202", "ND204", "ND304", "ND501"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        asked = caller(case)
        if asked is None:
            return
        known = {each.name: each for each in case.topology.networks if each.driver != "unknown"}
        for one in (case.target, asked[1]):
            for old in lost_networks(case.topology, one) if one is not None else ():
                new = known.get(old.network_name)
                if one is None or new is None or old.network == old.network_name:
                    continue
                aliases = "".join(f"--alias {alias} " for alias in old.aliases)
                advice = (
                    f"docker network disconnect -f {new.name} {one.name} && "
                    f"docker network connect {aliases}{new.name} {one.name} && docker start {one.name}"
                )
                yield _finding(
                    case,
                    f"{one.name} cannot start: it means the old {new.name} (id {old.network[:12]}); "
                    f"the network of that name is another one now (id {new.id[:12]}).",
                    (one.state.error if one.state is not None and one.state.error else f"{one.name} does not run",),
                    Remedy("Join the new network", advice=advice),
                )
                return
        found = ends(case)
        if found is not None and not found.common and not works(case):
            yield from _twins(case, found)


def _twins(case: Case, found: Ends) -> Iterable[Finding]:
    """Both are on a network of that name, and it is not the same one."""
    mine = {network.name: network for network in networks_of(case.topology, found.source)}
    for theirs in networks_of(case.topology, found.target):
        other = mine.get(theirs.name)
        if other is None or "unknown" in (other.driver, theirs.driver):
            continue
        yield _finding(
            case,
            f"{found.source.name} and {found.target.name} are on two networks of the same name {theirs.name} "
            f"(ids {other.id[:12]} and {theirs.id[:12]}).",
            (networks_line(found.source), networks_line(found.target)),
            _move(found, other, theirs),
        )
        return


def _move(found: Ends, mine: Network, theirs: Network) -> Remedy:
    """The caller leaves its own for the target's; a container cannot be on two networks of one name."""
    title = f"Move {found.source.name} to the {theirs.name} of {found.target.name}"
    if joinable(found.source) is not None:
        return Remedy(title, advice=f"Recreate {found.source.name} through its compose file.")
    leave = Disconnect(found.source.id, found.source.name, mine.id, mine.name)
    endpoint = found.source.endpoint_on(mine.id)
    join = join_operation(found.topology, found.source, theirs, endpoint.aliases if endpoint is not None else ())
    return Remedy(title, (leave, replace(join, ipv4=None, ipv6=None)))


def _finding(case: Case, cause: str, evidence: tuple[str, ...], remedy: Remedy) -> Finding:
    edge = case.edge
    return Finding(
        StaleNetwork.code,
        StaleNetwork.title,
        Severity.ERROR,
        Confidence.CERTAIN,
        Layer.MEMBERSHIP,
        (edge.target, edge.source) if edge is not None else (),
        cause,
        (*evidence, *dns_line(case), *dial_lines(case)),
        (remedy,),
    )


RULE = RULES.add(StaleNetwork.code, StaleNetwork(), home=__name__)
