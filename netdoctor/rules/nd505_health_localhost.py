"""The health check asks localhost, gets ::1, and the server listens on IPv4 only.

What is looked for
  A failing health check whose test names `localhost`, and, in the target's namespace, a server that listens at IPv4
  addresses and at no IPv6 one. In files: such a test with BusyBox wget (alpine images), as a possibility only.

Why it breaks
  The container's /etc/hosts gives localhost both addresses, ::1 and 127.0.0.1. BusyBox wget takes the first it
  gets and does not fall back, so it asks [::1] and is refused, for ever. The server serves everybody else; but the
  container is `unhealthy`, its dependants never start, and Traefik leaves it out.

What would prove it wrong
  A listener on `::`, or a check that passes with 127.0.0.1 written out and fails all the same.

The fix and its safety
  Write 127.0.0.1 in the check (or let the server bind `::`), and recreate the container.

References
  https://docs.docker.com/reference/dockerfile/#healthcheck
  wallabag/docker #407
  dsgnr/portchecker.io pull 362
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.rules._health import asks_localhost, excerpt, gate, judged, last_failure, test_of, tools_of, unhealthy
from netdoctor.rules.registry import RULES

_PORT = re.compile(r"(?i)localhost\W{1,4}(\d{2,5})\b")
_NO_FALLBACK = ("alpine", "busybox")


class HealthLocalhost:
    code = "ND505"
    title = "health check asks localhost, gets ::1"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        suspects = [each for each in judged(case) if _suspect(each) and unhealthy(each) and each.running]
        return [Listeners(each.ref) for each in suspects]

    def judge(self, case: Case) -> Iterable[Finding]:
        live = Fact.RUNTIME in case.topology.knows
        for container in judged(case):
            if not _suspect(container):
                continue
            evidence = _seen(case, container) if live else _declared(container)
            if evidence is None:
                continue
            held = gate(case, container)
            what = "the server listens on IPv4 only" if live else "its wget does not fall back to IPv4"
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR if held else Severity.WARNING,
                Confidence.CERTAIN if live else Confidence.POSSIBLE,
                Layer.TARGET,
                (container.ref.at("healthcheck", "test") if not live else container.ref,),
                f"The health check of {container.name} asks localhost, which may be ::1; {what}.{held}",
                (f"test: {' '.join(test_of(container))[:160]}", *evidence),
                (_remedy(container),),
            )


def _suspect(container: Container) -> bool:
    return asks_localhost(test_of(container))


def _seen(case: Case, container: Container) -> tuple[str, ...] | None:
    answer = case.seen.get(Listeners(container.ref))
    failure = last_failure(container)
    if answer is None or answer.evidence is None or failure is None or not unhealthy(container):
        return None
    ports = {int(port) for word in test_of(container) for port in _PORT.findall(word)}
    if not _only_ipv4(answer.evidence, ports) or _other_cause(failure[1]):
        return None
    listed = ", ".join(f"{socket.address}:{socket.port}" for socket in answer.evidence.sockets)
    return f"listeners: {listed}", f"its log: exit code {failure[0]}, {excerpt(failure[1])}"


def _only_ipv4(heard: ListenersEvidence, ports: set[int]) -> bool:
    wanted = [socket for socket in heard.sockets if not ports or socket.port in ports]
    return bool(wanted) and all(":" not in socket.address for socket in wanted)


def _other_cause(output: str) -> bool:
    """The check reached a server, or could not run at all."""
    text = output.lower()
    return any(said in text for said in ("http/1", "404", "401", "500", "503", "not found", "timed out"))


def _declared(container: Container) -> tuple[str, ...] | None:
    plain = "wget" in tools_of(test_of(container)) and any(each in container.image for each in _NO_FALLBACK)
    return () if plain else None


def _remedy(container: Container) -> Remedy:
    fixed = [word.replace("localhost", "127.0.0.1") for word in test_of(container)]
    shown = ", ".join(f'"{word}"' for word in fixed)
    return Remedy("Ask 127.0.0.1", advice=f"test: [{shown}]\nThen recreate {container.name}.")


RULE = RULES.add(HealthLocalhost.code, HealthLocalhost(), home=__name__)
