"""One stand-in server for the whole room; every test uses collections of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from .lab import Server, server

# The first example of a test may pay for an import; time is not what these tests are about.
settings.register_profile("migration", deadline=None)
settings.load_profile("migration")


@pytest.fixture(scope="session")
def qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("qdrant")) as running:
        yield running


@pytest.fixture
def own() -> str:
    """A name that no other test uses."""
    return f"mig{uuid.uuid4().hex[:12]}"
