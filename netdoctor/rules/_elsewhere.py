"""Where a server sends its clients, what became of following it, and whether this caller follows at all. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from netdoctor.model import (
    Case,
    Container,
    Endpoint,
    Fact,
    Observation,
    Outcome,
    carriers,
    predicted_addresses,
)
from netdoctor.probes.advertised import SENDS_ON, Advertised, AdvertisedEvidence, Announced, is_host
from netdoctor.probes.followed import Followed, FollowedEvidence, is_loopback, spelled
from netdoctor.probes.greeting import Greeting, spoken
from netdoctor.probes.http import Http
from netdoctor.rules._elsewhere_written import advertised_variable, written
from netdoctor.rules._placing import proxies
from netdoctor.rules._reading import HTTP, SAID, answered, dialled, dials, network_names, spoken_to

MOST = 5
"""Places that are followed."""
_OPTION = re.compile(r"[?&](directConnection|connect|loadBalanced|replicaSet)=([^&#\s]*)", re.IGNORECASE)
_SEEDS = re.compile(r"^mongodb://(?:[^/?#]*@)?([^/?#@]+)", re.IGNORECASE)
_NAMED = {"brokers": "its brokers", "cluster": "its cluster's nodes", "sentinel": "the masters that it watches"}
_PROXIES = ("nginx", "traefik", "caddy", "haproxy", "envoy", "httpd", "kong", "apisix", "openresty", "varnish", "proxy")
_CLUSTERED = ("cluster", "sentinel")


@dataclass(frozen=True, slots=True)
class Sent:
    """``places``: each that was followed, with what became of it (None: that is not known). ``all_of``: how many the
    server names. ``source``: the line of evidence that says where this was read."""

    sort: str
    places: tuple[tuple[Announced, Outcome | None], ...]
    all_of: int
    source: str

    @property
    def lost(self) -> tuple[tuple[Announced, Outcome], ...]:
        bad = (None, Outcome.CONNECTED)
        return tuple((each, outcome) for each, outcome in self.places if outcome is not None and outcome not in bad)

    @property
    def all_lost(self) -> bool:
        return len(self.lost) == len(self.places)

    @property
    def needed_lost(self) -> bool:
        """A replica set takes writes at its primary only."""
        return any(each.role == "primary" for each, _ in self.lost)


def lists_wanted(case: Case) -> Iterator[Advertised]:
    """The question where it sends its clients, of a server that greeted well in a protocol that does so.

    Beside the greeting where nothing but the name's answer says which addresses there are: that takes a round, too.
    """
    edge = case.edge
    if edge is None or edge.reverse or edge.port is None or spoken(edge.protocol)[0] not in SENDS_ON:
        return
    if spoken(edge.protocol)[0] == "mongo" and follows(case) is False:
        return
    for question, observation in _spoken(case):
        if isinstance(question, Greeting) and observation.good and observation.evidence is not None:
            # One that guards itself with a password is most often alone.
            if not observation.evidence.demands or _several(case):
                yield _list_of(question)
            return
    if not predicted_addresses(case.topology, edge):
        protocol, tls = spoken(edge.protocol)
        opened = next((address for address in dialled(case) if address in _taking(case)), None)
        if opened is not None:
            yield Advertised(edge.source, opened, edge.port, protocol, tls, edge.name or opened)


def _spoken(case: Case) -> Iterator[tuple[Http | Greeting, Observation[Any]]]:
    """Only at this edge's own addresses: the caller may speak to another server on the same port."""
    own = set(dialled(case))
    return ((question, observation) for question, observation in spoken_to(case) if question.address in own)


def _list_of(question: Greeting) -> Advertised:
    return Advertised(question.at, question.address, question.port, question.protocol, question.tls, question.host)


def _several(case: Case) -> bool:
    """Whether something says that it is one of several: its command, its image, or the caller's variable."""
    target, edge = case.target, case.edge
    said = [target.image, *(target.command or ())] if target is not None else []
    said.append(edge.origin if edge is not None else "")
    return (edge is not None and edge.port == 26379) or any(
        word in each.lower() for each in said for word in _CLUSTERED
    )


def heard(case: Case) -> AdvertisedEvidence | None:
    """The list, when one was given."""
    edge = case.edge
    if edge is None or spoken(edge.protocol)[0] not in SENDS_ON:
        return None
    own = set(dialled(case))
    for question, observation in case.asked(Advertised):
        same = (question.port, question.protocol) == (edge.port, spoken(edge.protocol)[0])
        if same and question.address in own:
            return observation.evidence if observation.good else None
    return None


def redirect(case: Case) -> tuple[Http, str] | None:
    """The first answer that leads to another place, and that place."""
    if case.edge is None or case.edge.protocol not in HTTP or _hands_on(case):
        return None
    for question, observation in _spoken(case):
        if isinstance(question, Http) and observation.evidence is not None and observation.evidence.sends_to:
            return question, observation.evidence.sends_to
    return None


def _hands_on(case: Case) -> bool:
    """Whether the caller is a reverse proxy: a redirect is for the browser behind it."""
    edge, caller, target = case.edge, case.source, case.target
    if edge is None or caller is None:
        return False
    word = caller.image.rpartition("/")[2].partition("@")[0].partition(":")[0].lower()
    found = edge.origin.startswith("label ") or any(each in word for each in _PROXIES)
    return found or (target is not None and proxies(caller, target))


def places(case: Case) -> tuple[Announced, ...]:
    """Where the caller is sent. A recorded run may be anybody's: what can be no place is left out here, too."""
    if case.edge is None or case.edge.reverse:
        return ()
    told = heard(case)
    found = told.announced if told is not None else ()
    led = redirect(case)
    if led is not None:
        host, _, port = led[1].partition("://")[2].rpartition(":")
        number = int(port) if port.isascii() and port.isdigit() and len(port) <= len("65535") else 0
        found = (Announced(host.strip("[]"), number, "redirect"),)
    return tuple(each for each in found if is_host(each.host) and 0 < each.port < 65536)


def follow_wanted(case: Case) -> Iterable[Followed]:
    edge = case.edge
    if edge is None:
        return ()
    return [Followed(edge.source, each.host, each.port) for each in places(case)[:MOST] if not _here(case, each)]


def _here(case: Case, each: Announced) -> bool:
    """That very address was dialled on this edge, and took the connection."""
    edge, good = case.edge, _taking(case)
    return edge is not None and each.port == edge.port and bool(good) and each.host in (edge.name, *good)


def _taking(case: Case) -> frozenset[str]:
    """The edge's own addresses that took a connection."""
    return frozenset(address for address, observation in dials(case) if observation.good) & set(dialled(case))


def sent(case: Case) -> Sent | None:
    """What the server names and what became of it; None when it names nothing."""
    found, edge, told = places(case), case.edge, heard(case)
    if not found or edge is None:
        return None
    outcomes = tuple((each, _outcome(case, each)) for each in found[:MOST])
    if told is not None:
        named = ", ".join(spelled(each.host, each.port) for each in found[:MOST])
        more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
        line = f"{told.protocol} at {spelled(told.address, told.port)} names {_NAMED.get(told.sort, told.sort)}: "
        line += f"{named}{more}"
        return Sent(told.sort, outcomes, len(found), line)
    led = redirect(case)
    line = f"GET {led[0].path} at {spelled(led[0].address, led[0].port)}: redirected to {led[1]}" if led else ""
    return Sent("redirect", outcomes, 1, line)


def in_writing(case: Case) -> Sent | None:
    """What the broker's own variable says, where nobody could ask; only what leads the caller to itself."""
    told, variable = written(case), advertised_variable(case.target)
    if told is None or case.target is None or heard(case) is not None:
        return None
    if Fact.RUNTIME in case.topology.knows and not answered(case):
        return None
    place = Announced(told.host, told.port)
    return Sent("brokers", ((place, Outcome.REFUSED),), 1, f"{variable} of {case.target.name}: {told}")


def _outcome(case: Case, each: Announced) -> Outcome | None:
    if _here(case, each):
        return Outcome.CONNECTED
    seen = _followed(case, each)
    if seen is None or not seen.known:
        return None
    if seen.outcome is Outcome.RESOLVER_FAILED and ("." in each.host or _carried(case, each.host)):
        # A nameserver outside that is silent for once proves nothing about the name.
        return None
    return seen.outcome


def _followed(case: Case, each: Announced) -> Observation[FollowedEvidence] | None:
    return case.seen.get(Followed(case.edge.source, each.host, each.port)) if case.edge is not None else None


def _carried(case: Case, host: str) -> bool:
    return case.source is None or bool(carriers(case.topology, case.source, host))


def follows(case: Case) -> bool | None:
    """Whether the caller's MongoDB driver goes to the members that the server names; None: that depends on the driver.

    By its URL: ``directConnection=true`` never does, a ``replicaSet`` or several seeds always do. With neither, drivers
    of today do, and Java's does not.
    """
    edge, caller = case.edge, case.source
    basis = edge.basis if edge is not None else None
    if edge is None or caller is None or basis is None or basis.path[:1] != ("environment",):
        return None
    value = caller.env(basis.path[-1]) or ""
    said = {key.lower(): text.lower() for key, text in _OPTION.findall(value)}
    if said.get("directconnection") == "true" or said.get("connect") == "direct" or said.get("loadbalanced") == "true":
        return False
    seeds = _SEEDS.match(value)
    if said.get("replicaset") or (seeds is not None and "," in seeds[1]) or said.get("directconnection") == "false":
        return True
    return None


def clustered(case: Case) -> bool:
    """Whether the caller says that it takes the server for a cluster."""
    edge, caller = case.edge, case.source
    basis = edge.basis if edge is not None else None
    if basis is None or caller is None or basis.path[:1] != ("environment",):
        return False
    scheme, said, _ = (caller.env(basis.path[-1]) or "").partition("://")
    return any("cluster" in each.lower() for each in (basis.path[-1], scheme if said else ""))


def speaks_java(case: Case) -> bool:
    """Java's MongoDB driver stays at a single host without a ``replicaSet``."""
    caller = case.source
    if caller is None:
        return False
    signs = any(key.startswith(("JAVA_", "SPRING_", "JDK_")) for key, _ in caller.environment or ())
    return signs or any(word in caller.image.lower() for word in ("jdk", "jre", "java", "temurin", "corretto"))


def lines(case: Case, found: Sent) -> tuple[str, ...]:
    """What was read and what became of it, and whose the places are, a line each."""
    told = [found.source]
    caller = case.source
    for each, outcome in found.places:
        seen = _followed(case, each)
        if heard(case) is None and redirect(case) is None:
            # Read, not followed.
            continue
        tried = seen.evidence.tried if seen is not None and seen.evidence is not None else ()
        dialled = ", ".join(address for address, _ in tried if address != each.host)
        said = SAID.get(outcome, outcome.value.replace("_", " ")) if outcome is not None else "could not be asked"
        told.append(f"follow {spelled(each.host, each.port)}{f' ({dialled})' if dialled else ''}: {said}")
    for each, _ in found.lost:
        owner = owner_line(case, each.host)
        if is_loopback(each.host) and caller is not None:
            owner = f"{each.host} in {caller.name} is {caller.name} itself"
        told += [owner] if owner else []
    return tuple(dict.fromkeys(told))


def owners(case: Case, host: str) -> Iterator[tuple[Container, Endpoint]]:
    """Who has that address or name, on networks that the caller is not on."""
    caller, wanted = case.source, host.lower().rstrip(".")
    if caller is None or is_loopback(host):
        return
    for container in case.topology.containers:
        for endpoint in container.endpoints:
            known = wanted in endpoint.addresses or wanted in endpoint.names
            if known and caller.endpoint_on(endpoint.network) is None:
                yield container, endpoint


def owner_line(case: Case, host: str) -> str | None:
    """``10.9.0.3 is redis on back; app is on: front``"""
    for container, endpoint in owners(case, host):
        if case.source is not None:
            mine = network_names(case.source) or "no network"
            return f"{host} is {container.name} on {endpoint.network_name}; {case.source.name} is on: {mine}"
    return None
