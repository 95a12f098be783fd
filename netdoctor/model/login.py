"""Whom a caller is to a server, by its own environment: the user, the database, and whether it insists on TLS.

Never a password. What a file, a secret store or the program itself holds is not visible here; then the name is
somebody else's, and whatever the server says of it proves nothing about the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from netdoctor.model.topology import Container

LONGEST = 4096
"""Characters of a variable that is read."""
_NAME = 63
"""Bytes that Postgres keeps of a name."""
_URL = re.compile(
    r"(?:jdbc:)?(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:(?P<user>[^:@/?#\s]*)(?::(?P<password>[^\s]*))?@)?"
    r"(?P<hosts>[^/?#@\s]+)(?:/(?P<path>[^?#\s]*))?(?:\?(?P<query>[^#\s]*))?"
)
_PAIR = re.compile(r"(?<![A-Za-z_])([A-Za-z][A-Za-z_ ]{0,20}?)\s{0,4}=\s{0,4}('[^']*'|\"[^\"]*\"|[^;\s]*)")
_ADDRESS = re.compile(r"(?i)(HOSTNAME|HOST|SERVER|ADDRESS|ADDR|ENDPOINT|URL|URI)$")
_HOSTS = ("host", "server", "hostaddr", "data source")
_USERS = ("user", "username", "user id", "uid")
_DATABASES = ("dbname", "database", "initial catalog")
_BESIDE_USER = ("USER", "USERNAME", "USER_NAME")
_BESIDE_DATABASE = ("DB", "DATABASE", "DBNAME", "NAME", "DB_NAME", "DATABASE_NAME")
_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
_MORE_THAN_A_NAME = frozenset({"options", "sslcert", "sslkey", "service", "gssencmode", "replication"})
"""Settings by which the caller brings something that we do not bring: an answer to us is none to it."""


@dataclass(frozen=True, slots=True)
class Login:
    """``own``: user and database are both the caller's, so that what is said of them is said of it. ``variable`` says
    so. ``tls``: libpq's word for what it wants (``disable`` ... ``verify-full``), "" when it does not say."""

    user: str
    database: str
    own: bool = False
    variable: str = ""
    tls: str = ""


def login_of(caller: Container | None, host: str, port: int, default_port: int) -> Login | None:
    """The first that its environment names for that host and port; None for none. A URL without a port means
    ``default_port``."""
    if caller is None:
        return None
    for variable, value in caller.environment or ():
        if not value or len(value) > LONGEST:
            continue
        for found in (*_from_url(value, host, port, default_port), *_from_pairs(value, host, port, default_port)):
            return _finished(caller, variable, found)
        if _ADDRESS.search(variable) and _names(value, host, port, _beside_port(caller, variable) or default_port):
            return _finished(caller, variable, {})
    return None


def owner_of(target: Container | None, user_variable: str, default: str) -> str:
    """The user that a server is set up with, where nobody says who the caller is."""
    return _plain((target.env(user_variable) if target is not None else None) or "") or default


def _from_url(value: str, host: str, port: int, default_port: int) -> Iterator[dict[str, str]]:
    found = _URL.match(value.strip().strip("'\""))
    if found is None or found["scheme"].lower() in ("http", "https"):
        return
    if not any(_names(each, host, port, default_port) for each in found["hosts"].split(",")):
        return
    told = {key.lower(): text for key, text in parse_qsl(found["query"] or "")}
    told.setdefault("user", unquote(found["user"] or ""))
    told.setdefault("dbname", unquote(found["path"] or "").strip("/") or told.get("database", ""))
    yield told


def _from_pairs(value: str, host: str, port: int, default_port: int) -> Iterator[dict[str, str]]:
    """``host=db port=5432 user=app dbname=x``, ``Server=db;User Id=app;Database=x``"""
    pairs = {key.strip().lower(): text.strip("'\"") for key, text in _PAIR.findall(value)}
    where = _first(pairs, _HOSTS)
    written = pairs.get("port", "")
    stands = int(written) if written.isascii() and written.isdigit() else default_port
    if where and len(pairs) > 1 and _names(where, host, port, stands):
        yield pairs


def _names(text: str, host: str, port: int, default_port: int) -> bool:
    """Whether ``db`` or ``db:5432`` is that host and port."""
    text = text.strip()
    if text.lower() == host.lower():
        return port == default_port
    name, _, number = text.rpartition(":")
    return name.strip("[]").lower() == host.lower() and number == str(port)


def _finished(caller: Container, variable: str, told: dict[str, str]) -> Login | None:
    """With what stands beside it: DB_HOST with DB_USER and DB_NAME, PGHOST with PGUSER and PGDATABASE."""
    stem = _ADDRESS.sub("", variable)
    user = _first(told, _USERS) or (_beside(caller.env, stem, _BESIDE_USER) if stem else "")
    database = _first(told, _DATABASES) or (_beside(caller.env, stem, _BESIDE_DATABASE) if stem else "")
    if told and not database:
        # As libpq and its kin have it: a URL without a database means the one of the user's name.
        database = user
    if not (user := _plain(user)):
        return None
    database = _plain(database)
    alone = not _MORE_THAN_A_NAME & told.keys() and not caller.env("PGOPTIONS") and not caller.env("PGSSLCERT")
    mode = (told.get("sslmode") or caller.env("PGSSLMODE") or "").lower()
    return Login(user, database, bool(database) and alone, variable, mode if mode in _MODES else "")


def _beside(look: Callable[[str], str | None], stem: str, ends: tuple[str, ...]) -> str:
    lower = stem.islower()
    return next((found for end in ends if (found := look(stem + (end.lower() if lower else end)))), "")


def _beside_port(caller: Container, variable: str) -> int | None:
    stem = _ADDRESS.sub("", variable)
    written = _beside(caller.env, stem, ("PORT",)) if stem else ""
    return int(written) if written.isascii() and written.isdigit() else None


def _first(told: dict[str, str], keys: tuple[str, ...]) -> str:
    return next((told[key] for key in keys if told.get(key)), "")


def _plain(name: str) -> str:
    """A name as it can be sent and shown; "" for a placeholder, a mask, and what is no name."""
    odd = not name.isprintable() or len(name.encode("utf-8", "replace")) > _NAME
    return "" if odd or any(sign in name for sign in ("${", "$(", "{{", "***", "<")) else name
