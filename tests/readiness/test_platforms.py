"""Who deploys here is told by the containers' labels."""

from __future__ import annotations

import pytest

from .conftest import lines_of, without_engine


def test_without_a_topology_there_is_nothing_to_say():
    assert lines_of("platforms", without_engine()) == {}


@pytest.mark.docker
def test_platforms_are_told_apart_and_counted(here, lab):
    lab.container(labels={"coolify.managed": "true", "coolify.applicationId": "1", "coolify.type": "application"})
    lab.container()
    said = lines_of("platforms", here())["platform"].said
    assert "Coolify (" in said
    assert "docker run (" in said
