"""How the SDK's client reaches the engine: unix socket, TCP (with TLS), or ssh."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.translate import translated, unreachable
from netdoctor.errors import EngineRefused, EngineUnreachable

if TYPE_CHECKING:
    from docker import APIClient

POOL = 16
"""Connections kept; the run's bounded thread pool never needs more at once."""

OLDEST = "1.41"
"""The API of engine 20.10, the oldest that is supported; replaced by the engine's own at once."""


class Transport:
    """A client, and what has to end with it."""

    def __init__(self, api: APIClient, version: dict[str, Any], after: Callable[[], None] | None = None) -> None:
        self.api = api
        self.version = version
        """What the engine said about its version when we connected."""
        self._after = after

    def close(self) -> None:
        self.api.close()
        if self._after is not None:
            self._after()
            self._after = None


def open_api(host: EngineHost, *, timeout: float) -> Transport:
    """Raises EngineUnreachable, PermissionRefused, UsageError."""
    if host.scheme == "ssh":
        from netdoctor.engine.ssh import open_tunnel

        tunnel = open_tunnel(host)
        try:
            return Transport(*_client(host, f"unix://{tunnel.socket}", timeout, None), tunnel.close)
        except EngineUnreachable as error:
            tunnel.close()
            if not tunnel.last_words:
                raise
            raise EngineUnreachable(
                f"No engine at {host.url} ({host.said_by}): ssh said: {tunnel.last_words}",
                hint=f"Try it by hand: {' '.join(tunnel.argv)}",
            ) from error
        except BaseException:
            tunnel.close()
            raise
    if host.socket_path is not None:
        at_the_door(host, host.socket_path, timeout)
    from netdoctor.engine.tls import explained, sdk_settings

    try:
        return Transport(*_client(host, host.url, timeout, sdk_settings(host)))
    except (EngineRefused, EngineUnreachable) as error:
        # Who did not answer in time would not answer a second look either.
        raise (None if "timed out" in error.message else explained(host)) or error from error


def at_the_door(host: EngineHost, path: Path, timeout: float) -> None:
    """Raises EngineUnreachable, PermissionRefused when nobody opens.

    The SDK leaks the socket that it could not connect, and wraps the kernel's reason in three layers of text.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(timeout)
        try:
            door.connect(str(path))
        except OSError as error:
            raise unreachable(host, str(error)) from error


def _client(host: EngineHost, url: str, timeout: float, tls: Any) -> tuple[APIClient, dict[str, Any]]:
    """Negotiated here and not by the SDK, whose client would ask twice, and keep its socket open when that fails."""
    from netdoctor.engine.careful import CarefulClient

    with translated(host, "connect"):
        api: APIClient = CarefulClient(
            base_url=url, version=OLDEST, timeout=timeout, tls=tls, num_pools=POOL, max_pool_size=POOL
        )
        # A CA bundle for the web, in the environment, would replace the engine's own authority; and a proxy for the web
        # is, to the docker command too, none for loopback.
        api.trust_env = not tls and not host.at_loopback
        try:
            said: dict[str, Any] = api.version(api_version=False)
            api._version = said["ApiVersion"]  # type: ignore[attr-defined]
        except BaseException:
            api.close()
            raise
    return api, said
