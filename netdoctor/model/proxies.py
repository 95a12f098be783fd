"""Which HTTP proxy a container's environment sends a request through, read as most HTTP clients read it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from netdoctor.model.topology import Container

_PROXY = re.compile(
    r"^(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:[^/@\s]*@)?(?P<host>\[[^\]]+\]|[^:/\s]+)(?::(?P<port>\d+))?"
)
_DEFAULT = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """``variable`` says so; userinfo is dropped."""

    variable: str
    host: str
    port: int
    scheme: str = "http"


def proxy_for(
    caller: Container, protocol: str, host: str, port: int, addresses: Iterable[str] = ()
) -> HttpProxy | None:
    """The proxy for ``protocol://host:port``; None when none is set or NO_PROXY takes the host out.

    Either case of the variables counts: clients differ in which they read. ``addresses``: what the host resolves to.
    """
    if protocol not in ("http", "https") or host == "localhost" or _loopback(host):
        return None
    names = [f"{protocol}_proxy", f"{protocol.upper()}_PROXY", "all_proxy", "ALL_PROXY"]
    variable = next((name for name in names if caller.env(name)), None)
    if variable is None or bypassed(caller, host, port, addresses):
        return None
    found = _PROXY.match((caller.env(variable) or "").strip())
    if found is None:
        return None
    scheme = (found["scheme"] or "http").lower()
    number = int(found["port"]) if found["port"] else _DEFAULT.get(scheme, 1080)
    return HttpProxy(variable, found["host"].strip("[]"), number, scheme) if 0 < number < 65536 else None


def bypassed(caller: Container, host: str, port: int, addresses: Iterable[str] = ()) -> bool:
    """Whether NO_PROXY, in either case, names the host: exactly, by a domain that it ends in, or by its network."""
    entries = [
        entry.strip().lower()
        for name in ("no_proxy", "NO_PROXY")
        for entry in (caller.env(name) or "").replace(" ", ",").split(",")
        if entry.strip()
    ]
    wanted = host.lower().rstrip(".")
    return any(_matches(entry, wanted, port, addresses) for entry in entries)


def _matches(entry: str, host: str, port: int, addresses: Iterable[str]) -> bool:
    if entry == "*":
        return True
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and ":" not in name:
        if int(number) != port:
            return False
        entry = name
    bare = entry.removeprefix("*").lstrip(".")
    if host == bare or host.endswith(f".{bare}"):
        return True
    return "/" in entry and any(_within(each, entry) for each in (host, *addresses))


def _within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
