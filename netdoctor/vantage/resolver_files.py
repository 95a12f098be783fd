"""resolv.conf and hosts, read the way a C library reads them."""

from __future__ import annotations

import ipaddress

from netdoctor.vantage.interface import ResolverConfig

MAX_NAMESERVERS = 3
"""glibc and musl look at the first three and no further."""
MAX_NDOTS = 15


def parse(resolv_conf: str, hosts: str) -> ResolverConfig:
    """Both files as one answer. Lines that make no sense are left out, as a C library does."""
    nameservers: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    ndots = 1
    for line in resolv_conf.splitlines():
        words = _words(line, "#;")
        if len(words) < 2:
            continue
        keyword, values = words[0], words[1:]
        if keyword == "nameserver" and len(nameservers) < MAX_NAMESERVERS and _is_address(values[0]):
            nameservers.append(values[0])
        elif keyword == "search":
            search = tuple(values)
        elif keyword == "domain":
            search = (values[0],)
        elif keyword == "options":
            options += values
            for value in values:
                name, _, number = value.partition(":")
                if name == "ndots" and number.isdigit():
                    ndots = min(int(number), MAX_NDOTS)
    return ResolverConfig(tuple(nameservers), search, ndots, parse_hosts(hosts), tuple(options))


def parse_hosts(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """``(address, names)`` per line, in the file's order."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for line in text.splitlines():
        words = _words(line, "#")
        if len(words) >= 2 and _is_address(words[0]):
            found.append((words[0], tuple(words[1:])))
    return tuple(found)


def _words(line: str, comment_marks: str) -> list[str]:
    for mark in comment_marks:
        line = line.partition(mark)[0]
    return line.split()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
