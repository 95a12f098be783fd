"""HTTP_PROXY sends an internal request to a proxy that cannot answer it.

What is looked for
  The caller's environment names an HTTP proxy (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, in either case), NO_PROXY does not
  take the target out, the target answers directly, and the same request through that proxy fails.

Why it breaks
  Most HTTP clients send everything to the proxy that the environment names. The docker client's own configuration
  puts these variables into every container (`proxies` in `~/.docker/config.json`). A proxy outside the network knows
  no container's name: it answers 502, 503, 504 or 403 with a page of its own, while a raw connection works.

What would prove it wrong
  A request through the proxy that the target answers; or a client that reads no such variables (Node's fetch does
  not), which cannot be seen from outside: so this is called likely.

The fix and its safety
  Add the target's name to NO_PROXY and no_proxy (languages differ in which they read, and few understand networks
  such as 10.0.0.0/8), and recreate the caller. Requests to the outside go through the proxy as before.

References
  https://docs.docker.com/engine/cli/proxy/
  docker/compose #11433
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Edge, Fact, Finding, Layer, Observation, Question, Remedy, Severity
from netdoctor.model.proxies import HttpProxy, proxy_for
from netdoctor.probes.dns import Dns
from netdoctor.probes.http import Http
from netdoctor.rules._reading import dialled, spoken_to, works
from netdoctor.rules._speaking import TOLD, name_of
from netdoctor.rules.registry import RULES


class ProxySwallows:
    code = "ND405"
    title = "HTTP_PROXY swallows an internal call"
    needs: frozenset[Fact] = frozenset()
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        proxy = _proxy(case)
        if proxy is None or case.edge is None or not works(case):
            return ()
        if not _literal(proxy.host):
            name = Dns(case.edge.source, proxy.host)
            return (name, *_through(case, case.edge, proxy)) if name in case.seen else (name,)
        return _through(case, case.edge, proxy)

    def judge(self, case: Case) -> Iterable[Finding]:
        proxy, edge = _proxy(case), case.edge
        if proxy is None or edge is None:
            return
        if Fact.RUNTIME not in case.topology.knows:
            yield self._finding(case, edge, proxy, Severity.WARNING, ())
        elif works(case):
            met = _met(case, edge, proxy)
            if met is not None:
                yield self._finding(case, edge, proxy, Severity.ERROR, (met,))

    def _finding(
        self, case: Case, edge: Edge, proxy: HttpProxy, severity: Severity, evidence: tuple[str, ...]
    ) -> Finding:
        caller, target, host = name_of(case, edge.source), name_of(case, edge.target), edge.name or target_host(case)
        return Finding(
            self.code,
            self.title,
            severity,
            Confidence.LIKELY,
            Layer.HTTP,
            (edge.source.at("environment", proxy.variable), edge.target, edge.source),
            f"{caller} sends its requests to {target} through the proxy {proxy.host}:{proxy.port} ({proxy.variable}), "
            f"because NO_PROXY does not name {host}.",
            evidence,
            (
                Remedy(
                    f"Add {host} to NO_PROXY",
                    advice=f"Add {host} to NO_PROXY and to no_proxy of {caller}, and recreate it.",
                ),
            ),
            caller_fails=severity is Severity.ERROR,
        )


def target_host(case: Case) -> str:
    return next(iter(dialled(case)), "") or (case.edge.target.id[:12] if case.edge else "")


def _proxy(case: Case) -> HttpProxy | None:
    """The proxy that the caller would use for this edge. Towards containers only: the outside is what it is for."""
    edge, caller = case.edge, case.source
    if edge is None or edge.reverse or caller is None or case.target is None or edge.port is None:
        return None
    proxy = proxy_for(caller, edge.protocol, edge.name or target_host(case), edge.port, dialled(case))
    return None if proxy is None or proxy.host == edge.name else proxy


def _through(case: Case, edge: Edge, proxy: HttpProxy) -> tuple[Http, ...]:
    """The request as a client puts it to a proxy: the whole URL as the path. Only plain HTTP is put that way."""
    host = edge.name or target_host(case)
    if edge.protocol != "http" or proxy.scheme not in ("http", "https"):
        return ()
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{edge.port}{edge.path or '/'}"
    address = proxy.host if _literal(proxy.host) else None
    answer = case.seen.get(Dns(edge.source, proxy.host)) if address is None else None
    if answer is not None and answer.good and answer.evidence is not None:
        address = answer.evidence.answers[0]
    if address is None:
        return ()
    return (Http(edge.source, address, proxy.port, host, url, proxy.scheme == "https", strict=True),)


def _met(case: Case, edge: Edge, proxy: HttpProxy) -> str | None:
    """What the request through the proxy met; None when it was answered, or is not known."""
    name = None if _literal(proxy.host) else case.seen.get(Dns(edge.source, proxy.host))
    if name is not None and name.known and not name.good:
        return f"dns {proxy.host} (the proxy): no answer"
    for question in _through(case, edge, proxy):
        observation: Observation[Any] | None = case.seen.get(question)
        if observation is not None and observation.known and not observation.good:
            evidence = observation.evidence
            if evidence is not None and evidence.status in _statuses(case):
                return None
            status = f"{evidence.status} {evidence.phrase}".strip() if evidence is not None and evidence.status else ""
            said = status or TOLD.get(observation.outcome, observation.outcome.value)
            return f"GET {question.path} through {proxy.host}:{proxy.port}: {said}"
    return None


def _statuses(case: Case) -> set[int]:
    """What the target itself answers: a proxy that hands on the same has reached it."""
    found = {observation.evidence.status for _, observation in spoken_to(case) if observation.evidence is not None}
    return found - {None}


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


RULE = RULES.add(ProxySwallows.code, ProxySwallows(), home=__name__)
