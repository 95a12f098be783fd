"""Which engine: the docker CLI's own order, and where each answer came from.

``-H``, ``--context``, ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the configuration's ``currentContext``, the default socket.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from netdoctor.errors import UsageError

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
TCP_PORT = 2375
"""Where the docker CLI looks when an address names no port, over TLS too."""


@dataclass(frozen=True, slots=True)
class EngineHost:
    """One engine's address. ``said_by`` is named in errors; ``tls`` is a folder with ca.pem, cert.pem, key.pem.

    ``system_roots``: where that folder has no ca.pem, the machine's own certificate store is trusted.
    """

    url: str
    said_by: str = "the default"
    tls: Path | None = None
    tls_verify: bool = False
    system_roots: bool = False

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def half_closes(self) -> bool:
        """Whether one direction of a raw stream can end without the other: not over TLS."""
        return self.tls is None and self.scheme != "https"

    @property
    def at_loopback(self) -> bool:
        """Whether its address is this machine's own, by name or number."""
        name = urlsplit(self.url).hostname or ""
        try:
            return name == "localhost" or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    @property
    def socket_path(self) -> Path | None:
        """The unix socket's path, when it is one."""
        return Path(self.url.removeprefix("unix://")) if self.scheme == "unix" else None


def resolve_host(
    host: str | None = None,
    context: str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> EngineHost:
    """The engine that the docker CLI would talk to.

    Raises UsageError for both -H and --context, for an unknown context, for no address at all.
    """
    env = os.environ if environment is None else environment
    if host and context:
        raise UsageError("Both --host and --context are given.", hint="Give one of them.")
    if host:
        return _with_tls(_normal(host, "--host"), "--host", env)
    if context:
        return _context(context, "--context", env)
    if env.get("DOCKER_HOST"):
        return _with_tls(_normal(env["DOCKER_HOST"], "DOCKER_HOST"), "DOCKER_HOST", env)
    if env.get("DOCKER_CONTEXT"):
        return _context(env["DOCKER_CONTEXT"], "DOCKER_CONTEXT", env)
    current = _read_json(_config_folder(env) / "config.json").get("currentContext")
    if isinstance(current, str) and current:
        return _context(current, f"currentContext in {_config_folder(env) / 'config.json'}", env)
    return EngineHost(DEFAULT_SOCKET)


def _normal(url: str, said_by: str) -> str:
    if url.startswith("/"):
        return f"unix://{url}"
    if url.startswith("fd://") or url == "unix://":
        return DEFAULT_SOCKET
    if "://" not in url:
        return _with_port(f"tcp://{url}", said_by)
    if url.partition("://")[0] not in ("unix", "tcp", "http", "https", "ssh"):
        raise UsageError(
            f"{said_by} is {url!r}, which is no engine address.",
            hint="Use unix:///path, tcp://host:port or ssh://host.",
        )
    return _with_port(url, said_by) if url.startswith("tcp://") else url


def _with_port(url: str, said_by: str) -> str:
    """``tcp://host`` as the docker CLI completes it. Raises UsageError for a port that is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(
            f"{said_by} is {url!r}, which is no engine address: {error}.", hint="Use tcp://host:port."
        ) from error
    if port is not None:
        return url
    return parts._replace(netloc=f"{parts.netloc.rstrip(':') or 'localhost'}:{TCP_PORT}").geturl()


def _with_tls(url: str, said_by: str, env: Mapping[str, str]) -> EngineHost:
    verify = bool(env.get("DOCKER_TLS_VERIFY"))
    if not url.startswith(("tcp://", "https://")) or not (verify or env.get("DOCKER_TLS")):
        return EngineHost(url, said_by)
    folder = Path(env.get("DOCKER_CERT_PATH") or _config_folder(env))
    return EngineHost(url, said_by, tls=folder, tls_verify=verify)


def _context(name: str, said_by: str, env: Mapping[str, str]) -> EngineHost:
    if name == "default":
        host = env.get("DOCKER_HOST")
        return (
            _with_tls(_normal(host, "DOCKER_HOST"), "DOCKER_HOST", env) if host else EngineHost(DEFAULT_SOCKET, said_by)
        )
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = _config_folder(env) / "contexts"
    meta = _read_json(folder / "meta" / digest / "meta.json")
    endpoints = meta.get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    if not isinstance(endpoint, dict) or not endpoint.get("Host"):
        raise UsageError(
            f"{said_by} names the Docker context {name!r}, which does not exist.",
            hint="List the contexts with: docker context ls",
        )
    tls = folder / "tls" / digest / "docker"
    url = _normal(str(endpoint["Host"]), f"context {name}")
    verify = not endpoint.get("SkipTLSVerify", False)
    # Not to verify is to use TLS all the same.
    wanted = url.startswith(("tcp://", "https://")) and (tls.is_dir() or not verify)
    return EngineHost(url, f"context {name}", tls=tls if wanted else None, tls_verify=verify, system_roots=True)


def _config_folder(env: Mapping[str, str]) -> Path:
    if env.get("DOCKER_CONFIG"):
        return Path(env["DOCKER_CONFIG"])
    try:
        return Path(env.get("HOME") or "~").expanduser() / ".docker"
    except RuntimeError:
        # A user without a home and without an entry in the password file, as in many containers.
        return Path("/nonexistent/.docker")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
