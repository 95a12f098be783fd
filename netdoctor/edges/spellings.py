"""How people write an address into a variable: URLs, host and port apart, lists, the DSNs of a dozen drivers.

Only addresses leave this module: user names, passwords and queries are dropped on the way.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from netdoctor.edges.address import Address, parse_address, port_number
from netdoctor.edges.drivers import from_go, from_oracle, from_query, java_options
from netdoctor.edges.unexpanded import LEFT, filled
from netdoctor.errors import UsageError

Look = Callable[[str], str | None]
"""Another variable of the same container, by its name."""

LONGEST = 4096
"""Characters. A certificate or a whole configuration in a variable is no address, and takes a pattern minutes."""
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'`;|<>]+")
_HOST_NAME = re.compile(
    r"^(?P<stem>.*?)(?P<sign>[_.-]?)(?P<word>HOST|HOSTNAME|HOSTS|ADDR|ADDRESS|ADDRESSES|SERVER|SERVERS|ENDPOINT|"
    r"ENDPOINTS|BROKERS?|BROKERCONNECT|NODES?|URLS?|URI|VOTERS|ZOOKEEPER_?CONNECT|SENTINELS?)$",
    re.IGNORECASE,
)
_OTHER_WORDS = re.compile(
    r"(?i)(?:^|[_.-])(?:V|G)HOSTS?$|(?:^|[_.-])(?:ALLOWED?|TRUSTED)[_.-]|(?:^|[_.-])(?:NO_?PROXY|CORS|CSRF|VIRTUAL_HOST|"
    r"LETSENCRYPT_HOST|LISTEN(?:ERS|_?ADDR(?:ESS)?)?|BIND(?:_?(?:HOST|ADDR|ADDRESS|IP))?)(?:$|[_.-])"
)
"""Variables with hosts that the program does not dial: a broker's virtual host, who may call, where it listens."""
_ONE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?)"
_PLAIN = re.compile(rf"^(?:\d+@)?(?P<address>{_ONE}(?::\d{{1,5}})?)$")
_WITH_PORT = re.compile(rf"^{_ONE}:\d{{2,5}}$")
_ENTRY = re.compile(rf"^(?:\d+@)?(?P<address>(?:{_ONE}|\[[0-9A-Fa-f:]+\])(?::\d{{1,5}})?)$")
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
_NO_ADDRESS = re.compile(
    r"(?i)(?:IMAGE|TAG|VERSION|DIGEST|USER|OWNER|CHOWN|[UG]ID|LIMIT|RATE|QUOTA|WEIGHT|SCRIPT|COMMAND|CMD|_AUTH|LOGIN|"
    r"CREDENTIAL|PASSWORD|PASS|SECRET|TOKEN|KEY)S?$"
)
"""Their ``word:number`` is an image, an owner, a limit or a credential."""
_SMALLEST = 80
"""Ports below are more often the tag of an image, like redis:7."""
_WITH_PATH = re.compile(rf"^{_ONE}:\d{{2,5}}/[\w./-]*$")
_KIND_OF_PROGRAM = re.compile(r"(?i)^(?:(?:APP|WEB|HTTP|APPLICATION|WSGI|ASGI|UI)[_.-]?SERVER|NODE)$")
"""WEB_SERVER=nginx says what runs, not where; with a port it is an address."""
_PORT_WORDS = ("PORT", "port", "Port", "PORT_NUMBER")
_LINKED = re.compile(r"_PORT_(?P<port>\d{1,5})_TCP$")
_SENTINEL = 26379
_PDO = re.compile(r"(?i)^(?P<driver>mysql|pgsql|sqlsrv|dblib|oci|firebird):(?=[A-Za-z]+=)")
_PDO_SCHEMES = {"pgsql": "postgres", "sqlsrv": "sqlserver", "dblib": "sqlserver"}


def addresses_in(variable: str, value: str, look: Look) -> Iterator[Address]:
    """Every address that this variable holds, in its order."""
    if len(value) > LONGEST or len(variable) > LONGEST or _OTHER_WORDS.search(variable):
        return
    whole = filled(value, look)
    options, rest = java_options(whole)
    said = dict(options)
    found = [
        address
        for key, text in said.items()
        if not _OTHER_WORDS.search(key)
        for address in _found_in(key, text, lambda name: said.get(name) or look(name))
    ]
    for address in [*found, *_found_in(variable, rest, look)]:
        # What was filled in may be a secret: in a host it is seen by every nameserver, in a path it stays unseen.
        yield address if whole == value else replace(address, path=None)


def _found_in(variable: str, value: str, look: Look) -> Iterator[Address]:
    urls = _URL.findall(value)
    named = _HOST_NAME.match(variable)
    shaped = [*from_go(value), *from_oracle(value)]
    for url in urls if not shaped else ():
        for address in _from_url(url):
            # DB_HOST=http://db beside DB_PORT: ill written, but the port is the one that is said.
            bare = named is not None and len(urls) == 1 and not address.port_given and address.path in (None, "/")
            beside = _with_port(address, named, look) if bare and named is not None else address
            yield replace(address, port=beside.port)
    if urls and not shaped:
        return
    found = [*(each for text in shaped for each in _parsed(text)), *_from_pairs(value)]
    yield from found or _from_plain(variable, value, look)


def _from_url(url: str) -> Iterator[Address]:
    """``mongodb://u:p@a:1,b:2/x`` is two addresses; so is ``PLAINTEXT://a:1,SSL://b:2``, found as two URLs in one."""
    scheme, _, rest = url.partition("://")
    if "," in rest and "://" in rest:
        for part in url.split(","):
            yield from _from_url(part) if "://" in part else ()
        return
    rest = _without_userinfo(_unwrapped(rest))
    authority, slash, path = _split(rest)
    hosts = [each for each in authority.split(",") if each]
    if not hosts:
        for text in from_query(scheme, path.partition("?")[2]):
            yield from _parsed(text)
        return
    if len(hosts) == 1:
        # A comma after the path ends the URL, as in prose.
        path = path.partition(",")[0]
        yield from _parsed(f"{scheme}://{hosts[0]}{slash}{path}")
        return
    for host in hosts:
        if _ENTRY.match(host):
            yield from _parsed(f"{scheme}://{host}")


def _split(rest: str) -> tuple[str, str, str]:
    """``a:1,b:2``, the sign that ends it, and what follows."""
    end = re.search(r"[/?]", rest)
    return (rest, "", "") if end is None else (rest[: end.start()], end[0], rest[end.end() :])


def _unwrapped(rest: str) -> str:
    """``[http://a:9200]`` and ``(http://a)``: a bracket at the end that the URL itself did not open."""
    for opening, closing in ("[]", "()"):
        while rest.endswith(closing) and rest.count(closing) > rest.count(opening):
            rest = rest[:-1]
    return rest


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
        yield from _with_ports(variable, value)
        return
    parts = [part.strip() for part in re.split(r"[,;]", value) if part.strip()]
    if parts and _WITH_PATH.match(parts[-1]):
        # ZooKeeper's list ends with the folder inside it: a:2181,b:2181/kafka.
        parts[-1] = parts[-1].partition("/")[0]
    if len(parts) == 1 and all(_WITH_PORT.match(word) for word in value.split()):
        parts = value.split()
    several = len(parts) > 1
    for part in parts:
        literal = _ipv6(part)
        found = (_ENTRY if several or part.startswith("[") else _PLAIN).match(part)
        if found is None and literal is None:
            if several:
                continue
            return
        for address in [Address(literal)] if literal is not None else _parsed(found["address"] if found else ""):
            known = address if address.port is not None else _with_port(address, named, look)
            if known.port is not None or not _KIND_OF_PROGRAM.match(variable):
                yield known


def _with_ports(variable: str, value: str) -> Iterator[Address]:
    """Host and port, all of a list: no variable's name is needed to see that."""
    words = [word.strip() for word in value.split(",")]
    if len(words) > 1 and _WITH_PATH.match(words[-1]):
        words[-1] = words[-1].partition("/")[0]
    if _NO_ADDRESS.search(variable) or not all(_WITH_PORT.match(word) for word in words):
        return
    if all(int(word.rpartition(":")[2]) >= _SMALLEST for word in words):
        for word in words:
            yield from _parsed(word)


def _ipv6(text: str) -> str | None:
    """A bare ``fd00::2``: no port can follow it."""
    try:
        return str(ipaddress.IPv6Address(text)) if ":" in text else None
    except ValueError:
        return None


def _with_port(address: Address, named: re.Match[str], look: Look) -> Address:
    """``DB_HOST`` and ``DB_PORT``, ``PGHOST`` and ``PGPORT``, ``redis.host`` and ``redis.port``; the port in the name
    of ``DB_PORT_5432_TCP_ADDR``, as links write it.
    """
    stem, sign = named["stem"], named["sign"]
    if not stem:
        return address
    names = [f"{stem}{sign}{word}" for word in _PORT_WORDS] + [f"{stem}_PORT", f"{stem}PORT", f"{stem}_port"]
    for said in (look(name) for name in names):
        # Kubernetes and links write DB_PORT=tcp://10.0.0.4:5432.
        port = port_number((said or "").removeprefix("tcp://").rpartition(":")[2])
        if port is not None:
            return Address(address.host, port, None, None, True)
    linked = _LINKED.search(stem)
    port = port_number(linked["port"]) if linked is not None else None
    return Address(address.host, port, None, None, True) if port is not None else address


def _parsed(text: str) -> Iterator[Address]:
    try:
        found = parse_address(text)
    except UsageError:
        return
    if LEFT.search(found.host):
        return
    if not found.port_given and "sentinel" in (found.scheme or ""):
        found = replace(found, port=_SENTINEL)
    yield found
