"""Compose itself, where a current one is at hand: its ``config`` says what files mean, and we must say the same.

NETDOCTOR_COMPOSE is the command (as for compose/compose.sh), else `docker-compose` beside this Python, then
on PATH, then the docker plugin. Compose 1 is no oracle. Its ``config`` needs no engine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from netdoctor.model import Container, Topology

_TIMEOUT = 60


@cache
def compose_command() -> tuple[str, ...] | None:
    """The command of a Compose 2 or later, or None."""
    beside = Path(sys.executable).parent / "docker-compose"
    named = os.environ.get("NETDOCTOR_COMPOSE")
    found_on_path = shutil.which("docker-compose") or ""
    tries = [tuple(named.split())] if named else [(str(beside),), (found_on_path,), ("docker", "compose")]
    for words in tries:
        if not words[0] or shutil.which(words[0]) is None:
            continue
        done = subprocess.run([*words, "version"], capture_output=True, text=True, check=False, timeout=_TIMEOUT)
        found = re.search(r"v?(\d+)\.\d+\.\d+", done.stdout)
        if done.returncode == 0 and found and int(found[1]) >= 2:
            return tuple(words)
    return None


def config(files: Sequence[str], folder: Path, environment: Mapping[str, str]) -> dict[str, Any] | str:
    """What Compose makes of the files, every profile active; its error text where it refuses."""
    command = compose_command()
    assert command is not None
    words = [
        *command,
        *(word for file in files for word in ("-f", file)),
        "--profile",
        "*",
        "config",
        "--format",
        "json",
    ]
    clean = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), **environment}
    done = subprocess.run(
        words, cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )  # fmt: skip
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
    return json.loads(done.stdout)


def facts_of_config(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The part of ``config``'s answer that a topology holds, in one shape with :func:`facts_of_topology`."""
    project = document["name"]
    networks = document.get("networks") or {}
    found: dict[str, Any] = {}
    for name, body in (document.get("services") or {}).items():
        if "provider" in body:
            continue
        own = {} if body.get("network_mode") else body.get("networks") or {"default": None}
        check = body.get("healthcheck") or {}
        build = body.get("build") or {}
        found[name] = _plain({
            "name": body.get("container_name") or f"{project}-{name}-1",
            "image": body.get("image") or "",
            "mode": body.get("network_mode"),
            "hostname": body.get("hostname"),
            "networks": {
                networks.get(key, {}).get("name", f"{project}_{key}"): sorted((options or {}).get("aliases") or [])
                for key, options in own.items()
            },
            "environment": {key: value for key, value in (body.get("environment") or {}).items() if value is not None},
            "ports": sorted(_published(body.get("ports") or [])),
            "expose": sorted(_exposed(body.get("expose") or [])),
            "depends_on": {
                other: (options.get("condition"), options.get("required", True))
                for other, options in (body.get("depends_on") or {}).items()
            },
            "labels": {key: str(value) for key, value in (body.get("labels") or {}).items()},
            "extra_hosts": sorted(str(each).replace("=", ":", 1) for each in body.get("extra_hosts") or []),
            "command": [*(body.get("entrypoint") or []), *(body.get("command") or [])],
            "healthcheck": ["NONE"] if check.get("disable") else list(check.get("test") or []),
            "profiles": sorted(body.get("profiles") or []),
            "links": sorted(_link(each) for each in body.get("links") or []),
            "dns": list(_listed(body.get("dns"))),
            "build": None if not build else {
                "context": _relative(build.get("context") or ".", folder),
                "dockerfile": build.get("dockerfile") or "Dockerfile",
                "target": build.get("target"),
                "args": build.get("args") or {},
            },
        })  # fmt: skip
    tops = {
        entry["name"]: _plain(
            (bool(entry.get("external")), entry.get("driver") or "bridge", bool(entry.get("internal")))
        )
        for entry in networks.values()
    }
    return {"project": project, "services": found, "networks": tops}


def facts_of_topology(topology: Topology, folder: Path) -> dict[str, Any]:
    """The same of what netdoctor read. One project only."""
    by_id = {container.id: container for container in topology.containers}
    found: dict[str, Any] = {}
    for each in topology.containers:
        check = each.healthcheck
        found[each.service or ""] = {
            "name": each.name,
            "image": each.image,
            "mode": _mode(each, by_id),
            "hostname": each.hostname,
            "networks": {} if each.network_mode else {
                endpoint.network_name: sorted(set(endpoint.aliases[1:])) for endpoint in each.endpoints
            },
            "environment": dict(each.environment or ()),
            "ports": sorted(
                (port.container_port, port.host_port or 0, port.host_ip, port.protocol) for port in each.published or ()
            ),
            "expose": sorted(each.exposed or ()),
            "depends_on": {each.service: (each.condition, each.required) for each in each.depends_on or ()},
            "labels": {key: value for key, value in each.labels.items() if not key.startswith("com.docker.compose.")},
            "extra_hosts": sorted(each.extra_hosts or ()),
            "command": list(each.command or ()),
            "healthcheck": list(check.test) if check is not None else [],
            "profiles": sorted(each.profiles),
            "links": sorted((by_id[to.container].service, to.alias) for to in each.links if to.container in by_id),
            "dns": list(each.dns or ()),
            "build": None if each.build is None else {
                "context": _relative(each.build.context, folder),
                "dockerfile": _dockerfile(each, folder),
                "target": each.build.target,
                "args": dict(each.build.args),
            },
        }  # fmt: skip
    project = topology.containers[0].project if topology.containers else None
    # `config` leaves out what no service uses, and what only a network_mode names.
    used = {endpoint.network for each in topology.containers if not each.network_mode for endpoint in each.endpoints}
    tops = {
        network.name: (network.external, network.driver, network.internal)
        for network in topology.networks
        if network.id in used
    }
    return {"project": project, "services": found, "networks": tops}


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """``services.app.ports: [...] is not [...]``"""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            line
            for key in sorted({*ours, *theirs}, key=str)
            for line in differences(ours.get(key), theirs.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [] if ours == theirs else [f"{path}: we say {ours!r}, compose says {theirs!r}"]


def _mode(container: Container, by_id: Mapping[str, Container]) -> str | None:
    kind, _, rest = (container.network_mode or "").partition(":")
    if kind == "container" and rest in by_id:
        return f"service:{by_id[rest].service}"
    return container.network_mode


def _published(entries: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, str, str]]:
    found = set()
    for entry in entries:
        first, _, last = str(entry.get("published") or "0").partition("-")
        for port in range(int(first), int(last or first) + 1):
            found.add((int(entry["target"]), port, entry.get("host_ip") or "0.0.0.0", entry.get("protocol") or "tcp"))
    return sorted(found)


def _exposed(entries: Sequence[Any]) -> list[tuple[int, str]]:
    found = []
    for entry in entries:
        ports, _, protocol = str(entry).partition("/")
        if not ports:
            continue  # a variable without a value, which we leave out
        first, _, last = ports.partition("-")
        found += [(port, protocol or "tcp") for port in range(int(first), int(last or first) + 1)]
    return found


def _link(text: str) -> tuple[str, str]:
    service, _, alias = text.partition(":")
    return service, (alias or service).lower()


def _listed(value: Any) -> Sequence[Any]:
    return [value] if isinstance(value, str) else value or []


def _relative(path: str, folder: Path) -> str:
    return path if "://" in path else os.path.relpath((folder / path).resolve(), folder.resolve())


def _dockerfile(container: Container, folder: Path) -> str:
    build = container.build
    assert build is not None
    if build.dockerfile is None or "://" in build.context:
        return build.dockerfile or "Dockerfile"
    return os.path.relpath(folder / build.dockerfile, folder / build.context)


def _plain(value: Any) -> Any:
    """``config`` writes every dollar sign twice."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return value
