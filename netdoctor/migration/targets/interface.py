"""What the loop needs of a target, and the ways a target says no."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from netdoctor.errors import MigrationFailed
from netdoctor.migration.points import Metric, Point

if TYPE_CHECKING:
    from netdoctor.migration.records import Sparse, Vector


_FULL = re.compile(
    r"(?i)limit of \S+ reached|max_(?:resident_memory|disk_usage)_percent|(?:memory|disk) usage .*(?:limit|quota)"
    r"|not found: collection .* exist|shard key not specified"
)


class TargetUnreachable(MigrationFailed):
    """Nothing answers there, or not Qdrant."""


class TargetRefused(MigrationFailed):
    """Qdrant answered, and said no: ``permanent`` requests fail again however often they are sent."""

    def __init__(self, message: str, *, hint: str = "", too_large: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.too_large = too_large


class KeyRefused(TargetRefused):
    """The API key is missing or wrong."""


def strict_mode(text: str) -> bool:
    """Whether a refusal is about a limit of the collection's strict mode: some servers call that forbidden, too."""
    return "limit exceeded" in text.lower() or "help:" in text.lower()


def not_exactly(text: str) -> bool:
    """Whether a refusal is of exactness: the same may be asked of the index."""
    return strict_mode(text) and "exact search" in text.lower()


def splits(text: str) -> bool:
    """Whether a request has more points than a minute's rate allows: whenever it is sent, it is refused as it is."""
    return "split your request" in text.lower()


def full(text: str) -> bool:
    """Whether a refusal is of all further points, whichever they are: the collection is gone, or may hold no more."""
    return _FULL.search(text) is not None


def id_sent(identity: str) -> str | int:
    """A point's id as a request has it: what is no UUID is a number, in collections that others have made."""
    return int(identity) if identity.isascii() and identity.isdigit() else identity


class Transient(Exception):
    """Worth another try: the server is busy, restarting, or the connection broke. ``after``: its own wish, seconds."""

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


@dataclass(frozen=True, slots=True)
class CollectionState:
    """What a collection is. ``dimension`` None: it has no unnamed dense vector (``vectors`` names the others)."""

    name: str
    dimension: int | None
    metric: Metric | None
    points: int
    status: str = "green"
    vectors: tuple[str, ...] = ()
    datatype: str = "float32"
    indexing_threshold: int | None = None
    """In effect, in kilobytes; None where there is no such thing."""
    run: str = ""
    """The mark of the run that created it."""
    sparse: Mapping[str, str] = field(default_factory=dict)
    """Its sparse vectors by name, each with what its scores are multiplied by: ``none`` or ``idf``."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """What strict mode allows, by Qdrant's own names (``upsert_max_batchsize``, ``write_rate_limit``); none: empty."""
    hides: bool = False
    """``prevent_unoptimized``: points that are not indexed yet are not shown."""
    hidden: int = 0
    """So many points are not shown yet."""
    odd: str = ""
    """What no record can be written into, in words that go after its name: its shards have keys, it keeps several
    vectors for a point."""


CUSTOM_SHARDS = "has shards with keys of their own (custom sharding), and a migration has no key to write to"
SEVERAL = "keeps several vectors for each point (a multivector), and a migration writes one"
"""How a collection may be odd."""
RUN_MARK = "netdoctor_run"
"""The key in a collection's own metadata under which the run that created it leaves its id."""


@dataclass(frozen=True, slots=True)
class Making:
    """How a collection is created; None: as the server does it. ``quantization``: ``scalar`` or ``binary``.

    ``sparse``: the name of a sparse vector that it has beside the dense one; ``datatype``: ``float16`` or ``uint8``.
    """

    run: str = ""
    on_disk: bool | None = None
    on_disk_payload: bool | None = None
    shards: int | None = None
    replicas: int | None = None
    quantization: str | None = None
    sparse: str | None = None
    datatype: str | None = None


AS_USUAL = Making()
KINDS = ("keyword", "integer", "float", "bool", "datetime", "text", "uuid", "geo")
"""Of payload indexes."""


@dataclass(frozen=True, slots=True)
class Hit:
    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Query:
    """Nearest to ``vector``. ``only``: exact, and only that point; ``tenant``: only points with that field's value.

    ``exact``: by comparing with every point. ``sparse``: nearest to that one instead, among the sparse vectors of the
    name ``using``. ``roughly``: without a word of exactness, where a server forbids it.
    """

    vector: Vector
    only: str | None = None
    tenant: tuple[str, str] | None = None
    sparse: Sparse | None = None
    using: str = ""
    exact: bool = False
    roughly: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A point as read back: ``entries`` are its payload's (``wire.payload_entries``), ``vector`` float32 bytes.

    ``sparse``: all its named vectors (``wire.named_bytes``), usually none.
    """

    id: str
    entries: Sequence[bytes]
    vector: bytes
    sparse: bytes = b""


@dataclass(frozen=True, slots=True)
class Page:
    """Points in the order of their ids; ``following`` is where the next page starts, None at the end."""

    points: Sequence[Stored]
    following: str | int | None


class Target(Protocol):
    """Thread-safe for encode, upsert and the reading calls. Calls raise Transient, TargetRefused, KeyRefused."""

    @property
    def transport(self) -> str:
        """``gRPC``, ``REST`` or ``folder``."""

    @property
    def address(self) -> str:
        """The URL or folder in use, without credentials."""

    def health(self) -> str:
        """Asks whether it is Qdrant and healthy, and whether the key is accepted; its version, or "" if not told."""

    def collection(self, name: str) -> CollectionState | None:
        """None when there is no such collection."""

    def create(self, name: str, dimension: int, metric: Metric, making: Making = AS_USUAL) -> None:
        """Create it; existing already is TargetRefused. ``dimension`` 0: without a dense vector."""

    def index(self, name: str, field: str, kind: str, *, tenant: bool = False) -> None:
        """Index payload ``field`` as ``kind`` (keyword, integer, ...); ``tenant``: as the key of the tenants."""

    def set_indexing_threshold(self, name: str, kilobytes: int) -> None:
        """How large a segment grows before it is indexed."""

    def delete(self, name: str, ids: Sequence[str]) -> None:
        """Delete points, and wait until it is done."""

    def snapshot(self, name: str) -> str:
        """Make the server keep a snapshot of the collection; its name. TargetRefused where there are none."""

    def drop(self, name: str) -> None:
        """Delete the whole collection."""

    def encode(self, point: Point, entries: Sequence[bytes] | None = None) -> bytes:
        """The point as this transport writes it; ``entries``: its payload's, where they are made already."""

    def encode_all(self, points: Sequence[Point], entries: Sequence[Sequence[bytes]]) -> list[bytes]:
        """The same of many, with the entries of each."""

    def upsert(self, name: str, points: Sequence[bytes], *, insert_only: bool = False) -> None:
        """Write encoded points and wait until they are applied.

        ``insert_only``: those that are there stay as they are, where the server can do that; older ones replace them.
        """

    def count(self, name: str) -> int:
        """Exact."""

    def retrieve(self, name: str, ids: Sequence[str]) -> Mapping[str, Point]:
        """The points among ``ids`` that are there, by id."""

    def scroll(self, name: str, limit: int, start: str | int | None = None) -> Page:
        """At most ``limit`` points with payload and vector, from the id ``start`` on (it need not exist)."""

    def search(self, name: str, queries: Sequence[Query], limit: int) -> Sequence[Sequence[Hit]]:
        """For each query the nearest points, best first, in one request."""

    def close(self) -> None:
        """Never raises."""
