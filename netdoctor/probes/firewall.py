"""Are the engine's own packet filter rules still there? Read only, as root, on the engine's machine.

The tables are those of the network namespace that the engine itself is in, found by who answers on its socket.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netdoctor.commands import find_command
from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, CannotAsk, World

_BACKENDS = ("iptables", "iptables-nft", "iptables-legacy")
_PATIENCE = 3.0
"""Seconds for one command."""


@dataclass(frozen=True, slots=True)
class FirewallEvidence:
    """``forward``: FORWARD leads into a chain of the engine. ``nat``: PREROUTING or POSTROUTING has a rule of it.

    ``drops``: what FORWARD does not accept is dropped. ``chains``: the engine's chains that exist, ``table chain``.
    """

    forward: bool
    nat: bool
    drops: bool
    chains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Firewall(Question[FirewallEvidence]):
    """Asked at the host."""


class FirewallProbe:
    question = Firewall
    layer = Layer.TARGET

    def ask(self, question: Firewall, world: World) -> Observation[FirewallEvidence]:
        began = world.clock()
        return Observation(Outcome.CONNECTED, rules_of_engine(world.topology), seconds=world.clock() - began)

    def label(self, question: Firewall, topology: Topology) -> str:
        return "the engine's packet filter rules"

    def describe(self, question: Firewall, observation: Observation[FirewallEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        missing = [table for table, there in (("filter", evidence.forward), ("nat", evidence.nat)) if not there]
        return f"none in {' and '.join(missing)}" if missing else "in place"


def rules_of_engine(topology: Topology) -> FirewallEvidence:
    """Raises CannotAsk."""
    engine = engine_process(topology)
    return read_rules(*(_dump(engine, table) for table in ("filter", "nat")))


def read_rules(filters: str, nat: str) -> FirewallEvidence:
    """From what ``iptables -S`` says of the two tables."""
    chains = [f"{t} {line.split()[1]}" for t, text in (("filter", filters), ("nat", nat)) for line in text.splitlines()
              if line.startswith("-N DOCKER")]  # fmt: skip
    forward = any(line.startswith("-A FORWARD ") and "-j DOCKER" in line for line in filters.splitlines())
    translated = any(
        (line.startswith("-A PREROUTING ") and "-j DOCKER" in line)
        or (line.startswith("-A POSTROUTING ") and "MASQUERADE" in line)
        for line in nat.splitlines()
    )
    drops = any(line in ("-P FORWARD DROP", "-P FORWARD REJECT") for line in filters.splitlines())
    drops = drops or any(line.startswith("-A FORWARD -j DROP") for line in filters.splitlines())
    return FirewallEvidence(forward, translated, drops, tuple(dict.fromkeys(chains)))


def engine_process(topology: Topology, *, root: bool = True, names: Sequence[str] = ("dockerd",)) -> int:
    """The process behind the engine's socket, called one of ``names``.

    ``root``: for what only root may do there. Raises CannotAsk.
    """
    endpoint = topology.endpoint or ""
    if topology.source != "engine" or not endpoint.startswith("unix://"):
        raise CannotAsk("the engine is not on this machine")
    if root and os.geteuid() != 0:
        raise CannotAsk("only root may read the packet filter (run netdoctor as root)")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(_PATIENCE)
            door.connect(endpoint.removeprefix("unix://"))
            told = door.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return _engine(struct.unpack("3i", told)[0], names)
    except OSError as error:
        raise CannotAsk(f"the engine's process is not visible here: {error.strerror}") from error


def _engine(listener: int, names: Sequence[str]) -> int:
    """Who made the socket: the engine, or the init system for it; never a proxy in front of a machine elsewhere."""
    if _called(listener) in names:
        return listener
    if listener == 1:
        for each in Path("/proc").iterdir():
            if each.name.isdigit() and _called(int(each.name)) in names:
                return int(each.name)
    raise CannotAsk(f"what answers on the engine's socket is no {' or '.join(names)} of this machine")


def _called(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def run_there(engine: int, words: Sequence[str]) -> str:
    """What a reading command says in the engine's network namespace. Raises CannotAsk."""
    path, nsenter = find_command(words[0]), find_command("nsenter")
    if path is None:
        raise CannotAsk(f"there is no {words[0]} command here")
    try:
        here = Path("/proc/self/ns/net").stat().st_ino == Path(f"/proc/{engine}/ns/net").stat().st_ino
        if not here and nsenter is None:
            raise CannotAsk("there is no nsenter command here, and the engine is in another network namespace")
        enter = [] if here or nsenter is None else [nsenter, f"--net=/proc/{engine}/ns/net", "--"]
        argv = [*enter, path, *words[1:]]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotAsk(f"{words[0]} could not be run: {error}") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise CannotAsk(f"{words[0]} refused: {said}")
    return done.stdout


def _dump(engine: int, table: str) -> str:
    """The rules of every backend there is: the engine may use another one than the plain command."""
    found = {name: Path(path).resolve().name for name in _BACKENDS if (path := find_command(name)) is not None}
    if not found:
        raise CannotAsk("there is no iptables command here")
    if find_command("nft") is not None and "docker-bridges" in run_there(engine, ["nft", "list", "tables"]):
        raise CannotAsk("this engine uses nftables directly")
    # Asked for a table that does not exist, the legacy commands would make it.
    legacy = table in _legacy_tables(engine)
    asked = [name for name, real in found.items() if legacy or "legacy" not in f"{name} {real}"]
    return "\n".join(run_there(engine, [name, "-w", "1", "-t", table, "-S"]) for name in asked)


def _legacy_tables(engine: int) -> tuple[str, ...]:
    try:
        return tuple(Path(f"/proc/{engine}/net/ip_tables_names").read_text("ascii", "replace").split())
    except OSError:
        return ()


PROBES.add("firewall", FirewallProbe(), home=__name__)
