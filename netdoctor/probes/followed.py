"""What becomes of a client that is sent to this host and port: does the name resolve from here, and does it connect?

One question for both steps, so that the answer comes in one round, and with little patience: it is asked of addresses
that a server named, and a client that is sent somewhere does not wait long either.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.dns import Dns, DnsProbe
from netdoctor.probes.interface import PROBES, World
from netdoctor.vantage.interface import DialFailed

PATIENCE = 2.0
"""Seconds for all of it; a SYN that was lost is sent again after one."""
MOST = 4
"""Addresses of one name that are dialled."""
LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class FollowedEvidence:
    """``answers``: what the name gave; ``tried``: (address, outcome) of each dial."""

    host: str
    port: int
    answers: tuple[str, ...] = ()
    tried: tuple[tuple[str, str], ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Followed(Question[FollowedEvidence]):
    """``host``: a name or an IP literal."""

    host: str
    port: int


class FollowedProbe:
    question = Followed
    layer = Layer.TCP

    def ask(self, question: Followed, world: World) -> Observation[FollowedEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        short = replace(world, timeout=min(world.timeout, PATIENCE))

        def answer(outcome: Outcome, answers: tuple[str, ...] = (), **more: object) -> Observation[FollowedEvidence]:
            evidence = FollowedEvidence(question.host, question.port, answers, **more)  # type: ignore[arg-type]
            return Observation(outcome, evidence, seconds=world.clock() - began, vantage=vantage.name)

        if question.host.lower() == "localhost":
            # Resolver libraries know it without asking anybody.
            answers: tuple[str, ...] = LOOPBACK
        else:
            resolved = DnsProbe().ask(Dns(question.at, question.host), short)
            if not resolved.good or resolved.evidence is None:
                return answer(resolved.outcome, detail=resolved.evidence.detail if resolved.evidence else "")
            answers = resolved.evidence.answers
        deadline = world.clock() + short.timeout
        tried: list[tuple[str, Outcome]] = []
        for position, address in enumerate(answers[:MOST]):
            # A silent address leaves time for those after it.
            share = max(0.05, (deadline - world.clock()) / (min(len(answers), MOST) - position))
            try:
                vantage.dial(address, question.port, share).close()
            except DialFailed as error:
                tried.append((address, error.outcome))
                continue
            tried.append((address, Outcome.CONNECTED))
            break
        told = tuple((address, outcome.value) for address, outcome in tried)
        return answer(_best([outcome for _, outcome in tried]), answers, tried=told)

    def label(self, question: Followed, topology: Topology) -> str:
        return f"follow {spelled(question.host, question.port)}"

    def describe(self, question: Followed, observation: Observation[FollowedEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        dialled = ", ".join(f"{address} {outcome.replace('_', ' ')}" for address, outcome in evidence.tried)
        return dialled or evidence.detail or evidence.host


def _best(outcomes: list[Outcome]) -> Outcome:
    """Connected, if one did; else what says most: a machine that refuses is there, one without a route is not."""
    for outcome in (Outcome.CONNECTED, Outcome.REFUSED, Outcome.TIMED_OUT):
        if outcome in outcomes:
            return outcome
    return outcomes[0] if outcomes else Outcome.NAME_NOT_FOUND


def spelled(host: str, port: int) -> str:
    """``kafka:9092``, ``[fd00::2]:9092``"""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whoever is sent there is sent to itself."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost")


PROBES.add("followed", FollowedProbe(), home=__name__)
