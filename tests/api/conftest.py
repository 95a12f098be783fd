"""Compose files that the API's tests judge: the incident before any deploy, and its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest

COMPOSE = """\
services:
  app: {image: app, networks: [front, cache], environment: {QDRANT_URL: "http://qdrant:6333"}}
  web: {image: web, networks: [front]}
  qdrant: {image: qdrant/qdrant, networks: [back]}
  redis: {image: redis, networks: [cache]}
  db: {image: postgres, networks: [back], ports: ["5432:5432"]}
  admin: {image: postgres, networks: [back], ports: ["127.0.0.1:5433:5432"]}
networks: {front: {}, back: {}, cache: {}}
"""


@pytest.fixture
def compose(tmp_path: Path) -> Path:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE)
    return file
