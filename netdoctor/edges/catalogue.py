"""What well-known images listen on: only used when neither the argument nor the caller's environment says it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """``path`` is one that answers without credentials."""

    port: int
    protocol: str
    path: str | None = None


_KAFKA = (Service(9092, "kafka"), Service(29092, "kafka"), Service(19092, "kafka"), Service(9094, "kafka"))
_SENTINEL = (Service(26379, "redis"),)
_POSTGRES, _MYSQL, _MONGO = (Service(5432, "postgres"),), (Service(3306, "mysql"),), (Service(27017, "mongo"),)
_REDIS = (Service(6379, "redis"),)
_QDRANT = (Service(6333, "http", "/healthz"), Service(6334, "grpc"))

SERVICES: dict[str, tuple[Service, ...]] = {
    "qdrant": _QDRANT,
    "redis": (Service(6379, "redis"), *_SENTINEL),
    "valkey": (Service(6379, "redis"), *_SENTINEL),
    "redis-cluster": (Service(6379, "redis"),),
    "redis-sentinel": _SENTINEL,
    "redis-stack": _REDIS,
    "redis-stack-server": _REDIS,
    "keydb": _REDIS,
    "dragonfly": _REDIS,
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "postgis": _POSTGRES,
    "pgvector": _POSTGRES,
    "timescaledb": _POSTGRES,
    "timescaledb-ha": _POSTGRES,
    "pgbouncer": (*_POSTGRES, Service(6432, "postgres")),
    "cockroach": (Service(26257, "postgres"),),
    "mysql": _MYSQL,
    "mysql-server": _MYSQL,
    "percona": _MYSQL,
    "mariadb": _MYSQL,
    "mongo": _MONGO,
    "mongodb": _MONGO,
    "mongodb-community-server": _MONGO,
    "percona-server-mongodb": _MONGO,
    "rabbitmq": (Service(5672, "amqp"), Service(15672, "http")),
    "elasticsearch": (Service(9200, "http"),),
    "opensearch": (Service(9200, "http"),),
    "minio": (Service(9000, "http", "/minio/health/live"),),
    "kafka": _KAFKA,
    "kafka-native": _KAFKA,
    "cp-kafka": _KAFKA,
    "cp-server": _KAFKA,
    "confluent-local": _KAFKA,
    "redpanda": (*_KAFKA, Service(9644, "http")),
    "memcached": (Service(11211, "memcached"),),
    "nats": (Service(4222, "nats"),),
    "clickhouse-server": (Service(8123, "http", "/ping"),),
    "meilisearch": (Service(7700, "http", "/health"),),
    "weaviate": (Service(8080, "http", "/v1/.well-known/ready"),),
    "chroma": (Service(8000, "http"),),
    "ollama": (Service(11434, "http", "/"),),
    "nginx": (Service(80, "http"),),
    "httpd": (Service(80, "http"),),
    "traefik": (Service(80, "http"),),
    "caddy": (Service(80, "http"),),
    "grafana": (Service(3000, "http", "/api/health"),),
    "prometheus": (Service(9090, "http", "/-/healthy"),),
}

SCHEME_PORTS: dict[str, int] = {
    "http": 80,
    "https": 443,
    "redis": 6379,
    "rediss": 6379,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "mongodb": 27017,
    "amqp": 5672,
    "amqps": 5671,
    "nats": 4222,
    "kafka": 9092,
    "memcached": 11211,
    "mssql": 1433,
    "sqlserver": 1433,
    "ws": 80,
    "wss": 443,
}

SCHEME_PROTOCOLS: dict[str, str] = {
    "http": "http",
    "https": "https",
    "ws": "http",
    "wss": "https",
    "grpc": "grpc",
    "grpcs": "grpcs",
    "valkey": "redis",
    "postgresql": "postgres",
    "mongodb": "mongo",
    "mariadb": "mysql",
    "plaintext": "kafka",
    "kafka+ssl": "tcp",
}
"""PLAINTEXT:// is how Kafka writes a listener without TLS."""

_BOOTSTRAP = re.compile(r"(?i)(?:^|_)(?:KAFKA(?:STORE)?_(?:HOST|BROKER|SERVER)S?|BOOTSTRAP_?SERVERS?|BROKER_LIST)$")
"""KAFKA_BROKERS, SPRING_KAFKA_BOOTSTRAP_SERVERS, KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS: such lists have no scheme."""


def services_of(image: str) -> tuple[Service, ...]:
    """By the last part of the image's repository; the usual port first."""
    repository = image.rpartition("/")[2].partition("@")[0].partition(":")[0].lower()
    return SERVICES.get(repository, ())


def protocol_of(scheme: str) -> str:
    """The protocol that a URL's scheme means (``postgresql+psycopg`` too); an unknown one is plain ``tcp``."""
    whole = scheme.lower()
    scheme = whole.partition("+")[0]
    for each in (whole, scheme):
        if each in SCHEME_PROTOCOLS:
            return SCHEME_PROTOCOLS[each]
    return scheme if scheme in SCHEME_PORTS else "tcp"


def protocol_meant(variable: str, port: int | None) -> str:
    """What the variable's name alone says of an address without a scheme; ``tcp`` for most."""
    return "kafka" if port is not None and _BOOTSTRAP.search(variable) else "tcp"
