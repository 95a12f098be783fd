"""Well-known images are recognised by the last part of their repository, tags and registries aside."""

from __future__ import annotations

import pytest

from netdoctor.edges.catalogue import SCHEME_PORTS, SERVICES, protocol_of, services_of


@pytest.mark.parametrize(
    "image",
    [
        "qdrant",
        "qdrant/qdrant",
        "qdrant/qdrant:v1.16.1",
        "localhost:5000/lab/qdrant:1",
        "d.io/qdrant/qdrant@sha256:ab",
    ],
)
def test_an_image_is_known_under_every_spelling(image):
    assert [(each.port, each.protocol) for each in services_of(image)] == [(6333, "http"), (6334, "grpc")]


@pytest.mark.parametrize("image", ["", "my-qdrant-backup", "sha256:0123", "qdrant/other"])
def test_others_are_not(image):
    assert services_of(image) == ()


def test_ports_are_ports_and_paths_are_paths():
    for services in SERVICES.values():
        assert services
        for each in services:
            assert 0 < each.port < 65536
            assert each.path is None or (each.path.startswith("/") and each.protocol == "http")


def test_every_scheme_with_a_port_has_a_protocol():
    assert protocol_of("WSS") == "https"
    assert protocol_of("postgresql") == "postgres"
    assert protocol_of("gopher") == "tcp"
    assert all(protocol_of(scheme) != "tcp" for scheme in SCHEME_PORTS)
