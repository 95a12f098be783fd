"""A Kubernetes manifest of two Jobs: the coordinator, and an indexed one whose index is the worker's number."""

from __future__ import annotations

from typing import Any

from netdoctor.migration.emit.interface import INSIDE, Fleet

_HEAD = """\
# One migration, {workers} workers and a coordinator. The claim {volume!r} (ReadWriteMany, where the pods are on several
# nodes) holds the export and the plan. A worker that dies is started again and goes on where it was.
#   begin:           kubectl apply -f FILE
#   follow:          kubectl logs -f job/{name}-coordinator
#   the end of it:   kubectl wait --for=condition=complete --timeout=-1s job/{name}-coordinator
"""
_KEYS = "/run/secrets/netdoctor"


def k8s_job(fleet: Fleet) -> str:
    """The manifest as YAML. ``volume`` is a PersistentVolumeClaim, ``key`` a Secret whose entry ``api-key`` it is."""
    import yaml

    key_file = f"{_KEYS}/api-key"
    # A first worker is number 1, and Kubernetes counts from 0: netdoctor adds one to what it finds in the variable.
    workers = fleet.arguments("--shard", f"index/{fleet.workers}", key_file=key_file)
    indexed = {"completionMode": "Indexed", "completions": fleet.workers, "parallelism": fleet.workers}
    jobs = [
        _job(fleet, "coordinator", {}, fleet.coordinator(key_file)),
        _job(fleet, "workers", indexed, workers),
    ]
    text: str = yaml.safe_dump_all(jobs, sort_keys=False, explicit_start=True)
    return _HEAD.format(workers=fleet.workers, volume=fleet.volume, name=fleet.name) + text


def _job(fleet: Fleet, name: str, more: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "netdoctor", "app.kubernetes.io/instance": fleet.name}
    volumes: list[dict[str, Any]] = [{"name": "migration", "persistentVolumeClaim": {"claimName": fleet.volume}}]
    mounts: list[dict[str, Any]] = [{"name": "migration", "mountPath": str(INSIDE)}]
    if fleet.key:
        volumes.append({"name": "key", "secret": {"secretName": fleet.key}})
        mounts.append({"name": "key", "mountPath": _KEYS, "readOnly": True})
    container = {
        "name": "netdoctor",
        "image": fleet.image,
        "args": arguments,
        "volumeMounts": mounts,
        "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{fleet.name}-{name}", "labels": labels},
        "spec": {
            **more,
            "backoffLimit": 20,
            "template": {
                "metadata": {"labels": labels},
                "spec": {"restartPolicy": "OnFailure", "containers": [container], "volumes": volumes},
            },
        },
    }
