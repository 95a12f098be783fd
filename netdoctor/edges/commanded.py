"""Edges that a container's own command line declares: ``--db-host db``, ``nc -z db 5432``, ``-b redis://redis:6379``.

A command line holds much that only looks like an address (images, owners, what to listen on), so here a name counts
only where it is another container's, and never as the name of nobody.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from netdoctor.edges.address import Address, port_number
from netdoctor.edges.environment import HOST_ALIASES, Mention, edge_from, host_of, meant_by_name
from netdoctor.edges.loopback import is_loopback
from netdoctor.edges.spellings import LONGEST, addresses_in
from netdoctor.model import Container, Edge, Topology

_MOST_WORDS = 512
_MOST_TEXT = 8 * LONGEST
"""Characters of shell text in one command line: what is longer is a program, not a start script."""
_OPTION = re.compile(r"--?(?P<name>[A-Za-z][A-Za-z0-9._-]*)(?:=(?P<value>.*))?\Z", re.DOTALL)
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_.]*)=(?P<value>.*)\Z", re.DOTALL)
_HOST_OPTIONS = frozenset({"h", "H", "host", "hostname", "server"})
_PORT_OPTIONS = frozenset({"p", "P", "port"})
_FOLLOWERS = frozenset({"replicaof", "slaveof"})
"""Redis': a host and its port as two words."""
_DIALLERS = frozenset({"nc", "ncat", "netcat", "telnet"})
_OWNERS = frozenset({"chown", "gosu", "su-exec", "setpriv", "su", "sudo", "install"})
"""What follows them as ``app:1000`` is a user and a group."""
_OWNER_OPTIONS = frozenset({"u", "user", "chown", "owner"})
_ENDS = frozenset({";", "&", "&&", "|", "||", "(", ")", ";;"})
_SOCAT = re.compile(r"(?i)(?:tcp[46]?|tcp[46]?-connect|openssl|ssl):(?P<address>[A-Za-z0-9._-]+:\d{1,5})(?:,.*)?\Z")


def commanded_edges(topology: Topology, caller: Container) -> Iterator[Edge]:
    """One edge for each other container and port that the caller's command line names."""
    seen: set[tuple[str, int | None]] = set()
    for said, address in spoken(caller):
        mention = Mention(said, address)
        host = host_of(mention)
        if is_loopback(host) or host in HOST_ALIASES:
            continue
        for target in meant_by_name(topology, caller, host):
            key = (target.id, address.port)
            if key in seen or (address.port is None and any(target.id == each for each, _ in seen)):
                continue
            seen.add(key)
            # What a script asks for may set something off: no path is asked that only a command line names.
            edge = replace(edge_from(caller, target, mention), said_path=None)
            origin = f"command {said}" if said else "command"
            yield replace(edge, origin=origin, basis=caller.ref.at("command"))


def by_command(topology: Topology, caller: Container, target: Container) -> Edge | None:
    """The first of them that leads to this target."""
    return next((edge for edge in commanded_edges(topology, caller) if edge.target == target.ref), None)


def spoken(container: Container) -> Iterator[tuple[str, Address]]:
    """Every address of the command line, with the option or variable that holds it ("": none does)."""
    for words in _commands(container.command or ()):
        yield from _of_one(words, container)


def _commands(words: Sequence[str]) -> Iterator[list[str]]:
    """The command itself, then each simple command of a shell's text in it."""
    own = [word for word in words[:_MOST_WORDS] if not re.search(r"\s", word)]
    yield own
    left = _MOST_TEXT
    for word in words[:_MOST_WORDS]:
        if not re.search(r"\s", word) or len(word) > LONGEST:
            continue
        left -= len(word)
        if left < 0:
            return
        one: list[str] = []
        for part in _split(word)[:_MOST_WORDS]:
            if part in _ENDS:
                yield one
                one = []
            else:
                one.append(part)
        yield one


def _split(text: str) -> list[str]:
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return text.split()


def _of_one(words: list[str], container: Container) -> Iterator[tuple[str, Address]]:
    words = _without_owners(words)
    options = [*_options(words), *_assigned(words)]
    values = {variable: value for _, variable, value in options}

    def look(name: str) -> str | None:
        return values.get(name) or values.get(name.upper()) or container.env(name)

    for written, variable, value in options:
        for address in addresses_in(variable, value, look):
            yield written, address
    taken = set(values.values())
    for word in words:
        if word not in taken and not _OPTION.match(word) and not _ASSIGNED.match(word):
            socat = _SOCAT.match(word)
            for address in addresses_in("", socat["address"] if socat is not None else word, look):
                yield "", address
    yield from _pairs(words)


def _without_owners(words: list[str]) -> list[str]:
    """``chown -R app:1000 /data``, ``gosu app:1000 run``, ``--user app:1000``: the user and the group go."""
    kept: list[str] = []
    owner = False
    for word in words:
        option = _OPTION.match(word)
        if owner and option is None:
            owner = False
            continue
        kept.append(word)
        said = option is not None and option["name"] in _OWNER_OPTIONS and option["value"] is None
        owner = owner or said or word.rpartition("/")[2] in _OWNERS
    return kept


def _options(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """``--name=value``, ``--name value``, ``-h value``, Java's ``-Dname=value``: as written (a letter says nothing to
    a reader, and may as well be a switch before something else), as a variable would be called, and the value.
    """
    for word, following in zip(words, [*words[1:], ""], strict=False):
        option = _OPTION.match(word)
        if option is None:
            continue
        name, value = option["name"], option["value"]
        if value is not None and word.startswith("-D"):
            yield f"-{name}", _variable(name.removeprefix("D")), value
        elif value is not None or (following and not following.startswith("-")):
            letters = not word.startswith("--") and name not in _HOST_OPTIONS
            yield "" if letters else word.partition("=")[0], _variable(name), following if value is None else value


def _variable(option: str) -> str:
    """What says host there says host here."""
    if option in _HOST_OPTIONS:
        return "TARGET_HOST"
    if option in _PORT_OPTIONS:
        return "TARGET_PORT"
    return re.sub(r"[.-]", "_", option).upper()


def _assigned(words: list[str]) -> Iterator[tuple[str, str, str]]:
    for word in words:
        said = _ASSIGNED.match(word)
        if said is not None:
            yield said["name"], said["name"], said["value"]


def _pairs(words: list[str]) -> Iterator[tuple[str, Address]]:
    """``nc -z db 5432``, ``--replicaof primary 6379``: the port is a word of its own."""
    dials = any(word.rpartition("/")[2] in _DIALLERS for word in words)
    for before, word, following in zip(["", *words], words, words[1:], strict=False):
        port = port_number(following)
        if port is not None and not word.startswith("-") and (dials or before.lstrip("-") in _FOLLOWERS):
            yield "", Address(word, port, port_given=True)
