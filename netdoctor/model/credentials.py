"""Which credentials a caller's environment carries for an edge, and which the target's own configuration wants.

Values are compared and never shown. What a file or a secret store holds is not visible here: "none" means none in
the environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote

from netdoctor.model.edge import Edge
from netdoctor.model.topology import Container, Topology

_USERINFO = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://(?P<user>[^:@/\s]*)(?::(?P<password>[^/\s]*))?@")
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_SECRET = re.compile(r"(?i)(pass|pwd|secret|token|key|credential|auth)")
_PASSWORD = re.compile(r"(?i)(pass|pwd|credential|auth)")
_ADDRESS = re.compile(r"(?i)(url|uri|host|addr|address|endpoint|server)$")
_MASKED = "***"
"""What a bundle writes instead of a secret: it is there, and cannot be compared."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``variable`` of the target (or an option of its command) holds the secret; ``user`` is the one it belongs to."""

    variable: str
    secret: str
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Carried:
    """What the caller's environment has. ``secret`` None: it cannot be read, though something is there."""

    variable: str
    secret: str | None
    user: str | None = None


_TARGETS: dict[str, tuple[tuple[str, str | None], ...]] = {
    # protocol: (variable of the secret, variable of the user)
    "http": (("QDRANT__SERVICE__API_KEY", None), ("MEILI_MASTER_KEY", None)),
    "grpc": (("QDRANT__SERVICE__API_KEY", None),),
    "redis": (("REDIS_PASSWORD", None), ("VALKEY_PASSWORD", None)),
    "postgres": (("POSTGRES_PASSWORD", "POSTGRES_USER"),),
    "mysql": (("MYSQL_PASSWORD", "MYSQL_USER"), ("MARIADB_PASSWORD", "MARIADB_USER")),
    "mongo": (("MONGO_INITDB_ROOT_PASSWORD", "MONGO_INITDB_ROOT_USERNAME"),),
    "amqp": (("RABBITMQ_DEFAULT_PASS", "RABBITMQ_DEFAULT_USER"),),
}
_DEFAULT_USER = {"postgres": "postgres"}


def wanted(target: Container, protocol: str) -> Wanted | None:
    """The secret that the target's own environment or command sets, None when none is seen."""
    for variable, user in _TARGETS.get(protocol, ()):
        secret = target.env(variable)
        if secret:
            name = (target.env(user) if user else None) or _DEFAULT_USER.get(protocol)
            return Wanted(variable, secret, name)
    words = target.command or ()
    for option, secret in pairwise(words):
        if protocol == "redis" and option == "--requirepass":
            return Wanted("--requirepass", secret)
    return None


def carried(topology: Topology, edge: Edge) -> tuple[Carried, ...] | None:
    """What the caller carries for this edge; () when its environment has nothing, None when that is not known.

    From the URL itself; else from variables that begin like the one that names the host: REDIS_HOST, REDIS_PASSWORD.
    """
    caller = topology.container(edge.source)
    if caller is None or caller.environment is None or edge.basis is None or edge.basis.path[:1] != ("environment",):
        return None
    name = edge.basis.path[-1]
    value = caller.env(name) or ""
    found = _USERINFO.match(value)
    if found is not None and _MASKED in found["user"]:
        return (Carried(name, None),)
    if found is not None and found["password"]:
        return (Carried(name, _readable(unquote(found["password"])), unquote(found["user"]) or None),)
    stem = _stem(name)
    beside = [
        Carried(key, None if key.upper().endswith("_FILE") else _readable(each))
        for key, each in caller.environment
        if key != name and each and _SECRET.search(key) and key.lower().startswith(stem)
    ]
    return tuple(beside)


def any_secret(container: Container, edge: Edge) -> bool:
    """Whether some variable looks like a credential (or names a file of one) that may be meant for this edge.

    ``QDRANT_API_KEY`` beside ``QDRANT_URL`` is meant for that one; a database's secret is called a password.
    """
    sort = _SECRET if edge.protocol in ("http", "https", "grpc") else _PASSWORD
    own = edge.basis.path[-1] if edge.basis is not None and edge.basis.path else ""
    others = {_stem(key) for key, _ in container.environment or () if key != own and _ADDRESS.search(key)}
    return any(
        value and sort.search(key) and _stem(key) not in others - {_stem(own)}
        for key, value in container.environment or ()
    )


def says_user(container: Container, edge: Edge) -> bool:
    """Whether the edge's own URL names a user: then its password belongs there, too."""
    name = edge.basis.path[-1] if edge.basis is not None and edge.basis.path else ""
    found = _USERINFO.match(container.env(name) or "")
    return found is not None and bool(found["user"]) and not found["password"]


def _stem(variable: str) -> str:
    """``DB_HOST`` -> ``db``; libpq's own PGHOST stands beside PGPASSWORD."""
    return "pg" if variable == "PGHOST" else variable.partition("_")[0].lower()


def mismatch(have: tuple[Carried, ...], want: Wanted) -> Carried | None:
    """The carried secret that cannot be the wanted one; None when one fits, or cannot be compared."""
    if not have or _MASKED in want.secret:
        return None
    for each in have:
        other_user = want.user is not None and each.user is not None and each.user != want.user
        if each.secret is None or each.secret == want.secret or other_user:
            return None
    return have[0]


def _readable(secret: str) -> str | None:
    return None if _MASKED in secret or secret.startswith("${") or _URL.match(secret) else secret
