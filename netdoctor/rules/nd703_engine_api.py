"""A proxy (or another client of the engine) speaks an API version that the engine refuses.

What is looked for
  A container of the connection that asks the engine: a reverse proxy that finds its backends through the socket, or
  a caller whose DOCKER_HOST is the target. The API version it uses, from DOCKER_API_VERSION, else from what its image
  is known to use (Traefik before 3.6.1 and Watchtower are fixed to an old one), against the oldest and the newest that
  this engine's /version names.

Why it breaks
  An engine drops old API versions now and then: 29.0 raised the oldest to 1.44. A client that is fixed to an older
  one gets "client version 1.24 is too old" to every question. The network is sound and the backend healthy, and
  the proxy knows no backend: 404 or 503 for every domain.

What would prove it wrong
  The proxy's log has no line with "client version"; or its image was built anew with a client that negotiates.

The fix and its safety
  Update the proxy (Traefik 3.6.1 or later); on Coolify in the proxy's settings, which an update of Coolify does not
  touch. Until then the engine can be told to accept old clients: `"min-api-version": "1.24"` in daemon.json, or
  DOCKER_MIN_API_VERSION=1.24 in its environment, and a restart. Take DOCKER_API_VERSION out where it is set too
  high. No engine of the lab refuses 1.24, so that side is proven by a topology in the tests; "too new" on an engine.

References
  https://docs.docker.com/reference/api/engine/#api-version-matrix
  coollabsio/coolify #7193, Dokploy/dokploy #3028
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.model.placeholders import host_of
from netdoctor.rules._placing import offers_itself, proxies
from netdoctor.rules._reading import spoken_to, works
from netdoctor.rules._variables import image_of, mentions
from netdoctor.rules.registry import RULES

Version = tuple[int, ...]
_FIXED = {"traefik": ((3, 6, 1), "1.24"), "watchtower": (None, "1.25")}
"""Images whose client uses one API version: the first release that negotiates (None: none), and the version."""


class EngineApi:
    code = "ND703"
    title = "the engine refuses the client's API version"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND404"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        source, target, apis = case.source, case.target, case.topology.engine_apis
        if case.edge is None or case.edge.reverse or source is None or target is None or apis is None:
            return
        asks = mentions(host_of(source.env("DOCKER_HOST") or "") or "-", target)
        # A proxy may have other backends from a file; whoever carries its labels is one that the engine must name.
        if (proxies(source, target) and offers_itself(target)) or asks:
            yield from self._refused(source, target, apis, fails=True)
        refused = any(observation.known and not observation.good for _, observation in spoken_to(case))
        if _is_proxy(target) and (refused or not works(case)):
            yield from self._refused(target, source, apis, fails=False)

    def _refused(self, client: Container, other: Container, apis: tuple[str, str], *, fails: bool) -> Iterable[Finding]:
        used = _used(client)
        if used is None:
            return
        version, why, sure = used
        oldest, newest = (_version(each) for each in apis)
        old = _version(version) < oldest
        if not old and _version(version) <= newest:
            return
        limit = (
            f"too old: this engine takes {apis[0]} or newer" if old else f"too new: this engine takes up to {apis[1]}"
        )
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if sure else Confidence.LIKELY,
            Layer.TARGET,
            (client.ref, other.ref),
            f"{client.name} asks the engine with API version {version}, which is {limit}; it learns of no container.",
            (f"{why}: {version}", f"engine: API {apis[0]} to {apis[1]}"),
            (Remedy("Let both speak one version", advice=_advice(client, sure, old)),),
            caller_fails=fails,
        )


def _used(client: Container) -> tuple[str, str, bool] | None:
    """The version, where it is known from, and whether that is certain."""
    said = (client.env("DOCKER_API_VERSION") or "").strip().strip("\"'").removeprefix("v")
    if re.fullmatch(r"\d+\.\d+", said):
        return said, f"DOCKER_API_VERSION of {client.name}", True
    fixed = _FIXED.get(image_of(client))
    tag = re.fullmatch(r"v?(\d+(?:\.\d+)*)(?:-.*)?", client.image.partition("@")[0].rpartition(":")[2])
    if fixed is None or (tag is None and fixed[0] is not None):
        return None
    first, version = fixed
    release = _version(tag[1]) if tag is not None else ()
    # v3 and v3.6 are moving names for the newest of their line.
    if first is not None and release >= first[: len(release)]:
        return None
    return version, f"image {client.image}", False


def _is_proxy(container: Container) -> bool:
    return container.labels.get("coolify.proxy") == "true" or image_of(container) == "traefik"


def _advice(client: Container, sure: bool, old: bool) -> str:
    if sure:
        return f"Take DOCKER_API_VERSION out of {client.name}'s environment, so that it negotiates, and recreate it."
    lower = ' Until then, in daemon.json: "min-api-version": "1.24", and restart docker.' if old else ""
    return f"Update {client.image} (Traefik 3.6.1 or later negotiates) and recreate {client.name}.{lower}"


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


RULE = RULES.add(EngineApi.code, EngineApi(), home=__name__)
