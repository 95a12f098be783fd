"""The address that DNS returns lies on a network with inter-container communication off.

What is looked for
  A shared network with the option `com.docker.network.bridge.enable_icc=false`, the address that the name
  gave (or, without a name, the target's address) on it, and a dial to that address that was lost.

Why it breaks
  With inter-container communication off the bridge drops every packet between its members, to open and to
  closed ports alike, while names still resolve. Where two share a second, open network, the resolver
  answers with the address of one network only, the first by name; if that is the silent one, the caller
  never tries the other.

What would prove it wrong
  A connection to that address that opens, or is refused: a refusal is an answer, and the cause is another
  one. `docker network inspect NETWORK` without that option.

The fix and its safety
  Let both share an open network whose name sorts before the silent one: the resolver then answers with the
  open address. Connections between containers go on; a new network that sorts first also becomes the default
  route, so connections to outside may break, and the plan says so. Without any change, `name.network` (like
  `db.backend`) asks for the address on one network. For good: make the network without that option.

References
  https://docs.docker.com/engine/network/drivers/bridge/
  moby/moby #46162, #31453
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Fact,
    Finding,
    Layer,
    Network,
    Outcome,
    Question,
    Remedy,
    Severity,
    network_of_address,
)
from netdoctor.model.joining import joins_new_network, preferred_join
from netdoctor.rules._reading import Ends, declared, dial_lines, dialled, dials, dns_line, ends, may_run, pinged
from netdoctor.rules.registry import RULES

LOST = (Outcome.TIMED_OUT, Outcome.NO_ROUTE)


class IccOff:
    code = "ND108"
    title = "address on a network with inter-container communication off"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or not may_run(found.target):
            return
        silent = _declared(found) if declared(found.topology) else _silent(case, found)
        if silent is None:
            return
        network, address, sure = silent
        open_ones = tuple(each for each in found.common if each.icc)
        beside = f", although they also share {', '.join(each.name for each in open_ones)}" if open_ones else ""
        how = f"{found.name} leads to {address}" if found.name else f"{found.target.name} has {address}"
        how = how if address else f"{found.source.name} and {found.target.name} meet only"
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if sure else Confidence.LIKELY,
            Layer.TCP,
            (network.ref, found.target.ref, found.source.ref),
            f"{how} on {network.name}, where containers may not talk to each other "
            f"(inter-container communication is off){beside}.",
            (
                f"{network.name}: com.docker.network.bridge.enable_icc=false",
                *dns_line(case),
                *dial_lines(case),
            ),
            tuple(_remedies(found, network, open_ones)),
        )


def _declared(found: Ends) -> tuple[Network, str, bool] | None:
    """By files alone: every network that the two share is silent. No address is known, and none is needed."""
    shared = found.common
    return (shared[0], "", True) if shared and not any(network.icc for network in shared) else None


def _silent(case: Case, found: Ends) -> tuple[Network, str, bool] | None:
    """The silent network, the target's address on it, and whether a dial proved it (else only a ping did)."""
    outcomes = dict(dials(case))
    for address in dialled(case):
        network = network_of_address(found.topology, found.target, address)
        if network is None or network.icc or network not in found.common:
            continue
        tried = outcomes.get(address)
        if tried is not None and tried.known:
            if tried.outcome in LOST:
                return network, address, True
            continue
        echo = pinged(case, address)
        if echo is not None and echo.known and not echo.good:
            return network, address, False
    return None


def _remedies(found: Ends, silent: Network, open_ones: tuple[Network, ...]) -> Iterable[Remedy]:
    if open_ones and found.name:
        yield Remedy(
            f"Ask for the address on {open_ones[0].name}",
            advice=f"Use {found.name}.{open_ones[0].name} instead of {found.name}: it asks for that network's address.",
        )
    for join in preferred_join(found.topology, found.source, found.target, found.name):
        joiner = found.source if join.container == found.source.id else found.target
        first = found.name is None or join.network_name < silent.name
        if first and joiner.endpoint_on(join.network) is None:
            yield Remedy(f"Connect {join.container_name} to {join.network_name}", (join,), safe=True)
    fresh = joins_new_network(found.topology, found.source, found.target, found.name, before=silent.name)
    if fresh:
        yield Remedy("Connect both to an open network of their own", fresh, safe=True)
    yield Remedy(
        f"Allow communication on {silent.name}",
        advice=f"Make {silent.name} again without the option com.docker.network.bridge.enable_icc=false "
        "(its members must leave it first).",
    )


RULE = RULES.add(IccOff.code, IccOff(), home=__name__)
