"""Stories whose ends' compose files were read: shared by the tests of the rules about files."""

from __future__ import annotations

from typing import Any

from netdoctor.model import Container, Observation, Outcome
from netdoctor.probes.compose_files import ComposeFiles, ComposeFilesEvidence

from .build import Story, container, network, story, topology

FRONT = network("shop_front", project="shop", key="front")
BACK = network("shop_back", project="shop", key="back")


def app(*networks, **fields: Any) -> Container:
    return container("shop-app-1", *networks, service="app", project="shop", **fields)


def store(*networks, **fields: Any) -> Container:
    return container("shop-store-1", *networks, service="store", project="shop", **fields)


def between(source: Container, target: Container, **edge: Any) -> Story:
    return story(topology(FRONT, BACK, source, target), source, target, name="store", port=80, **edge)


def files(told: Story, end: Container, *, brief: bool = False, **evidence: Any) -> Story:
    found = ComposeFilesEvidence(("/srv/compose.yaml",), compared=True, **evidence)
    return told.saw(ComposeFiles(end.ref, brief), Observation(Outcome.CONNECTED, found))
