"""A shell script of two Swarm services in job mode: the coordinator, and N workers numbered by their slot.

A script, because Compose files cannot say "job" to every engine that knows jobs; ``docker service create`` can.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from netdoctor.errors import UsageError
from netdoctor.migration.emit.interface import INSIDE, Fleet

_HEAD = """\
#!/bin/sh
# One migration, {workers} workers and a coordinator, as jobs of a Docker Swarm (engine 20.10 or newer).
# Every node that may run them needs the image, and the shared folder with the export and the plan at the same place.
# A worker that dies is started again and goes on where it was.
#   follow:          docker service logs -f {name}-coordinator
#   the end of it:   docker service ps --no-trunc {name}-coordinator    (Complete: every vector is there, verified)
#   afterwards:      docker service rm {name}-coordinator {name}-workers
set -eu
"""


def swarm_job(fleet: Fleet) -> str:
    """The script. Every value is quoted for the shell, and those that Docker reads as templates are refused.

    Raises UsageError for a value that ``docker service create`` cannot hold.
    """
    for text in (fleet.volume, fleet.export, fleet.plan, fleet.to, *fleet.extra):
        if "{{" in text:
            raise UsageError(f"{text!r} would be read as a template by Docker.")
    if any(sign in fleet.volume for sign in ',"\n'):
        raise UsageError(f"--volume {fleet.volume!r} has a comma, quote or line break, which --mount cannot take.")
    head = _HEAD.format(workers=fleet.workers, name=fleet.name)
    key_file = f"/run/secrets/{fleet.key}" if fleet.key else ""
    workers = fleet.arguments(key_file=key_file)
    slot = f"NETDOCTOR_SHARD=slot:{{{{.Task.Slot}}}}/{fleet.workers}"
    return "\n".join(
        [
            head + _service(fleet, "coordinator", 1, [], fleet.coordinator(key_file)),
            _service(fleet, "workers", fleet.workers, ["--env", slot], workers),
        ]
    )


def _service(fleet: Fleet, name: str, replicas: int, options: Sequence[str], arguments: Sequence[str]) -> str:
    """One ``docker service create``, an option a line."""
    kind = "bind" if fleet.volume.startswith("/") else "volume"
    pieces = [
        ["docker", "service", "create", "--detach", "--no-resolve-image"],
        ["--name", f"{fleet.name}-{name}", "--label", f"netdoctor.run={fleet.run}"],
        ["--mode", "replicated-job", "--replicas", str(replicas)],
        ["--restart-condition", "on-failure", "--restart-delay", "2s", "--restart-max-attempts", "20"],
        ["--mount", f"type={kind},source={fleet.volume},target={INSIDE}"],
        *([["--network", fleet.network]] if fleet.network else []),
        *([["--secret", fleet.key]] if fleet.key else []),
        *([list(options)] if options else []),
        [fleet.image, *arguments],
    ]
    return " \\\n    ".join(shlex.join(piece) for piece in pieces) + "\n"
