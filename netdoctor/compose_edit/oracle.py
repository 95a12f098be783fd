"""Compose itself as the judge: `config` before and after an edit may differ by the one membership only.

The only module here that starts a program. The caller names the command (an argument list such as `["docker",
"compose"]` or `["docker-compose"]`); the new text is passed on standard input, so nothing is written for the check.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping as EnvMapping
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from .locate import locate
from .model import Mapping, Value, read
from .naming import real_name
from .refused import EditRefused
from .text import SourceText

_SECONDS = 60.0

Config: TypeAlias = "Mapping | str"
"""What `config` prints, or in a few words why it does not."""


class Verdict(Enum):
    """What Compose makes of an edit."""

    AGREES = "agrees"
    """Before and after differ by exactly the intended membership."""
    REPAIRED = "repaired"
    """Compose rejected the file before and accepts it now, with the membership in it."""
    DIFFERS = "differs"
    """Something else changed, or Compose rejects the edited file: do not write it."""
    UNKNOWN = "unknown"
    """Compose rejects the file before and after, or cannot be run: it says nothing about the edit."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """Compose's verdict and, in one sentence, why. The sentence holds no value from the file."""

    verdict: Verdict
    detail: str


def compare(
    command: Sequence[str],
    directory: Path,
    files: Sequence[str],
    edited: str,
    new: bytes,
    *,
    service: str,
    network: str,
    profiles: Sequence[str] = (),
    environment: EnvMapping[str, str] | None = None,
    flags: Sequence[str] = (),
    timeout: float = _SECONDS,
) -> Opinion:
    """Run `config` on `files` as they are and with `new` in place of the file `edited`, and compare.

    Args:
        command: the compose command as an argument list.
        directory: the project directory, to which relative paths in the files refer.
        files: the project's compose files in order, as -f takes them.
        edited: the one of `files` that the edit is about.
        new: its planned bytes.
        service: the service that the edit patched (`Edit.service`).
        network: the real name of the network it is to join.
        profiles: profiles to enable, so that an inactive service is in the output.
        environment: the program's whole environment; None inherits this process's.
        flags: further options of `config`, such as `--no-interpolate`.
        timeout: seconds for each of the two runs.
    """
    if edited not in files:
        raise ValueError(f"{edited!r} is none of the compose files")
    # Both texts go the same way, through standard input, so that only the edit can make a difference.
    streamed = ["-" if name == edited else name for name in files]
    try:
        old = (directory / edited).read_bytes()
    except OSError as error:
        return Opinion(Verdict.UNKNOWN, f"the file could not be read ({type(error).__name__})")
    how = (tuple(profiles), environment, tuple(flags), timeout)
    before = read_config(command, directory, streamed, old, *how)
    after = read_config(command, directory, streamed, new, *how)
    return weigh(before, after, service=service, network=network)


def weigh(before: Config, after: Config, *, service: str, network: str) -> Opinion:
    """Compare two results of `read_config`, from before and after an edit."""
    if isinstance(after, str):
        if isinstance(before, str):
            return Opinion(Verdict.UNKNOWN, f"{after}, as before the edit")
        return Opinion(Verdict.DIFFERS, f"{after} after the edit")
    key = _key(after, service, network)
    if key is None:
        return Opinion(Verdict.DIFFERS, "the service is not on the network after the edit")
    if isinstance(before, str):
        return Opinion(Verdict.REPAIRED, "compose rejected the file before the edit")
    problem = difference(before, after, service, key)
    if problem is not None:
        return Opinion(Verdict.DIFFERS, problem)
    return Opinion(Verdict.AGREES, "the output of config differs by the membership only")


def joins(config: Mapping, service: str, network: str) -> bool:
    """True when the output of `config` puts the service on the network of that real name."""
    return _key(config, service, network) is not None


def read_config(
    command: Sequence[str],
    directory: Path,
    files: Sequence[str],
    data: bytes = b"",
    profiles: Sequence[str] = (),
    environment: EnvMapping[str, str] | None = None,
    flags: Sequence[str] = (),
    timeout: float = _SECONDS,
) -> Config:
    """What `config` prints for these files, `-` being `data`; no files: those that Compose finds by itself.

    A text instead, in a few words, when Compose refuses or cannot be run.
    """
    arguments = [*command, "--project-directory", str(directory)] if files else [*command]
    for profile in profiles:
        arguments += ["--profile", profile]
    for name in files:
        arguments += ["-f", name]
    try:
        done = subprocess.run(
            [*arguments, "config", *flags],
            input=data,
            capture_output=True,
            cwd=directory,
            env=dict(environment) if environment is not None else None,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the compose command could not be run ({type(error).__name__})"
    if done.returncode:
        return "compose rejects the file"
    try:
        text = SourceText.decode(done.stdout)
        locate(text)
        return read(text)
    except EditRefused:
        return "the output of compose could not be read"


def difference(before: Mapping, after: Mapping, service: str, key: str) -> str | None:
    """What changed between two outputs of `config` besides `service` joining `key`; None when nothing did."""
    old_services, new_services = _section(before, "services"), _section(after, "services")
    if old_services.keys() != new_services.keys():
        return "the set of services changed"
    for name, old in old_services.items():
        new = new_services[name]
        if not isinstance(old, dict) or not isinstance(new, dict):
            return f"service {name!r} is no mapping"
        if _settings(old) != _settings(new):
            return f"another setting of service {name!r} changed"
        was, now = _networks(old), _networks(new)
        expected = {**was, key: now.get(key)} if name == service and key not in was else was
        if name == service and key in was:
            now, expected = _without(now, key), _without(was, key)
        if now != expected:
            return f"the networks of service {name!r} are not the intended ones"
    if _without(_section(before, "networks"), key) != _without(_section(after, "networks"), key):
        return "another top-level network changed"
    if _without(before, "services", "networks") != _without(after, "services", "networks"):
        return "another section changed"
    return None


def _key(config: Mapping, service: str, network: str) -> str | None:
    body = _section(config, "services").get(service)
    top = _section(config, "networks")
    if not isinstance(body, dict):
        return None
    for key in _networks(body):
        # `config` writes a dollar sign twice, and real_name reads two as one.
        if real_name(key, top.get(key), None, None).name == network:
            return key
    return None


def _section(config: Mapping, name: str) -> Mapping:
    section = config.get(name)
    return section if isinstance(section, dict) else {}


def _networks(body: Mapping) -> Mapping:
    """A service's networks by key: an absent list and `default` are one thing, so are no options and empty ones."""
    value: Value = body.get("networks")
    if isinstance(value, list):
        value = {item: None for item in value if isinstance(item, str)}
    if not value and not body.get("network_mode"):
        return {"default": {}}
    entries = value if isinstance(value, dict) else {}
    return {key: options or {} for key, options in entries.items()}


def _settings(body: Mapping) -> Mapping:
    """A service without its networks, and without the copy of them that Compose gives to its start hooks."""
    rest = _without(body, "networks")
    hooks = rest.get("pre_start")
    if isinstance(hooks, list):
        rest["pre_start"] = [
            _without(hook, "networks")
            if isinstance(hook, dict) and hook.get("networks") == body.get("networks")
            else hook
            for hook in hooks
        ]
    return rest


def _without(mapping: Mapping, *keys: str) -> Mapping:
    return {key: value for key, value in mapping.items() if key not in keys}
