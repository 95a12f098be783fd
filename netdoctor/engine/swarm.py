"""Swarm services: which networks their tasks join, and changing that. Only a manager answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netdoctor.engine.translate import translated
from netdoctor.errors import EngineRefused

if TYPE_CHECKING:
    from netdoctor.engine.client import Engine

JSON = dict[str, Any]

PATIENCE = 60.0
"""Seconds that the new tasks have to run; Swarm starts one after the other."""


_NOT_OURS_TO_ASK = (403, 406, 503)
"""What a worker, an engine without Swarm or a proxy that guards the socket answers."""


def service_networks(engine: Engine, *, whole: bool = False) -> dict[str, tuple[str, ...]]:
    """By the service's id. {} where the engine refuses to say: a worker knows only its own tasks.

    ``whole``: for whoever changes something by it; then a manager that fails to say is an error (EngineRefused).
    """
    try:
        with translated(engine.host, "list the services"):
            listed: list[JSON] = engine.api.services()  # type: ignore[no-untyped-call]
    except EngineRefused as error:
        if whole and getattr(error.__cause__, "status_code", None) not in _NOT_OURS_TO_ASK:
            raise
        return {}
    return {str(entry["ID"]): tuple(_targets(entry.get("Spec") or {})) for entry in listed}


def elsewhere(engine: Engine, name: str) -> tuple[str, tuple[str, ...]] | None:
    """(overlay network, the nodes' addresses) of what runs under that name on other nodes only, by the networks' own
    lists; None where no overlay that this engine takes part in knows it. Nothing there can be inspected from here.

    Raises what the engine's requests raise.
    """
    with translated(engine.host, "list the overlay networks"):
        networks: list[JSON] = engine.api.networks(filters={"driver": "overlay"})
        for network in networks:
            found: JSON = engine.api.inspect_network(network["Id"], verbose=True)
            nodes = read_elsewhere(found, name)
            if nodes:
                return str(network["Name"]), nodes
    return None


def read_elsewhere(network: JSON, name: str) -> tuple[str, ...]:
    """The nodes' addresses out of a network's verbose inspect; () where one of that name runs here, or nowhere."""
    here = {str(each.get("EndpointID") or "") for each in (network.get("Containers") or {}).values()}
    found: dict[str, None] = {}
    if not name:
        return ()
    for service, entry in (network.get("Services") or {}).items():
        for task in entry.get("Tasks") or ():
            if name not in (service, str(task.get("Name") or "")):
                continue
            if str(task.get("EndpointID") or "") in here:
                return ()
            found[str((task.get("Info") or {}).get("Host IP") or "an unknown address")] = None
    return tuple(found)


def set_service_network(
    engine: Engine,
    service: str,
    network: str,
    *,
    joined: bool,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Change the service, and wait until each of its tasks that shall run does so with the new networks."""
    with translated(engine.host, f"update service {service[:12]}"):
        found: JSON = engine.api.inspect_service(service)  # type: ignore[no-untyped-call]
        spec = found["Spec"]
        others = [each for each in _entries(spec) if each.get("Target") != network]
        engine.api.update_service(
            service,
            int(found["Version"]["Index"]),
            networks=[*others, *([{"Target": network}] if joined else [])],
            fetch_current_spec=True,
        )
    deadline = clock() + patience
    while True:
        with translated(engine.host, f"list the tasks of service {service[:12]}"):
            wanted = {"service": service, "desired-state": "running"}
            tasks: list[JSON] = engine.api.tasks(filters=wanted)  # type: ignore[no-untyped-call]
        if all(_settled(task, network, joined) for task in tasks) and (tasks or _wants_none(spec)):
            return
        if clock() >= deadline:
            why = next((said for task in tasks if (said := str((task.get("Status") or {}).get("Err") or ""))), "")
            name = str(spec.get("Name"))
            raise EngineRefused(
                f"The tasks of service {name} do not run after {patience:.0f} s{f': {why}' if why else ''}.",
                hint=f"Look at it with: docker service ps {name}",
            )
        sleep(0.2)


def _settled(task: JSON, network: str, joined: bool) -> bool:
    running = (task.get("Status") or {}).get("State") == "running"
    return running and (network in _targets({"TaskTemplate": task.get("Spec") or {}})) == joined


def _entries(spec: JSON) -> list[JSON]:
    """Old services have them at the top."""
    found: list[JSON] = (spec.get("TaskTemplate") or {}).get("Networks") or spec.get("Networks") or []
    return found


def _targets(spec: JSON) -> list[str]:
    return [str(each.get("Target")) for each in _entries(spec)]


def _wants_none(spec: JSON) -> bool:
    return ((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas") == 0
