"""How the SDK's client reaches the engine: unix socket, TCP (with TLS), or ssh."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.translate import translated
from netdoctor.errors import UsageError

if TYPE_CHECKING:
    from docker import APIClient

POOL = 16
"""Connections kept; the run's bounded thread pool never needs more at once."""


class Transport:
    """A client, and what has to end with it."""

    def __init__(self, api: APIClient, after: Callable[[], None] | None = None) -> None:
        self.api = api
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
            return Transport(_client(host, f"unix://{tunnel.socket}", timeout, None), tunnel.close)
        except BaseException:
            tunnel.close()
            raise
    return Transport(_client(host, host.url, timeout, _tls(host)))


def _client(host: EngineHost, url: str, timeout: float, tls: Any) -> APIClient:
    from docker import APIClient

    with translated(host, "connect"):
        return APIClient(
            base_url=url, version="auto", timeout=int(timeout), tls=tls, num_pools=POOL, max_pool_size=POOL
        )


def _tls(host: EngineHost) -> Any:
    if host.tls is None:
        return False
    from docker.tls import TLSConfig

    missing = [name for name in ("cert.pem", "key.pem") if not (host.tls / name).is_file()]
    if missing:
        raise UsageError(
            f"TLS is asked for {host.url}, but {host.tls} has no {' and no '.join(missing)}.",
            hint="Set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem.",
        )
    ca = str(host.tls / "ca.pem") if host.tls_verify else None
    return TLSConfig(
        client_cert=(str(host.tls / "cert.pem"), str(host.tls / "key.pem")), ca_cert=ca, verify=host.tls_verify
    )
