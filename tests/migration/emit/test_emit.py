"""The files for Swarm and Kubernetes say what was asked, quoted, and are valid where a schema is published."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from netdoctor.errors import UsageError
from netdoctor.migration.batches import Limits
from netdoctor.migration.emit.interface import Fleet, fleet_of
from netdoctor.migration.emit.k8s_job import k8s_job
from netdoctor.migration.emit.swarm_job import swarm_job
from netdoctor.migration.plan import Plan
from netdoctor.migration.planfile import PlanFile
from netdoctor.migration.points import Layout

FILE = PlanFile(Path("plan.json"), Plan(5, (), Layout(), "", ""), Limits(), "0123456789abcdef" * 2)


def fleet(**how: Any) -> Fleet:
    given = {"workers": 4, "image": "me/netdoctor:1", "volume": "/srv/mig", "export": "e.json", "to": "http://q:6333"}
    return fleet_of(FILE, **{**given, **how})


def test_the_swarm_script_is_two_jobs_and_every_word_is_quoted(tmp_path: Path) -> None:
    odd = "it's $(touch x) `no`.json"
    text = swarm_job(fleet(export=odd, network="app net", key="qdrant-key", extra=("--index", "a b=keyword")))
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
    calls = tmp_path / "docker"
    calls.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done\necho ---\n')
    calls.chmod(0o755)
    done = subprocess.run(
        ["sh"], input=text, text=True, capture_output=True, check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
    )
    coordinator, workers = (call.splitlines() for call in done.stdout.split("---\n")[:2])
    for call in (coordinator, workers):
        assert call[:2] == ["service", "create"]
        assert call[call.index("--mode") + 1] == "replicated-job"
        assert f"/migration/{odd}" in call and "app net" in call and "a b=keyword" in call
        assert call[call.index("--api-key-file") + 1] == "/run/secrets/qdrant-key"
    assert workers[workers.index("--replicas") + 1] == "4"
    assert "NETDOCTOR_SHARD=slot:{{.Task.Slot}}/4" in workers
    assert coordinator[-6:-2] == ["--coordinate", "--workers", "4", "--index"] or "--coordinate" in coordinator
    assert not any(shlex.quote("api-key") in word and "=" in word for word in workers)


def test_the_kubernetes_manifest_is_valid_by_the_published_schema() -> None:
    import kubernetes_validate

    text = k8s_job(fleet(volume="claim", key="qdrant"))
    jobs = list(yaml.safe_load_all(text))
    for job in jobs:
        kubernetes_validate.validate(job, "1.31", strict=True)
    coordinator, workers = jobs
    assert workers["spec"]["completionMode"] == "Indexed"
    assert workers["spec"]["completions"] == workers["spec"]["parallelism"] == 4
    arguments = workers["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[arguments.index("--shard") + 1] == "index/4"
    assert "--coordinate" in coordinator["spec"]["template"]["spec"]["containers"][0]["args"]
    with pytest.raises(Exception, match="completionz"):
        kubernetes_validate.validate({**workers, "spec": {**workers["spec"], "completionz": 1}}, "1.31", strict=True)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"to": "qdrant"}, "only a URL"),
        ({"to": None}, "only a URL"),
        ({"to": "http://localhost:6333"}, "worker's own container"),
        ({"to": "http://u:p@q:6333"}, "credentials"),
        ({"export": "a/b.json"}, "shared folder itself"),
    ],
)
def test_what_would_not_work_in_a_container_is_refused(how: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fleet(**how)


def test_what_docker_would_evaluate_is_refused() -> None:
    with pytest.raises(UsageError, match="template"):
        swarm_job(fleet(export="{{.Node.ID}}.json"))
    with pytest.raises(UsageError, match="comma"):
        swarm_job(fleet(volume="/srv,readonly"))
