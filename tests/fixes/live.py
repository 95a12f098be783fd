"""The incident on a real engine, and netdoctor as its user types it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from netdoctor.cli.main import run

PORT = 8080
SERVE = ["httpd", "-f", "-p", str(PORT), "-h", "/etc"]
LOOPBACK = ["httpd", "-f", "-p", f"127.0.0.1:{PORT}", "-h", "/etc"]


@dataclass(frozen=True)
class Incident:
    lab: Any
    shared: Any
    own: Any
    app: Any
    qdrant: Any

    @property
    def names(self) -> tuple[str, str]:
        return self.app.name, f"{self.qdrant.name}:{PORT}/hosts"

    def networks(self, one: Any) -> set[str]:
        attached = self.lab.api.inspect_container(one.id)["NetworkSettings"]["Networks"]
        return {each["NetworkID"] for each in attached.values()}

    def red(self) -> bool:
        return self.networks(self.qdrant) == {self.own.id} and self.networks(self.app) == {self.shared.id}

    def green(self) -> bool:
        return self.networks(self.qdrant) == {self.own.id, self.shared.id}


def incident(lab: Any, command: list[str] | None = None, labels: dict[str, str] | None = None) -> Incident:
    """App on a network that several share, qdrant alone on its own; nothing between them.

    ``labels``: of a Compose project, in which both are services of their own names.
    """

    def labelled(service: str) -> dict[str, str] | None:
        return {**labels, "com.docker.compose.service": service} if labels is not None else None

    shared, own = lab.network("shared"), lab.network("zz-own")
    lab.container(networks=[shared], word="bystander")
    app = lab.container(networks=[shared], word="app", labels=labelled("app"))
    qdrant = lab.container(networks=[own], word="qdrant", command=command or SERVE, labels=labelled("qdrant"))
    lab.wait_for_listener(qdrant, PORT)
    return Incident(lab, shared, own, app, qdrant)


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Typed:
    """``netdoctor ...`` in this process, its journal in a folder of the test's."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        self._capsys.readouterr()
        status = int(run(list(words)))
        out, err = self._capsys.readouterr()
        return Said(status, out, err)
