"""Edges that a backend's labels declare: a reverse proxy that reads them from the engine dials what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from netdoctor.edges.address import port_number
from netdoctor.model import Container, Edge, Topology

_TRAEFIK_PORT = re.compile(r"(?i)traefik\.(?P<kind>http|tcp)\.services\.(?P<name>[^.]+)\.loadbalancer\.server\.port\Z")
_CADDY = re.compile(r"caddy(?:_\d+)?(?:\.\d+_handle|\.handle)?\.reverse_proxy\Z")
_UPSTREAMS = re.compile(r"\{\{\s*upstreams\s+(?:https?\s+)?(\d+)\s*\}\}")
_IMAGES = {
    "traefik": frozenset({"traefik"}),
    "virtual host": frozenset({"nginx-proxy", "docker-gen"}),
    "caddy": frozenset({"caddy-docker-proxy"}),
}


def labelled_edges(topology: Topology, proxy: Container) -> Iterator[Edge]:
    """From a proxy that discovers its backends to each port that a running backend's labels name.

    Where two proxies of a kind run, a backend is dialled by those that share a network with it.
    """
    for kind in _kinds(proxy):
        rivals = [each for each in topology.containers if each.running and kind in _kinds(each)]
        for backend in topology.containers:
            if backend.id == proxy.id or not backend.running:
                continue
            if len(rivals) > 1 and not topology.shared_networks(proxy, backend):
                continue
            for label, port, protocol in _ports(kind, backend):
                basis = backend.ref.at("labels", label)
                yield Edge(proxy.ref, backend.ref, port=port, protocol=protocol, origin=f"label {label}", basis=basis)


def by_label(topology: Topology, proxy: Container, backend: Container) -> Edge | None:
    """The first of them between these two, whoever else there is."""
    alone = replace(topology, containers=(proxy, backend))
    return next(labelled_edges(alone, proxy), None)


def _kinds(container: Container) -> tuple[str, ...]:
    image = container.image.rpartition("/")[2].partition("@")[0].partition(":")[0].lower()
    return tuple(kind for kind, images in _IMAGES.items() if image in images)


def _ports(kind: str, backend: Container) -> list[tuple[str, int, str]]:
    """(label or variable, port, protocol)"""
    if kind == "virtual host":
        port = port_number(backend.env("VIRTUAL_PORT") or "")
        https = (backend.env("VIRTUAL_PROTO") or "").lower() == "https"
        wanted = backend.env("VIRTUAL_HOST") and port is not None
        return [("VIRTUAL_PORT", port, "https" if https else "http")] if wanted and port is not None else []
    found: list[tuple[str, int, str]] = []
    if kind == "caddy":
        for label, value in backend.labels.items():
            said = _UPSTREAMS.search(value) if _CADDY.match(label) else None
            port = port_number(said[1]) if said is not None else None
            found += [(label, port, "https" if "upstreams https" in value else "http")] if port is not None else []
        return found
    if backend.labels.get("traefik.enable", "").lower() in ("false", "0", "f", "no"):
        return []
    for label, value in backend.labels.items():
        said = _TRAEFIK_PORT.match(label)
        port = port_number(value.strip()) if said is not None else None
        if said is None or port is None:
            continue
        scheme = backend.labels.get(f"{label.rpartition('.')[0]}.scheme", "http").lower()
        # Over h2c and tcp it is enough that the port opens.
        spoken = scheme if said["kind"].lower() == "http" and scheme in ("http", "https") else "tcp"
        found.append((label, port, spoken))
    return found
