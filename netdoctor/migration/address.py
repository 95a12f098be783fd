"""Which Qdrant is meant, and at which address the app's network reaches it.

Precedence of the URL: what was asked for, ``QDRANT_URL_MIGRATION``, ``QDRANT_URL``, the app container's own
``QDRANT_URL``. A name is looked up as the app would look it up; no address is ever assumed.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from netdoctor.errors import NotFound, UsageError
from netdoctor.migration.targets.interface import TargetUnreachable
from netdoctor.model import Container, Topology
from netdoctor.model.placeholders import placeholder
from netdoctor.topology.names import find_container
from netdoctor.vantage.interface import Vantage
from netdoctor.vantage.lookup import look_up

REST_PORT = 6333
GRPC_PORT = 6334


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, before any look-up. ``origin`` says where it comes from, for the report."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class Address:
    """A Qdrant server. ``ip`` None: the host's own resolver decides (no vantage).

    ``rest`` and ``grpc`` are ports, None where that transport is not to be tried.
    """

    scheme: str
    host: str
    ip: str | None
    rest: int | None
    grpc: int | None
    path: str = ""
    origin: str = "--to"
    target: Container | None = None

    @property
    def url(self) -> str:
        """Without credentials."""
        return self.at(self.rest or self.grpc or REST_PORT) + self.path

    def at(self, port: int) -> str:
        return f"{self.scheme}://{self.authority(port)}"

    def authority(self, port: int) -> str:
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"


def what_was_asked(to: str | None, environment: Mapping[str, str], app: Container | None) -> Wanted:
    """Raises UsageError when nothing names a target."""
    if to:
        return Wanted(to, "--to")
    for name in ("QDRANT_URL_MIGRATION", "QDRANT_URL"):
        if environment.get(name):
            return _real(Wanted(environment[name], name), name)
    own = app.env("QDRANT_URL") if app else None
    if app and own:
        return _real(Wanted(own, f"QDRANT_URL of {app.name}"), f"QDRANT_URL of {app.name}")
    raise UsageError(
        "No target is given.", hint="use --to qdrant (a container), --to http://host:6333 or --to ./folder"
    )


def _real(wanted: Wanted, variable: str) -> Wanted:
    said = placeholder(wanted.text)
    if said is not None:
        raise UsageError(f"{variable} is a placeholder: it {said[0]}.", hint="name the target with --to")
    return wanted


def folder_of(text: str) -> Path | None:
    """The folder when ``text`` means one: it starts with ``.`` or ``/``, or is an existing directory."""
    if text.startswith((".", "/", "~" + os.sep)) or ("://" not in text and Path(text).is_dir()):
        return Path(text).expanduser()
    return None


def resolve_target(
    wanted: Wanted,
    *,
    topology: Topology | None,
    app: Container | None,
    vantage: Vantage | None,
    grpc_port: int | None = None,
) -> Address:
    """Where to connect. ``topology`` None: no engine, then only host names and URLs can be meant.

    Raises UsageError, NotFound, Ambiguous; TargetUnreachable when the name leads nowhere from the app.
    """
    scheme, host, port, path = _parts(wanted)
    named = None
    if topology is not None and "://" not in wanted.text:
        named = _container(topology, host, strict=port is None and "." not in host)
    elif topology is not None:
        named = _by_dns_name(topology, app, host)
    rest, grpc = _ports(port, path, grpc_port)
    if vantage is None and named is None:
        return Address(scheme, host, None, rest, grpc, path, wanted.origin)
    if "://" not in wanted.text and named is not None:
        host = named.name
    ip = _address_of(host, named, topology, app, vantage)
    return Address(scheme, host, ip, rest, grpc, path, wanted.origin, named)


def refuse_credentials(wanted: Wanted) -> None:
    """Raises UsageError for an address that holds any, wherever in it: keys come from environment, file or prompt.

    A server's address has no query and no fragment, so that what stands there can only be one.
    """
    _, separator, rest = wanted.text.rpartition("://")
    if "@" in rest.split("?")[0] and folder_of(wanted.text) is None:
        what = "credentials"
    elif separator and any(mark in rest for mark in "?#"):
        what = "a query" if "?" in rest else "a fragment"
    else:
        return
    raise UsageError(f"The URL given by {wanted.origin} holds {what}.", hint="give the key in QDRANT_API_KEY instead")


def _parts(wanted: Wanted) -> tuple[str, str, int | None, str]:
    """Scheme, host, port, path."""
    refuse_credentials(wanted)
    text = wanted.text if "://" in wanted.text else f"http://{wanted.text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"The target given by {wanted.origin} is not a URL: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"The target given by {wanted.origin} is not an http:// or https:// URL.",
            hint="like http://qdrant:6333, or a container's name",
        )
    # A container name may hold capitals; urlsplit lowers them.
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    return parts.scheme, host.strip("[]"), port, parts.path.rstrip("/")


def _ports(port: int | None, path: str, grpc_port: int | None) -> tuple[int | None, int | None]:
    """REST and gRPC. A REST port of its own says nothing about gRPC: another server may sit on 6334."""
    if port == GRPC_PORT and grpc_port is None:
        return None, GRPC_PORT
    rest = port or REST_PORT
    if path:  # a proxy's path: gRPC does not pass there
        return rest, grpc_port
    return rest, grpc_port or (GRPC_PORT if rest == REST_PORT else None)


def _container(topology: Topology, name: str, *, strict: bool) -> Container | None:
    try:
        return find_container(topology, name)
    except NotFound:
        if strict and not _is_ip(name):
            raise
        return None


def _by_dns_name(topology: Topology, app: Container | None, host: str) -> Container | None:
    """The container that the app would reach by this name (any container, when the name is its own)."""
    wanted = host.lower()
    networks = {endpoint.network for endpoint in topology.endpoints_of(app)} if app else set()
    for container in topology.containers:
        if any(e.network in networks and wanted in e.names for e in topology.endpoints_of(container)):
            return container
    return next((container for container in topology.containers if container.name.lower() == wanted), None)


def _address_of(
    host: str, named: Container | None, topology: Topology | None, app: Container | None, vantage: Vantage | None
) -> str:
    if _is_ip(host):
        return host
    if named is not None and topology is not None:
        return _shared_address(named, topology, app)
    assert vantage is not None
    found = look_up(vantage, host, who=app.name if app else "")
    if found is None:
        who = app.name if app else "here"
        raise TargetUnreachable(
            f"The name {host!r} does not resolve from {who}. Nothing was written.",
            hint=f"netdoctor check {app.name} {host}" if app else "",
        )
    return found


def _shared_address(target: Container, topology: Topology, app: Container | None) -> str:
    if target.state is not None and not target.running:
        raise TargetUnreachable(
            f"Container {target.name} is not running ({target.state.status}). Nothing was written.",
            hint=f"docker start {target.name}",
        )
    endpoints = topology.endpoints_of(target)
    if app is not None:
        if topology.network_owner(app) == topology.network_owner(target):
            return "127.0.0.1"
        shared = {network.id for network in topology.shared_networks(app, target)}
        if not shared:
            raise TargetUnreachable(
                f"{app.name} and {target.name} share no network, so {app.name} cannot reach Qdrant. "
                "Nothing was written.",
                hint=f"netdoctor check {app.name} {target.name}",
            )
        endpoints = tuple(endpoint for endpoint in endpoints if endpoint.network in shared)
    for endpoint in endpoints:
        for address in endpoint.addresses:
            return address
    raise TargetUnreachable(
        f"Container {target.name} has no address on a network. Nothing was written.",
        hint=f"netdoctor check {app.name if app else 'host'} {target.name}",
    )


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
