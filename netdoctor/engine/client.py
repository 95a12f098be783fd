"""One engine, reached through the Docker SDK's low-level client.

Answers are the engine's own JSON (``topology/engine.py`` turns it into nouns); failures are errors of ours.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.translate import translated, unreachable
from netdoctor.errors import EngineRefused, Gone

if TYPE_CHECKING:
    from docker import APIClient

JSON = dict[str, Any]

FILE_LIMIT = 1 << 20
"""Bytes of one file that are read out of a container; resolv.conf and hosts are far smaller."""

HELPER_LABEL = "netdoctor.for"
"""On every helper container: the id of the container whose namespace it uses."""
FEW = 12
"""Containers up to which one connection is quicker than opening more (measured)."""


class Engine:
    """Thread-safe: the SDK's connection pool is shared by the run's threads."""

    def __init__(self, host: EngineHost, *, timeout: float = 20.0) -> None:
        """Connect and negotiate. Raises EngineUnreachable, PermissionRefused."""
        from netdoctor.engine.transport import open_api

        self.host = host
        self._transport = open_api(host, timeout=timeout)
        self.api: APIClient = self._transport.api
        self._version: JSON = self._transport.version
        self._info: JSON | None = None

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def version(self) -> str:
        """``20.10.24``, ``4.3.1`` (Podman)."""
        return str(self._version.get("Version", ""))

    @property
    def apis(self) -> tuple[str, str] | None:
        """The oldest and the newest API version it speaks; None where it does not say."""
        oldest, newest = self._version.get("MinAPIVersion"), self._version.get("ApiVersion")
        return (str(oldest), str(newest)) if oldest and newest else None

    @property
    def is_podman(self) -> bool:
        return any("podman" in str(part.get("Name", "")).lower() for part in self._version.get("Components") or ())

    @property
    def id(self) -> str:
        """Stable for one engine installation."""
        # Podman makes up another one each time it is asked: no fix would be found again to be undone.
        return self.host.url if self.is_podman else str(self.info.get("ID") or self.host.url)

    @property
    def info(self) -> JSON:
        if self._info is None:
            with translated(self.host, "ask the engine about itself"):
                self._info = self.api.info()
        return self._info

    @property
    def on_this_machine(self) -> bool:
        """Reached over a unix socket. Its containers' processes may still be invisible (a VM, another namespace)."""
        return self.host.socket_path is not None

    def containers(self) -> list[JSON]:
        """Inspect of every container, running or not, in the order of the listing; vanished ones are left out."""
        with translated(self.host, "list the containers"):
            listed = self.api.containers(all=True)
        # Helpers of a run, this one's or another's, come and go: they are no part of what anybody asks about.
        ids = [entry["Id"] for entry in listed if HELPER_LABEL not in (entry.get("Labels") or {})]
        if len(ids) <= FEW:
            found = [self._inspect_or_none(each) for each in ids]
        else:
            with ThreadPoolExecutor(max_workers=8) as pool:
                found = list(pool.map(self._inspect_or_none, ids))
        return [entry for entry in found if entry is not None]

    def _inspect_or_none(self, container: str) -> JSON | None:
        try:
            return self.inspect_container(container)
        except Gone:
            return None

    def inspect_container(self, container: str) -> JSON:
        """Raises Gone when there is none."""
        with translated(self.host, f"inspect container {container[:12]}"):
            found: JSON = self.api.inspect_container(container)
            return found

    def networks(self) -> list[JSON]:
        with translated(self.host, "list the networks"):
            found: list[JSON] = self.api.networks()
            return found

    def listed(self, network: str) -> list[tuple[str, str, tuple[str, ...]]]:
        """Whom the network itself lists: (container id, name, addresses without their prefix length)."""
        with translated(self.host, f"inspect network {network[:12]}"):
            found: JSON = self.api.inspect_network(network)
        return [
            (
                str(container),
                str(entry.get("Name") or ""),
                tuple(str(entry[key]).partition("/")[0] for key in ("IPv4Address", "IPv6Address") if entry.get(key)),
            )
            for container, entry in (found.get("Containers") or {}).items()
        ]

    def has_image(self, name: str) -> bool:
        try:
            with translated(self.host, f"look for the image {name}"):
                self.api.inspect_image(name)  # type: ignore[no-untyped-call]
        except Gone:
            return False
        return True

    def read_file(self, container: str, path: str) -> bytes:
        """A file out of a container, running or not (links are followed once). Raises Gone, EngineRefused."""
        for _ in range(3):
            with translated(self.host, f"read {path} in container {container[:12]}"):
                chunks, stat = self.api.get_archive(container, path)
                packed = b"".join(chunks)
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                member = archive.next()
                if member is not None and member.issym():
                    path = _resolve(path, member.linkname)
                    continue
                handle = archive.extractfile(member) if member is not None and member.isfile() else None
                if handle is None or stat.get("size", 0) > FILE_LIMIT:
                    raise EngineRefused(f"Could not read {path} in container {container[:12]}: not a small plain file.")
                return handle.read(FILE_LIMIT)
        raise EngineRefused(f"Could not read {path} in container {container[:12]}: too many links.")

    def connect(
        self,
        network: str,
        container: str,
        *,
        aliases: Sequence[str] = (),
        ipv4: str | None = None,
        ipv6: str | None = None,
    ) -> None:
        """Attach. Networks are named by id: 20.10 accepts two of one name. Raises Gone, EngineRefused."""
        with translated(self.host, f"connect container {container[:12]} to network {network[:12]}"):
            self.api.connect_container_to_network(
                container, network, aliases=list(aliases) or None, ipv4_address=ipv4, ipv6_address=ipv6
            )

    def disconnect(self, network: str, container: str) -> None:
        with translated(self.host, f"disconnect container {container[:12]} from network {network[:12]}"):
            self.api.disconnect_container_from_network(container, network)

    def create_network(
        self, name: str, *, labels: Mapping[str, str] | None = None, internal: bool = False, driver: str = "bridge"
    ) -> str:
        """A user-defined bridge, or an overlay that anybody may join; refused when the name is taken. Its id."""
        with translated(self.host, f"create network {name}"):
            made = self.api.create_network(
                name,
                driver=driver,
                internal=internal,
                labels=dict(labels or {}),
                check_duplicate=True,
                attachable=driver == "overlay" or None,
            )
            return str(made["Id"])

    def remove_network(self, network: str) -> None:
        with translated(self.host, f"remove network {network[:12]}"):
            self.api.remove_network(network)

    def service_networks(self) -> dict[str, tuple[str, ...]]:
        """Of each Swarm service the ids of the networks its tasks are to join; {} on a node that is no manager."""
        from netdoctor.engine import swarm

        return swarm.service_networks(self)

    def set_service_network(self, service: str, network: str, *, joined: bool) -> None:
        """Add a network to a Swarm service, or take it off, and wait until its tasks run so.

        Raises Gone, EngineRefused; what was asked may stand all the same then.
        """
        from netdoctor.engine import swarm

        swarm.set_service_network(self, service, network, joined=joined)


def open_engine(host: EngineHost, *, timeout: float = 20.0) -> Engine:
    """Raises EngineUnreachable or PermissionRefused, each naming the endpoint and who said it."""
    return Engine(host, timeout=timeout)


def _resolve(path: str, link: str) -> str:
    return link if link.startswith("/") else f"{path.rpartition('/')[0]}/{link}"


__all__ = ["Engine", "open_engine", "unreachable"]
