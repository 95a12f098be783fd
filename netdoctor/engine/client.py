"""One engine, reached through the Docker SDK's low-level client.

Answers are the engine's own JSON (``topology/engine.py`` turns it into nouns); failures are errors of ours.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.lists import Listed, listed
from netdoctor.engine.shapes import Unusable
from netdoctor.engine.survey import HELPER_LABEL, Survey, survey
from netdoctor.engine.translate import translated, unreachable, unusable
from netdoctor.errors import EngineRefused, Gone

if TYPE_CHECKING:
    from docker import APIClient

JSON = dict[str, Any]

FILE_LIMIT = 1 << 20
"""Bytes of one file that are read out of a container; resolv.conf and hosts are far smaller."""

_BY_ID = re.compile(r"[0-9a-f]{12,64}")
_TAR_BLOCKS = 64 << 10
"""Of a packed file, besides what it holds."""


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
        """Inspect of every container, running or not, in the order of the listing; vanished ones are left out.

        Raises what ``survey`` raises, and the error of one that could not be looked at.
        """
        found = self.survey()
        if found.hidden:
            raise found.hidden[0].error
        return list(found.containers)

    def survey(self) -> Survey:
        """The same, with those that could not be looked at beside them (``engine.survey``)."""
        return survey(self)

    def inspect_container(self, container: str) -> JSON:
        """Raises Gone when there is none."""
        with translated(self.host, f"inspect container {container[:12]}"):
            found: JSON = self.api.inspect_container(container)
        if _BY_ID.fullmatch(container) and not found["Id"].startswith(container):
            raise unusable(self.host, f"inspect container {container[:12]}", "it is about another container")
        return found

    def networks(self) -> list[JSON]:
        """Raises the error of one whose entry is broken, too."""
        found = self.networks_told()
        if found.broken:
            raise found.broken[0].error
        return list(found.entries)

    def networks_told(self) -> Listed:
        """The same, with the broken entries beside them. AnswerUnusable where there is nothing else."""
        return listed(self, "/networks", "list the networks")

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
            doing = f"read {path} in container {container[:12]}"
            with translated(self.host, doing):
                member, data = _unpacked(self._packed(container, path))
            if member is not None and member.issym():
                path = _resolve(path, member.linkname)
                continue
            if data is None:
                raise EngineRefused(f"Could not {doing}: not a small plain file.")
            return data
        raise EngineRefused(f"Could not read {path} in container {container[:12]}: too many links.")

    def _packed(self, container: str, path: str) -> bytes:
        """The file in its tar archive, as much of it as we want."""
        from netdoctor.engine.careful import read_some

        api: Any = self.api
        url = api._url("/containers/{0}/archive", container)
        response = api._get(url, params={"path": path}, stream=True, timeout=api.timeout)
        try:
            api._raise_for_status(response)
            return bytes(read_some(response, FILE_LIMIT + _TAR_BLOCKS, api.timeout))
        finally:
            response.close()

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

    def service_networks(self, *, whole: bool = False) -> dict[str, tuple[str, ...]]:
        """Of each Swarm service the ids of the networks its tasks are to join; {} on a node that is no manager."""
        from netdoctor.engine import swarm

        return swarm.service_networks(self, whole=whole)

    def set_service_network(self, service: str, network: str, *, joined: bool) -> None:
        """Add a network to a Swarm service, or take it off, and wait until its tasks run so.

        Raises Gone, EngineRefused; what was asked may stand all the same then.
        """
        from netdoctor.engine import swarm

        swarm.set_service_network(self, service, network, joined=joined)


def open_engine(host: EngineHost, *, timeout: float = 20.0) -> Engine:
    """Raises EngineUnreachable or PermissionRefused, each naming the endpoint and who said it."""
    return Engine(host, timeout=timeout)


def _unpacked(packed: bytes) -> tuple[tarfile.TarInfo | None, bytes | None]:
    """Its first member, and what that holds where it is a small plain file. Raises Unusable."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            member = archive.next()
            if member is None or not member.isreg() or member.issparse() or member.size > FILE_LIMIT:
                return member, None
            handle = archive.extractfile(member)
            data = handle.read(FILE_LIMIT) if handle is not None else b""
    except (tarfile.TarError, OSError, ValueError, RecursionError) as error:
        raise Unusable("it is no archive") from error
    if len(data) != member.size:
        raise Unusable("it ends in the middle of the file")
    return member, data


def _resolve(path: str, link: str) -> str:
    return link if link.startswith("/") else f"{path.rpartition('/')[0]}/{link}"


__all__ = ["HELPER_LABEL", "Engine", "open_engine", "unreachable"]
