"""One file with a topology and what was seen: written redacted, replayed anywhere without an engine."""

from __future__ import annotations

import importlib
import inspect
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import netdoctor.model as nouns
from netdoctor.errors import UsageError
from netdoctor.files import JSON_STARTS, read_within, write_whole
from netdoctor.model import Answers, Container, Health, Network, Observation, Question, Topology
from netdoctor.probes.interface import PROBES
from netdoctor.redact import redact_text, redact_value, secrets_among, without
from netdoctor.terminal import plain
from netdoctor.topology.codec import CLASS, Decoder, encode
from netdoctor.version import __version__

SCHEMA = "netdoctor.bundle/1"
LIMIT = 256 << 20
"""Bytes; a thousand containers are a few megabytes."""
_HOW = "Write one with: netdoctor bundle FILE SOURCE TARGET"


def write_bundle(path: str | Path, topology: Topology, answers: Answers | None = None) -> tuple[str, ...]:
    """Redacted, whole or not at all. Equal secrets stay equal within the file. Raises UsageError.

    Returns the place of everything that was left out: ``app environment API_KEY``.
    """
    try:
        document = _document(topology, answers)
        write_whole(path, _text(document))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"The bundle cannot be written to {plain(str(path))}: {why}.", hint="Choose another path."
        ) from error
    return tuple(document["removed"])


def dump_bundle(topology: Topology, answers: Answers | None = None) -> str:
    """The file's text."""
    return _text(_document(topology, answers))


def removed_from(places: Sequence[str], most: int = 8) -> tuple[str, ...]:
    """The places in a few lines: the first ones, and how many more there are."""
    shown = tuple(plain(place) for place in places[:most])
    if len(places) <= most:
        return shown
    return (*shown, f'and {len(places) - most} more, see "removed" in the file')


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=True, sort_keys=True) + "\n"


def _document(topology: Topology, answers: Answers | None) -> dict[str, Any]:
    salt = secrets.token_bytes(16)
    told = secrets_among(
        pair for each in topology.containers for pair in (*(each.environment or ()), *each.labels.items())
    )
    clean = replace(
        topology,
        containers=tuple(_container(container, salt, told) for container in topology.containers),
        networks=tuple(_network(network, salt) for network in topology.networks),
        source="bundle",
    )
    topology_as, shown = encode(replace(topology, source="bundle"), str), encode(clean, redact_text)
    seen_as = [[encode(question, str), encode(observation, str)] for question, observation in answers or ()]
    seen = [[encode(question, redact_text), encode(seen, redact_text)] for question, seen in answers or ()]
    removed = [*_removed(topology_as, shown, ""), *_removed(seen_as, seen, "seen")]
    return {
        "schema": SCHEMA,
        "netdoctor": __version__,
        "topology": shown,
        "answers": seen,
        "removed": [redact_text(place) for place in dict.fromkeys(removed)],
    }


def _removed(before: Any, after: Any, where: str) -> Iterator[str]:
    """Where the two differ, in words: containers and networks by name, the rest by field."""
    if isinstance(before, dict) and isinstance(after, dict):
        name = before.get("name")
        inside = f"{where} {name}".strip() if isinstance(name, str) and name else where
        # A key that was cleaned is under another name now; what is left out is told all the same.
        for (key, value), (_, other) in zip(before.items(), after.items(), strict=True):
            known = key in (CLASS, "value", "containers", "networks", "name")
            yield from _removed(value, other, inside if known else f"{inside} {key}".strip())
    elif isinstance(before, list) and isinstance(after, list):
        pair = len(before) == 2 and all(isinstance(each, str) for each in before)
        for number, (value, other) in enumerate(zip(before, after, strict=True)):
            yield from _removed(value, other, f"{where} {before[0]}".strip() if pair and number else where)
    elif before != after:
        yield where


def read_bundle(path: str | Path) -> tuple[Topology, Answers]:
    """Raises UsageError for a file that is missing, no bundle, damaged, or of a newer format."""
    shown = plain(str(path))
    try:
        raw = read_within(path, LIMIT + 1, starts=JSON_STARTS)
        if len(raw) > LIMIT:
            raise UsageError(f"{shown} is too large for a bundle.", hint=_HOW)
        document = json.loads(raw)
    except OSError as error:
        raise UsageError(f"The bundle {shown} cannot be read: {error.strerror}.", hint=_HOW) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown} is no netdoctor bundle: it is no JSON.", hint=_HOW) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise UsageError(
            f"{shown} is no bundle that this version reads: its schema is {plain(str(schema))!r}.", hint=_HOW
        )
    decoder = Decoder(_classes())
    try:
        topology = decoder.decode(document.get("topology"))
        pairs = decoder.decode(document.get("answers") or [])
    except UsageError as error:
        raise UsageError(f"{shown} cannot be read. {error.message}", hint=_HOW) from error
    except RecursionError as error:
        raise UsageError(f"{shown} is no netdoctor bundle: it is nested too deeply.", hint=_HOW) from error
    if not isinstance(topology, Topology):
        raise UsageError(f"{shown} holds no topology.", hint=_HOW)
    if not isinstance(pairs, tuple):
        raise UsageError(f"{shown} is damaged: its answers are no list.", hint=_HOW)
    return topology, Answers(dict(_pair(shown, pair) for pair in pairs))


def _pair(shown: str, pair: Any) -> tuple[Question[Any], Observation[Any]]:
    match pair:
        case (Question() as question, Observation() as observation):
            return question, observation
    raise UsageError(f"{shown} is damaged: one of its answers is none.", hint=_HOW)


def _container(container: Container, salt: bytes, told: frozenset[str]) -> Container:
    environment = container.environment
    return replace(
        container,
        environment=None
        if environment is None
        else tuple((key, redact_value(key, value, salt=salt)) for key, value in environment),
        labels={key: redact_value(key, value, salt=salt) for key, value in container.labels.items()},
        state=None if container.state is None else replace(container.state, error=without(told, container.state.error)),
        command=None if container.command is None else _command(container.command, salt, told),
        health=None if container.health is None else _health(container.health, salt, told),
        healthcheck=None
        if container.healthcheck is None
        else replace(container.healthcheck, test=_command(container.healthcheck.test, salt, told)),
    )


def _network(network: Network, salt: bytes) -> Network:
    return replace(
        network,
        labels={key: redact_value(key, value, salt=salt) for key, value in network.labels.items()},
        options={key: redact_value(key, value, salt=salt) for key, value in network.options.items()},
    )


def _health(health: Health, salt: bytes, told: frozenset[str]) -> Health:
    return replace(
        health,
        test=_command(health.test, salt, told),
        log=tuple((status, without(told, output)) for status, output in health.log),
    )


def _command(words: tuple[str, ...], salt: bytes, told: frozenset[str]) -> tuple[str, ...]:
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
            found.append(word)
        before = word
    return tuple(without(told, word) for word in found)


@cache
def _classes() -> tuple[type, ...]:
    """The model's nouns, and each probe's question and evidence."""
    found: list[Any] = [getattr(nouns, name) for name in nouns.__all__]
    for name in PROBES.names():
        module = importlib.import_module(PROBES.home(name))
        found += [each for _, each in inspect.getmembers(module, inspect.isclass) if is_dataclass(each)]
    return tuple(each for each in found if inspect.isclass(each))
