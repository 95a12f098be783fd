"""What an attacker writes where we read, and what must hold of everything that we say."""

from __future__ import annotations

import json
import unicodedata
from html.parser import HTMLParser
from typing import Any
from xml.dom import minidom

from topology.inspects import SHAPES, full, stack

MARK = "netdoctor-was-here"
NASTY = (
    "x\x1b]0;title\x07\x1b[31m\u202eevil\u2066\n\r::error::boo\x00\x9b31m\"']]>; <script>alert(1)</script>"
    f"<img src=x onerror=alert(1)>`$(touch {MARK})` %s%n{{0}}|}}\\N --> \ud800\u2028&amp;</title>"
)
SECRET = "hunter2S3cretZq"
SPELLINGS = (
    f"https://user:{SECRET}@h/x",
    f"password={SECRET}",
    f"Authorization: Bearer {SECRET}abc",
    f'{{"token":"{SECRET}"}}',
    f"https://h/x?api_key={SECRET}",
)
"""Ways in which a text says by itself that it holds a credential."""
APP, DB = full("app")[:12], full("db")[:12]

_OURS = {"Id", "NetworkID", "EndpointID", "Status", "Created", "StartedAt", "FinishedAt", "Driver", "Scope"}
_OURS |= {
    "NetworkMode",
    "IPAddress",
    "Subnet",
    "Gateway",
    "HostPort",
    "HostIp",
    "MacAddress",
    "IPv4Address",
    "GlobalIPv6Address",
}
"""Fields whose text the engine makes itself."""

JSON = dict[str, Any]


def everywhere(text: str) -> tuple[list[JSON], list[JSON]]:
    """A stack whose every name, label, variable, alias, log line and image ends with ``text``; keys too."""
    containers, networks = stack(SHAPES[0])
    for each in containers:
        each["Config"]["Labels"] = {**(each["Config"]["Labels"] or {}), f"key{text}": "value"}
        attached = each["NetworkSettings"]["Networks"]
        each["NetworkSettings"]["Networks"] = {f"{key}{text}": value for key, value in attached.items()}
        each["State"]["Error"] = "failed"
    found = _ending(containers, text), _ending(networks, text)
    found[0][0]["Config"]["Env"] = [
        f"DATABASE_URL=postgres://db{text}:5432/{text}",
        f"A{text}_URL=http://db/{text}",
        f"DB_URL=http://{full('db')[:12]}:80/{text}",
        f"DB_HOST=db{text}",
    ]
    return found


def _ending(value: Any, text: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _ending(each, text, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_ending(each, text, key) for each in value]
    return value + text if isinstance(value, str) and key not in _OURS else value


def with_secrets(spelling: str) -> tuple[list[JSON], list[JSON]]:
    """A stack with a credential in every field that an engine can return: as ``spelling``, or bare where programs
    write it bare."""
    containers, networks = stack(SHAPES[0])
    for each in containers:
        config = each["Config"]
        config["Labels"] = {**(config["Labels"] or {}), "auth.users": SECRET, "my.secret": SECRET, "plain": spelling}
        config["Image"] += f" {spelling}"
        config["Healthcheck"] = {"Test": ["CMD", "redis-cli", "-a", SECRET, "ping", spelling]}
        config["Env"] = [
            *(config["Env"] or []),
            f"API_KEY={SECRET}",
            f"DB_URL=postgres://u:{SECRET}@db:5432/x?sslpassword={SECRET}",
            f"QDRANT_URL=http://db:6333/?api-key={SECRET}",
            f"SLASHED_URL=postgres://u:p@{SECRET}/x@db:5432/y",
            f"DSN=host=db password={SECRET}",
            f"OTHER={spelling}",
        ]
        each["Path"], each["Args"] = "serve", ["--requirepass", SECRET, f"--api-key={SECRET}", spelling]
        each["Name"] += f" {spelling}"
        each["State"] |= {
            "Error": f"cannot start with {SECRET}: {spelling}",
            "Health": {
                "Status": "unhealthy",
                "FailingStreak": 3,
                "Log": [{"ExitCode": 1, "Output": f"{SECRET} was refused; {spelling}"}],
            },
        }
        each["HostConfig"]["ExtraHosts"] = [f"h:{spelling}"]
    for each in networks:
        each["Labels"] = {"secret": SECRET, "plain": spelling}
        each["Options"] = {**(each.get("Options") or {}), "password": SECRET, "other": spelling}
    return containers, networks


def raw(text: str) -> list[str]:
    """Characters that steer a terminal or reorder what is read, as they are."""
    kinds = ("Cc", "Cs", "Zl", "Zp")
    bidi = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u200e", "\u200f", "\u061c"}
    return sorted({ascii(c) for c in text if (unicodedata.category(c) in kinds and c != "\n") or c in bidi})


def check_document(text: str, form: str) -> None:
    """Raises what the format's own reader raises."""
    if form in ("json", "sarif"):
        json.loads(text)
    elif form == "jsonl":
        for line in text.splitlines():
            json.loads(line)
    elif form in ("junit", "svg"):
        minidom.parseString(text.encode("utf-8"))
    elif form == "html":
        page = _Page()
        page.feed(text)
        page.close()
        assert page.foreign == [], page.foreign


class _Page(HTMLParser):
    """Elements and attributes that only somebody else's text can have brought in."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.foreign += [tag] if tag in ("img", "iframe", "object", "base", "form") else []
        self.foreign += [name for name, _ in attrs if name.startswith("on") or name in ("src", "srcdoc")]
