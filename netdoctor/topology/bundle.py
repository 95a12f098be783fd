"""One file with a topology and what was seen: written redacted, replayed anywhere without an engine."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import secrets
from dataclasses import is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import netdoctor.model as nouns
from netdoctor.errors import UsageError
from netdoctor.model import Answers, Container, Health, Network, Topology
from netdoctor.probes.interface import PROBES
from netdoctor.redact import redact_text, redact_value
from netdoctor.terminal import plain
from netdoctor.topology.codec import Decoder, encode
from netdoctor.version import __version__

SCHEMA = "netdoctor.bundle/1"
LIMIT = 256 << 20
"""Bytes; a thousand containers are a few megabytes."""


def write_bundle(path: str | Path, topology: Topology, answers: Answers | None = None) -> None:
    """Redacted, whole or not at all. Equal secrets stay equal within the file. Raises UsageError."""
    text = dump_bundle(topology, answers)
    beside = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"The bundle cannot be written to {plain(str(path))}: {error.strerror}.") from error


def dump_bundle(topology: Topology, answers: Answers | None = None) -> str:
    """The file's text."""
    salt = secrets.token_bytes(16)
    clean = replace(
        topology,
        containers=tuple(_container(container, salt) for container in topology.containers),
        networks=tuple(_network(network, salt) for network in topology.networks),
        source="bundle",
    )
    document = {
        "schema": SCHEMA,
        "netdoctor": __version__,
        "topology": encode(clean, redact_text),
        "answers": [
            [encode(question, redact_text), encode(observation, redact_text)] for question, observation in answers or ()
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=True, sort_keys=True) + "\n"


def read_bundle(path: str | Path) -> tuple[Topology, Answers]:
    """Raises UsageError for a file that is missing, no bundle, damaged, or of a newer format."""
    shown = plain(str(path))
    try:
        if Path(path).stat().st_size > LIMIT:
            raise UsageError(f"{shown} is too large for a bundle.")
        document = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"The bundle {shown} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown} is no netdoctor bundle: it is no JSON.") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise UsageError(f"{shown} is no bundle that this version reads: its schema is {plain(str(schema))!r}.")
    decoder = Decoder(_classes())
    topology = decoder.decode(document.get("topology"))
    if not isinstance(topology, Topology):
        raise UsageError(f"{shown} holds no topology.")
    pairs = [decoder.decode(pair) for pair in document.get("answers") or ()]
    return replace(topology, knows=frozenset(topology.knows)), Answers(dict(pairs))


def _container(container: Container, salt: bytes) -> Container:
    environment = container.environment
    return replace(
        container,
        environment=None
        if environment is None
        else tuple((key, redact_value(key, value, salt=salt)) for key, value in environment),
        labels={key: redact_value(key, value, salt=salt) for key, value in container.labels.items()},
        command=None if container.command is None else _command(container.command, salt),
        health=None if container.health is None else _health(container.health, salt),
        healthcheck=None
        if container.healthcheck is None
        else replace(container.healthcheck, test=_command(container.healthcheck.test, salt)),
    )


def _network(network: Network, salt: bytes) -> Network:
    return replace(network, labels={key: redact_value(key, value, salt=salt) for key, value in network.labels.items()})


def _health(health: Health, salt: bytes) -> Health:
    return replace(
        health,
        test=_command(health.test, salt),
        log=tuple((status, redact_text(output)) for status, output in health.log),
    )


def _command(words: tuple[str, ...], salt: bytes) -> tuple[str, ...]:
    """``--requirepass hunter2`` and ``--api-key=...``: an option's name says what its value is."""
    found: list[str] = []
    before = ""
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            found.append(f"{name}={redact_value(name, value, salt=salt)}")
        elif before.startswith("-") and not word.startswith("-"):
            found.append(redact_value(before.lstrip("-"), word, salt=salt))
        else:
            found.append(redact_text(word))
        before = word
    return tuple(found)


@cache
def _classes() -> tuple[type, ...]:
    """The model's nouns, and each probe's question and evidence."""
    found: list[Any] = [getattr(nouns, name) for name in nouns.__all__]
    for name in PROBES.names():
        module = importlib.import_module(PROBES.home(name))
        found += [each for _, each in inspect.getmembers(module, inspect.isclass) if is_dataclass(each)]
    return tuple(each for each in found if inspect.isclass(each))
