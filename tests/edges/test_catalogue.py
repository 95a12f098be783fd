"""Well-known images are recognised by the last part of their repository, tags and registries aside."""

from __future__ import annotations

import pytest

from netdoctor.edges.catalogue import SCHEME_PORTS, SERVICES, protocol_meant, protocol_of, services_of


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


@pytest.mark.parametrize(
    ("image", "protocol"),
    [
        ("bitnami/postgresql:16", "postgres"),
        ("postgis/postgis:16-3.4", "postgres"),
        ("supabase/postgres:15.1", "postgres"),
        ("edoburu/pgbouncer", "postgres"),
        ("cockroachdb/cockroach:v24.1.0", "postgres"),
        ("percona:8", "mysql"),
        ("bitnami/mongodb:7", "mongo"),
        ("redis/redis-stack-server:7.4", "redis"),
        ("docker.dragonflydb.io/dragonflydb/dragonfly", "redis"),
    ],
)
def test_who_speaks_another_servers_protocol_is_asked_in_it(image, protocol):
    assert services_of(image)[0].protocol == protocol


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


@pytest.mark.parametrize(
    ("image", "port"),
    [("apache/kafka:4.0.0", 9092), ("bitnami/kafka", 9092), ("confluentinc/cp-kafka:7.6.0", 29092),
     ("docker.redpanda.com/redpandadata/redpanda:v24.1", 19092)],
)  # fmt: skip
def test_brokers_are_known_on_their_usual_ports(image, port):
    found = services_of(image)
    assert found[0].port == 9092
    assert [each.protocol for each in found if each.port == port] == ["kafka"]


def test_a_sentinel_speaks_redis():
    assert services_of("bitnami/redis-sentinel")[0].port == 26379
    assert {each.protocol for each in services_of("redis:7")} == {"redis"}
    assert services_of("redis:7")[0].port == 6379


@pytest.mark.parametrize(
    ("variable", "protocol"),
    [
        ("KAFKA_BROKERS", "kafka"),
        ("KAFKA_HOSTS", "kafka"),
        ("SPRING_KAFKA_BOOTSTRAP_SERVERS", "kafka"),
        ("CONNECT_BOOTSTRAP_SERVERS", "kafka"),
        ("KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS", "kafka"),
        ("SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS", "kafka"),
        ("KAFKA_REST_HOST", "tcp"),
        ("KAFKA_UI_URL", "tcp"),
        ("KAFKA_ZOOKEEPER_CONNECT", "tcp"),
        ("REDIS_HOST", "tcp"),
        ("BROKERS", "tcp"),
    ],
)
def test_a_list_of_brokers_has_no_scheme_and_is_known_by_its_name(variable, protocol):
    assert protocol_meant(variable, 9092) == protocol
    assert protocol_meant(variable, None) == "tcp"


@pytest.mark.parametrize(("scheme", "protocol"), [("PLAINTEXT", "kafka"), ("kafka", "kafka"), ("kafka+ssl", "tcp")])
def test_kafkas_own_schemes(scheme, protocol):
    assert protocol_of(scheme) == protocol
