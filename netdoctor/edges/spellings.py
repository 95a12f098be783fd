"""How people write an address into a variable: URLs, host and port apart, lists, the DSNs of a dozen drivers.

Only addresses leave this module: user names, passwords and queries are dropped on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from netdoctor.edges.address import Address, parse_address, port_number
from netdoctor.errors import UsageError

Look = Callable[[str], str | None]
"""Another variable of the same container, by its name."""

LONGEST = 4096
"""Characters. A certificate or a whole configuration in a variable is no address, and takes a pattern minutes."""
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'`;|<>]+")
_HOST_NAME = re.compile(
    r"^(?P<stem>.*?)_?(?P<word>HOST|HOSTNAME|HOSTS|ADDR|ADDRESS|ADDRESSES|SERVER|SERVERS|ENDPOINT|ENDPOINTS|BROKERS?|"
    r"BROKERCONNECT|NODES?|URLS?|URI|VOTERS)$",
    re.IGNORECASE,
)
_ONE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
_PLAIN = re.compile(rf"^(?:\d+@)?(?P<address>{_ONE}(?::\d{{1,5}})?)$")
_WITH_PORT = re.compile(rf"^{_ONE}:\d{{2,5}}$")
_ENTRY = re.compile(rf"^(?:\d+@)?(?P<address>(?:{_ONE}|\[[0-9A-Fa-f:]+\])(?::\d{{1,5}})?)$")
_GO = re.compile(r"@(?:tcp|tcp4|tcp6)?\((?P<address>[^()\s]+)\)/")
_PAIR = re.compile(r"(?<![A-Za-z_])(?P<key>[A-Za-z_][A-Za-z_ ]{0,40}?)\s{0,8}=\s*(?P<value>'[^']*'|\"[^\"]*\"|[^;\s]*)")
_HOST_KEYS = ("host", "hostaddr", "server", "data source", "datasource", "address", "addr", "network address")
_DSN_SIGNS = frozenset(
    {
        "port",
        "dbname",
        "database",
        "user",
        "username",
        "user id",
        "uid",
        "password",
        "pwd",
        "initial catalog",
        "sslmode",
    }
)
_NO_ADDRESS = re.compile(r"(?i)(IMAGE|TAG|VERSION|DIGEST)S?$")
_SMALLEST = 80
"""Ports below are more often the tag of an image, like redis:7."""
_PDO = re.compile(r"(?i)^(?P<driver>mysql|pgsql|sqlsrv|dblib|oci|firebird):(?=[A-Za-z]+=)")
_PDO_SCHEMES = {"pgsql": "postgres", "sqlsrv": "sqlserver", "dblib": "sqlserver"}


def addresses_in(variable: str, value: str, look: Look) -> Iterator[Address]:
    """Every address that this variable holds, in its order."""
    if len(value) > LONGEST:
        return
    urls = _URL.findall(value)
    named = _HOST_NAME.match(variable)
    for url in urls:
        for address in _from_url(url):
            # DB_HOST=http://db beside DB_PORT: ill written, but the port is the one that is said.
            bare = named is not None and len(urls) == 1 and not address.port_given and address.path in (None, "/")
            beside = _with_port(address, named["stem"], look) if bare and named is not None else address
            yield replace(address, port=beside.port)
    if urls:
        return
    found = [*_from_go(value), *_from_pairs(value)]
    yield from found or _from_plain(variable, value, look)


def _from_url(url: str) -> Iterator[Address]:
    """``mongodb://u:p@a:1,b:2/x`` is two addresses; so is ``PLAINTEXT://a:1,SSL://b:2``, found as two URLs in one."""
    scheme, _, rest = url.partition("://")
    if "," in rest and "://" in rest:
        for part in url.split(","):
            yield from _from_url(part) if "://" in part else ()
        return
    rest = _without_userinfo(rest)
    authority, slash, path = rest.partition("/")
    hosts = [each for each in authority.split(",") if each]
    if len(hosts) <= 1:
        # A comma after the path ends the URL, as in prose.
        path = path.partition(",")[0]
        yield from _parsed(f"{scheme}://{hosts[0] if hosts else ''}{slash}{path}")
        return
    for host in hosts:
        if _ENTRY.match(host):
            yield from _parsed(f"{scheme}://{host}")


def _without_userinfo(rest: str) -> str:
    """People write passwords without encoding them: everything before the last @ that can end them goes."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return rest[authority.rindex("@") + 1 :]
    userinfo, at, after = rest.rpartition("@")
    # user:pa/ss@host: what stands before the slash is no host and port.
    if at and ":" in authority and port_number(authority.rpartition(":")[2]) is None and userinfo:
        return after
    return rest


def _from_go(value: str) -> Iterator[Address]:
    """``user:password@tcp(db:3306)/name``"""
    found = _GO.search(value)
    if found is not None:
        yield from _parsed(f"mysql://{found['address']}")


def _from_pairs(value: str) -> Iterator[Address]:
    """``host=db port=5432 dbname=x``, ``Server=tcp:db,1433;Database=x``, ``mysql:host=db;port=3306``"""
    driver = _PDO.match(value)
    scheme = driver["driver"].lower() if driver is not None else ""
    if driver is not None:
        value = value[driver.end() :]
    pairs = {each["key"].strip().lower(): each["value"].strip("'\"") for each in _PAIR.finditer(value)}
    key = next((key for key in _HOST_KEYS if key in pairs), None)
    if key is None or not (driver is not None or _DSN_SIGNS & pairs.keys()):
        return
    ports = pairs.get("port", "").split(",")
    written = pairs[key].removeprefix("tcp:")
    comma_is_port = key not in ("host", "hostaddr")
    hosts = [written.replace(",", ":", 1)] if comma_is_port else written.split(",")
    for number, host in enumerate(hosts):
        # SQL Server's instance stands behind a backslash.
        host = host.partition("\\")[0].strip()
        if not _ENTRY.match(host):
            continue
        port = ports[number] if number < len(ports) else ports[-1]
        head = f"{_PDO_SCHEMES.get(scheme, scheme)}://" if scheme else ""
        yield from _parsed(f"{head}{host}" + (f":{port}" if port_number(port) and ":" not in host else ""))


def _from_plain(variable: str, value: str, look: Look) -> Iterator[Address]:
    """``db``, ``db:5432``, ``a:9092,b:9092``: by the variable's name; with a port, whatever it is called."""
    named = _HOST_NAME.match(variable)
    if named is None:
        words = [word.strip() for word in value.split(",")]
        if _NO_ADDRESS.search(variable) or not all(_WITH_PORT.match(word) for word in words):
            return
        if all(int(word.rpartition(":")[2]) >= _SMALLEST for word in words):
            for word in words:
                yield from _parsed(word)
        return
    parts = [part.strip() for part in re.split(r"[,;]", value) if part.strip()]
    if len(parts) == 1 and all(_WITH_PORT.match(word) for word in value.split()):
        parts = value.split()
    several = len(parts) > 1
    for part in parts:
        found = (_ENTRY if several else _PLAIN).match(part)
        if found is None:
            if several:
                continue
            return
        for address in _parsed(found["address"]):
            yield address if address.port is not None else _with_port(address, named["stem"], look)


def _with_port(address: Address, stem: str, look: Look) -> Address:
    """``DB_HOST`` and ``DB_PORT``, ``PGHOST`` and ``PGPORT``."""
    if not stem:
        return address
    for name in (f"{stem}_PORT", f"{stem}PORT", f"{stem}_port"):
        port = port_number(look(name) or "")
        if port is not None:
            return Address(address.host, port, None, None, True)
    return address


def _parsed(text: str) -> Iterator[Address]:
    try:
        yield parse_address(text)
    except UsageError:
        return
