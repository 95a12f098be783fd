"""Addresses in shapes of one driver or runtime alone: Go's MySQL, Oracle, libpq's queries, Java's -D options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

_GO = re.compile(r"@(?:tcp|tcp4|tcp6)?\((?P<address>[^()\s]+)\)/")
_ORACLE = re.compile(r"(?i)oracle:(?:thin|oci8?):[^@\s]*@(?P<rest>\S+)")
_ORACLE_HOST = re.compile(r"^(?:tcps?:)?(?://)?(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*)(?::(?P<port>\d{1,5}))?(?=[:/]|$)")
_TNS = re.compile(
    r"(?i)\(\s*HOST\s*=\s*(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*)\s*\)\s*\(\s*PORT\s*=\s*(?P<port>\d{1,5})\s*\)"
)
_OPTION = re.compile(r"(?:^|\s)-D(?P<key>[A-Za-z][\w.-]{0,100})=(?P<value>\"[^\"]*\"|'[^']*'|\S+)")
_ORACLE_PORT = 1521
_BY_QUERY = frozenset({"postgres", "postgresql", "cockroachdb"})
"""Schemes whose drivers take host and port out of the query where the authority has none."""


def from_go(value: str) -> Iterator[str]:
    """``user:password@tcp(db:3306)/name``"""
    found = _GO.search(value)
    if found is not None:
        yield f"mysql://{found['address']}"


def from_oracle(value: str) -> Iterator[str]:
    """``jdbc:oracle:thin:@//db:1521/x``, ``...@db:1521:xe``, ``...@(DESCRIPTION=(ADDRESS=(HOST=db)(PORT=1521))...)``"""
    found = _ORACLE.search(value)
    if found is None:
        return
    listed = list(_TNS.finditer(value))
    for each in listed:
        yield f"oracle://{each['host']}:{each['port']}"
    plain = None if listed else _ORACLE_HOST.match(found["rest"])
    if plain is not None:
        yield f"oracle://{plain['host']}:{plain['port'] or _ORACLE_PORT}"


def from_query(scheme: str, query: str) -> Iterator[str]:
    """``postgresql:///x?host=db&port=5433``: a socket's folder as the host is no address."""
    if scheme.lower().partition("+")[0] not in _BY_QUERY:
        return
    given = parse_qsl(query)
    hosts = [host for key, value in given if key in ("host", "hostaddr") for host in value.split(",")]
    ports = [port for key, value in given if key == "port" for port in value.split(",")]
    for number, host in enumerate(hosts):
        if not host or host.startswith(("/", "@")):
            continue
        port = ports[number] if number < len(ports) else ports[-1] if ports else ""
        yield f"{scheme}://{host}" + (f":{port}" if port and ":" not in host else "")


def java_options(value: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """``-Dredis.host=cache -Dredis.port=6380``: each as a variable of its own; and the text without them."""
    if "-D" not in value:
        return (), value
    # All capitals are a C compiler's.
    found = tuple(
        (each["key"], each["value"].strip("\"'"))
        for each in _OPTION.finditer(value)
        if each["key"] != each["key"].upper()
    )
    return found, _OPTION.sub(" ", value).strip() if found else value
