"""Variables that hold addresses: which ones, whom they mean, whether a value is a real one. Pure; values stay inside.

A value may hold a secret, so nothing here gives one out: only host names and words for what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netdoctor.model import Case, Container, Topology
from netdoctor.rules._placing import caller

_ADDRESS = re.compile(
    r"(?:^|_|^PG|^MYSQL|^REDIS|^MONGO)(?:URL|URI|HOST|HOSTNAME|ADDR|ADDRESS|ENDPOINT|SERVER|DSN|BROKER)S?$",
    re.IGNORECASE,
)
_SUFFIX = re.compile(
    r"(?:(?:^|_|(?<=^PG)|(?<=^MYSQL)|(?<=^REDIS)|(?<=^MONGO))"
    r"(?:URL|URI|HOST|HOSTNAME|ADDR|ADDRESS|ENDPOINT|SERVER|DSN|BASE|HTTP|REST|INTERNAL)S?)+$",
    re.IGNORECASE,
)
_BINDS = frozenset({"HOST", "HOSTNAME", "ADDR", "ADDRESS", "SERVER", "BIND_HOST", "LISTEN_ADDR", "LISTEN_ADDRESS"})
"""By these a program usually says where itself listens."""

_DATABASES = ("postgres", "pgvector", "postgis", "timescale", "mysql", "mariadb", "mongo", "cockroach", "mssql")
_BROKERS = ("rabbitmq", "redis", "valkey", "nats", "kafka")
_SEARCH = ("elasticsearch", "opensearch", "meilisearch", "typesense")
_FAMILIES = {
    "database": _DATABASES, "db": _DATABASES, "sql": _DATABASES,
    "postgres": _DATABASES[:4], "postgresql": _DATABASES[:4], "pg": _DATABASES[:4], "mysql": ("mysql", "mariadb"),
    "mongodb": ("mongo",), "cache": ("redis", "valkey", "memcached", "dragonfly"), "redis": ("valkey", "dragonfly"),
    "broker": _BROKERS, "queue": _BROKERS, "celery": _BROKERS, "amqp": ("rabbitmq",),
    "vector": ("qdrant", "weaviate", "chroma", "milvus", "pgvector"), "search": _SEARCH, "elastic": _SEARCH,
}  # fmt: skip
"""What people call the kinds of things, and the images that are such."""
_PLAIN_WORDS = frozenset({"app", "web", "the", "new", "prod", "dev", "test", "main", "server", "service", "my"})
"""Parts of container names that say nothing about whom a variable means."""


def addresses_of(container: Container) -> Iterator[tuple[str, str]]:
    """Variables whose name says that they hold an address somebody dials, with their values."""
    for name, value in container.environment or ():
        if is_address(name):
            yield name, value


def is_address(variable: str) -> bool:
    """By its name."""
    return _ADDRESS.search(variable) is not None and variable.upper() not in _BINDS


def stem_words(variable: str) -> tuple[str, ...]:
    """``VECTOR_STORE_URL``: vector, store."""
    return tuple(word for word in _SUFFIX.sub("", variable).lower().split("_") if word)


def speaks_of(variable: str, container: Container) -> bool:
    """Whether the variable's name means that container: its service, its name, an alias, its image or its kind."""
    stem = stem_words(variable) or tuple(variable.lower().split("_"))[:1]
    for name in _called(container):
        words = tuple(re.split(r"[-_.]+", name.lower()))
        if _holds(stem, words) or (len(words) > 1 and "".join(words) in stem):
            return True
    # The project's name says nothing about one of its services.
    own = container.name.lower().removeprefix((container.project or "").lower())
    parts = {word for word in re.split(r"[-_.\d]+", own) if len(word) > 2} - _PLAIN_WORDS
    image = image_of(container)
    family = any(kind in image for word in stem for kind in _FAMILIES.get(word, ()))
    return family or bool(parts & set(stem))


def named_by(container: Container, target: Container, *, but: str = "") -> bool:
    """Whether some variable of ``container`` (other than ``but``) has the target's name or address as a word."""
    return any(name != but and mentions(value, target) for name, value in container.environment or ())


def mentions(value: str, target: Container) -> bool:
    """Whether one of the target's names or addresses stands in the text as a word."""
    words = {*(name.lower() for name in _called(target) if name != image_of(target)), target.short_id}
    words |= {name for each in target.endpoints for name in (*each.names, *each.addresses)}
    listed = "|".join(re.escape(each) for each in sorted(words))
    return re.search(rf"(?<![\w.-])(?:{listed})(?![\w-])", value.lower()) is not None


def is_a_container(topology: Topology, host: str) -> bool:
    """Somebody really has that name."""
    wanted = host.lower()
    return bool(wanted) and any(
        wanted in (each.name.lower(), (each.service or "").lower()) or any(wanted in e.names for e in each.endpoints)
        for each in topology.containers
    )


def about_edge(case: Case) -> tuple[Container, Container | None, str] | None:
    """The caller, the target where it is a container, and the name that is used; None for the way back."""
    asked = caller(case)
    return None if asked is None else (asked[1], case.target, asked[0].name or asked[0].target.id)


def image_of(container: Container) -> str:
    """``postgres`` for ``docker.io/library/postgres:16``."""
    return container.image.rpartition("/")[2].partition("@")[0].partition(":")[0].lower()


def _called(container: Container) -> tuple[str, ...]:
    aliases = [alias for endpoint in container.endpoints for alias in endpoint.aliases]
    given = (container.service or "", container.name, image_of(container), *aliases)
    return tuple(dict.fromkeys(name for name in given if name))


def _holds(words: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return any(words[start : start + len(part)] == part for start in range(len(words) - len(part) + 1))
