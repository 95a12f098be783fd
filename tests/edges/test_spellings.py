"""Every way in which drivers and people write where a server is; passwords never come along."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.edges.spellings import addresses_in

SECRET = "hunter2Sup3rSecret"


def found(variable, value, **others):
    return [(a.host, a.port) for a in addresses_in(variable, value, others.get)]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("DATABASE_URL", f"postgresql+psycopg://u:{SECRET}@db:5433/x", [("db", 5433)]),
        ("DATABASE_URL", f"postgresql+asyncpg://u:{SECRET}@db/x?ssl=1", [("db", 5432)]),
        ("DATABASE_URL", f"postgres://u:{SECRET}/with/slashes@db:5432/x", [("db", 5432)]),
        ("DATABASE_URL", f"postgres://u:p@{SECRET}@db:5432/x", [("db", 5432)]),
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://db:5432/shop?user=a", [("db", 5432)]),
        ("JDBC_URL", "jdbc:sqlserver://mssql:1433;databaseName=x;password=" + SECRET, [("mssql", 1433)]),
        ("JDBC_URL", "jdbc:mysql://a:3306,b:3307/x", [("a", 3306), ("b", 3307)]),
        ("MONGO_URI", f"mongodb://u:{SECRET}@m1:1,m2:2,m3/x?replicaSet=r", [("m1", 1), ("m2", 2), ("m3", 27017)]),
        ("KAFKA_BROKERS", "k1:9092,k2:9093", [("k1", 9092), ("k2", 9093)]),
        ("KAFKA", "k1:9092, k2:9093", [("k1", 9092), ("k2", 9093)]),
        ("KAFKA", "k1:9092,latest", []),
        ("KAFKA_BROKERS", "PLAINTEXT://k1:9092,SSL://k2:9093", [("k1", 9092), ("k2", 9093)]),
        ("SPRING_KAFKA_BOOTSTRAP_SERVERS", "k1:9092, k2:9092", [("k1", 9092), ("k2", 9092)]),
        ("KAFKA_CFG_CONTROLLER_QUORUM_VOTERS", "0@k0:9093,1@k1:9093", [("k0", 9093), ("k1", 9093)]),
        ("ELASTICSEARCH_HOSTS", "es1:9200 es2:9200", [("es1", 9200), ("es2", 9200)]),
        ("ELASTICSEARCH_HOSTS", '["http://es1:9200","http://es2:9200"]', [("es1", 9200), ("es2", 9200)]),
        ("PG_DSN", f"host=db port=5433 user=u password={SECRET} dbname=x", [("db", 5433)]),
        ("PG_DSN", "host=a,b port=1111,2222 dbname=x", [("a", 1111), ("b", 2222)]),
        ("PG_DSN", "host='db' dbname=x", [("db", None)]),
        ("MYSQL_DSN", f"user:{SECRET}@tcp(db:3306)/shop?parseTime=true", [("db", 3306)]),
        ("MYSQL_DSN", f"user:p(a)s@s@{SECRET}@tcp(db)/shop", [("db", 3306)]),
        ("CONNECTION_STRING", f"Server=tcp:db,1433;Database=x;User Id=sa;Password={SECRET};", [("db", 1433)]),
        ("CONNECTION_STRING", f"Host=db;Port=5433;Username=u;Password={SECRET}", [("db", 5433)]),
        ("PDO", "mysql:host=db;port=3307;dbname=x", [("db", 3307)]),
        ("PDO", "pgsql:host=db;dbname=x", [("db", 5432)]),
        ("QDRANT", "qdrant:6333", [("qdrant", 6333)]),
        ("QDRANT_URL", "qdrant:6333", [("qdrant", 6333)]),
        ("API_URL", "api", [("api", None)]),
        ("REDIS_ADDR", "redis:6379", [("redis", 6379)]),
        ("API_URL", "http://api:8080#top", [("api", 8080)]),
        ("APP", "http://app:3000/#/login", [("app", 3000)]),
        ("REDIS_URL", f"redis://:{SECRET}#x@cache:6380/0", [("cache", 6380)]),
        ("QDRANT_URL", "http://qdrant.:6333", [("qdrant.", 6333)]),
        ("DB_HOST", "db.", [("db.", None)]),
        ("QDRANT_URL", f"http://u:{SECRET}@[fd00::2]:6333/x", [("fd00::2", 6333)]),
        ("QDRANT_HOST", "fd00::2", [("fd00::2", None)]),
        ("QDRANT_HOST", "[fd00::2]:6333", [("fd00::2", 6333)]),
        ("BROKER_URL", "amqp://user:p%40ss@mq:5672/%2f", [("mq", 5672)]),
        ("BROKER_URL", f"amqp://u:{SECRET}@m1:5672,m2:5673/%2f", [("m1", 5672), ("m2", 5673)]),
        ("REDIS_URL", "redis-sentinel://s1:26379,s2:26380/mymaster", [("s1", 26379), ("s2", 26380)]),
        ("REDIS_URL", "redis-sentinel://s1/mymaster", [("s1", 26379)]),
        ("REDIS_URL", "redis+sentinel://s1,s2/mymaster", [("s1", 26379), ("s2", 26379)]),
        ("SENTINELS", "s1:26379;s2:26379", [("s1", 26379), ("s2", 26379)]),
        ("bootstrap.servers", "k1:9092,k2:9092", [("k1", 9092), ("k2", 9092)]),
        ("spring.datasource.url", "jdbc:postgresql://db:5432/shop", [("db", 5432)]),
        ("SPRING_APPLICATION_JSON", '{"spring":{"datasource":{"url":"jdbc:postgresql://db:5432/x"}}}', [("db", 5432)]),
        ("JDBC_URL", f"jdbc:oracle:thin:u/{SECRET}@//db:1521/x", [("db", 1521)]),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@/x?host=db&port=5433", [("db", 5433)]),
        ("DATABASE_URL", "postgresql:///x?host=/var/run/postgresql", []),
        ("ZOOKEEPER", "z1:2181,z2:2181/kafka", [("z1", 2181), ("z2", 2181)]),
        ("KAFKA_ZOOKEEPER_CONNECT", "zk:2181/kafka", [("zk", 2181)]),
        ("HOSTS", "[http://es1:9200]", [("es1", 9200)]),
        ("HOSTS", "(see http://es1:9200/)", [("es1", 9200)]),
        ("POSTGRES_PORT_5432_TCP_ADDR", "db", [("db", 5432)]),
        ("DB_PORT", "tcp://172.17.0.2:5432", [("172.17.0.2", 5432)]),
    ],
)  # fmt: skip
def test_a_spelling_is_understood(variable, value, expected):
    assert found(variable, value) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REDIS_IMAGE", "redis:6379"),
        ("BASE", "redis:7"),
        ("TIME", "12:30"),
        ("DB_HOST", "two words"),
        ("PATH", "/usr/bin:/bin"),
        ("OPTIONS", "host=db"),
        ("GREETING", "hello, port=1"),
        ("COLOR", "red"),
        ("EMPTY_HOST", ""),
        ("RABBITMQ_DEFAULT_VHOST", "orders"),
        ("RABBITMQ_VHOST", "orders:80"),
        ("ALLOWED_HOSTS", "api,web"),
        ("CORS_ORIGINS", "http://web:3000"),
        ("CSRF_TRUSTED_ORIGINS", "http://web:3000"),
        ("NO_PROXY", "db:5432,cache:6379"),
        ("VIRTUAL_HOST", "web"),
        ("KAFKA_LISTENERS", "PLAINTEXT://kafka:9092"),
        ("BIND_ADDRESS", "api:80"),
        ("WEB_SERVER", "nginx"),
        ("APP_SERVER", "gunicorn"),
        ("NODE", "api"),
        ("USERS", "admin:1000,web:1001"),
        ("UID_GID", "app:1000"),
        ("RATE_LIMITS", "api:100,web:200"),
        ("BASIC_AUTH", "admin:8080"),
        ("NPM_SCRIPT", "test:80"),
        ("APP", "registry:5000/app"),
    ],
)
def test_what_is_no_address_is_left_alone(variable, value):
    assert found(variable, value) == []


def test_host_and_port_apart_belong_together_by_their_stem():
    assert found("DB_HOST", "db", DB_PORT="5433", PORT="1") == [("db", 5433)]
    assert found("PGHOST", "db", PGPORT="5434") == [("db", 5434)]
    assert found("DB_HOST", "db:1234", DB_PORT="5433") == [("db", 1234)]
    assert found("HOST", "db", _PORT="1", PORT="2") == [("db", None)]
    assert found("spring.redis.host", "cache", **{"spring.redis.port": "6380"}) == [("cache", 6380)]
    assert found("dbHost", "db", dbPort="5433") == [("db", 5433)]
    assert found("DATABASE_HOST", "db", DATABASE_PORT_NUMBER="5433") == [("db", 5433)]
    assert found("DB_HOST", "db", DB_PORT="tcp://10.0.0.4:5433") == [("db", 5433)]
    assert found("WEB_SERVER", "web", WEB_PORT="8080") == [("web", 8080)]


@given(st.text(max_size=20), st.text(max_size=80))
def test_any_value_can_be_read(variable, value):
    for address in addresses_in(variable, value, {}.get):
        assert address.host
        assert "@" not in address.host


def test_a_whole_file_in_a_variable_costs_nothing():
    """Minutes of backtracking once; here it would never end."""
    assert list(addresses_in("CONFIG", "a" * 2_000_000, lambda name: None)) == []
    assert list(addresses_in("CONFIG", "a_ " * 700_000 + "=", lambda name: None)) == []


@pytest.mark.parametrize("piece", ["x", "a ", "a.", "A_", "a=b;", " ", "1", "://", "user:", "a:1,"])
def test_a_huge_value_is_read_in_a_moment(piece):
    """A certificate or a blob in the environment: the time must not grow with the square of its length."""
    before = time.process_time()
    for _ in addresses_in("BLOB_HOST", piece * (200_000 // len(piece)), {}.get):
        pass
    assert time.process_time() - before < 5


@pytest.mark.parametrize("piece", ["ALLOWED_\n", "_HOST", "a", "HOST_", "_", "LISTEN."])
def test_a_huge_name_is_read_in_a_moment(piece):
    before = time.process_time()
    for size in (3_000, 300_000):
        for _ in addresses_in(piece * (size // len(piece)), "db:5432", {}.get):
            pass
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    "piece", ["${a:-", "$(", "-Da=", "oracle:thin:", "@(", "(HOST=", "x?host=", "http://[", "http://("]
)
def test_a_value_of_openings_is_read_in_a_moment(piece):
    before = time.process_time()
    for head in ("", "postgres:///", "jdbc:oracle:thin:@"):
        for _ in addresses_in("DB_URL", head + piece * (4_000 // len(piece)), {}.get):
            pass
    assert time.process_time() - before < 5


def test_a_scheme_in_a_host_field_keeps_the_port_beside_it():
    look = {"DB_HOST": "http://db", "DB_PORT": "8080"}.get
    assert [each.port for each in addresses_in("DB_HOST", "http://db", look)] == [8080]
    assert [each.port for each in addresses_in("DB_HOST", "http://db:9000", look)] == [9000]
