"""How a record becomes a point: its id, its collection, its payload, its vector.

The id rule is exact, so that runs and tools meet on the same points: change it, and a second run doubles the data.
``MAPPING_VERSION`` is written into every ledger, and a ledger of another version is refused.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from netdoctor.errors import MigrationFailed, UsageError

if TYPE_CHECKING:
    from netdoctor.migration.records import Record, Sparse, Vector

MAPPING_VERSION = 1

_UUID = re.compile(
    r"(?:urn:uuid:)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|([0-9a-f]{32})"
    r"|\{([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}",
    re.IGNORECASE | re.ASCII,
)
SPARSE_NAME = "sparse_vector"
"""What the sparse vector is called on the target, as Qdrant's own migration tool calls it."""
_UUID_LENGTHS = frozenset({32, 36, 38, 45})
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00\x1f%]')
_IMPOSSIBLE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
_LONGEST_NAME = 255
_SHOWN = 60
"""Letters of a name in an error."""
_INTEGRAL = 2**53
"""From here on a float64 no longer holds every integer."""
_NUMBERS = frozenset({int, float})
_TOGETHER = 32
"""Vectors that are normalised in one step: their numbers still fit a processor's cache."""
_TINY = 1.1920929e-07
"""Squared length below which Qdrant stores a cosine vector as it is."""


class MappingRefused(MigrationFailed):
    """The records cannot be laid out on the target without losing or overwriting something."""


class Metric(Enum):
    """By Qdrant's REST name."""

    COSINE = "Cosine"
    DOT = "Dot"
    EUCLID = "Euclid"
    MANHATTAN = "Manhattan"


def default_namespace(namespace: str | None) -> str:
    """Absent, null, "" and ``__default__`` are one namespace."""
    return "" if namespace is None or namespace == "__default__" else namespace


def canonical_uuid(identity: str) -> str | None:
    """The id as a canonical lower-case UUID when it is one in any of its four written forms, else None."""
    found = _UUID.fullmatch(identity) if len(identity) in _UUID_LENGTHS else None
    if found is None:
        return None
    digits = (found[1] or found[2] or found[3]).replace("-", "").lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def point_id(identity: str) -> str:
    """The target id where each namespace has a collection of its own."""
    return canonical_uuid(identity) or _uuid5(uuid.NAMESPACE_URL.bytes, identity)


def tenant_point_id(identity: str, namespace: str) -> str:
    """The target id where all namespaces share one collection: UUIDs are mapped as well."""
    return _uuid5(_namespace_bytes(namespace), identity)


@functools.lru_cache(4096)
def _namespace_bytes(namespace: str) -> bytes:
    return uuid.uuid5(uuid.NAMESPACE_URL, namespace).bytes


def _uuid5(namespace: bytes, name: str) -> str:
    """``str(uuid.uuid5(...))`` without the object: it is asked for every record, twice."""
    text = hashlib.sha1(namespace + name.encode("utf-8"), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def collection_name(namespace: str, *, strip_prefix: str = "", default: str = "default") -> str:
    """The collection of a namespace. Raises MappingRefused for a name that Qdrant cannot have."""
    name = namespace.removeprefix(strip_prefix) if strip_prefix else namespace
    name = _FORBIDDEN.sub(lambda found: f"%{ord(found[0]):02X}", name) or default
    if name in (".", ".."):
        raise MappingRefused(f"Namespace {namespace!r} gives the collection name {name!r}, which is a folder's name.")
    if len(name.encode("utf-8")) > _LONGEST_NAME:
        raise MappingRefused(
            f"Namespace {namespace[:60]!r}... gives a collection name of more than {_LONGEST_NAME} bytes.",
            hint="shorten it with --strip-prefix",
        )
    return name


def refuse_collection(name: str) -> None:
    """Raises UsageError for what a person calls a collection and the server cannot have, before it is asked."""
    shown = repr(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!r}..."
    size = len(name.encode("utf-8", "surrogatepass"))
    if not name or name in (".", ".."):
        raise UsageError(f"A collection cannot be called {shown}.", hint="name it with letters")
    if size > _LONGEST_NAME:
        raise UsageError(
            f"A collection cannot be called {shown}: the name has {size} bytes.", hint=f"at most {_LONGEST_NAME} bytes"
        )
    wrong = next((char for char in name if _IMPOSSIBLE.match(char)), None)
    if wrong is not None:
        raise UsageError(f"A collection cannot be called {shown}: it has {wrong!r} in it.", hint="leave that out")


@dataclass(frozen=True, slots=True)
class Point:
    """What is written: ``vector`` has shape ``(dimension,)``, float32; ``(0,)`` for a point without a dense one."""

    id: str
    vector: Vector
    payload: Mapping[str, Any]
    sparse: Sparse | None = None
    sparse_name: str = SPARSE_NAME
    others: tuple[str, ...] = ()
    """Of a point read back: further vectors that it has. None of ours."""
    sent: Vector | None = None
    """What is sent where the target keeps fewer bits of it: ``vector`` is what it keeps then."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that decides what a record becomes; bound into the ledger.

    ``collection`` None: one collection per namespace; else all namespaces share that one and ``tenant_field``
    holds the namespace.
    """

    metric: Metric = Metric.COSINE
    id_field: str = "originalId"
    strip_prefix: str = ""
    default_collection: str = "default"
    collection: str | None = None
    tenant_field: str = "namespace"
    integers: frozenset[str] = frozenset()
    """Payload fields in which every number is integral: 42.0 becomes 42."""
    sparse_vector: str = SPARSE_NAME
    datatypes: Mapping[str, str] = field(default_factory=dict)
    """Of the collections on the target that keep fewer bits: ``float16`` or ``uint8`` (``datatypes.py``)."""
    exact: bool = False
    """Numbers are kept as the source has them: it knows integers from floats."""

    def __post_init__(self) -> None:
        """Raises UsageError."""
        refuse_collection(self.default_collection if self.collection is None else self.collection)
        for each in (self.id_field, self.strip_prefix, self.tenant_field, self.sparse_vector):
            if not each.isascii() and any("\ud800" <= char <= "\udfff" for char in each):
                raise UsageError(
                    f"{each[:_SHOWN]!r} is no text that a server can keep: it is no UTF-8.", hint="retype it"
                )

    def collection_of(self, namespace: str) -> str:
        if self.collection is not None:
            return self.collection
        return collection_name(namespace, strip_prefix=self.strip_prefix, default=self.default_collection)

    def id_of(self, record: Record) -> str:
        if self.collection is not None:
            return tenant_point_id(record.id, record.namespace)
        return point_id(record.id)

    def own_keys(self, record: Record) -> dict[str, str]:
        """The payload keys that the migration adds."""
        own = {self.id_field: record.id}
        if self.collection is not None:
            own[self.tenant_field] = record.namespace
        return own

    def clash(self, record: Record) -> str | None:
        """The key that the metadata already has with another value, if any."""
        for key, value in self.own_keys(record).items():
            if record.metadata.get(key) not in (None, value):
                return key
        return None

    def point(self, record: Record) -> Point:
        return self.points([record])[0]

    def points(self, records: Sequence[Record]) -> list[Point]:
        """The points of records, in their order; many in one step cost half."""
        integers, name = self.integers, self.sparse_vector
        numbers = () if self.exact else _NUMBERS
        vectors = [record.values for record in records]
        if self.metric is Metric.COSINE:
            vectors = units(vectors)
        if self.datatypes:
            return [self._narrow(*pair) for pair in zip(records, vectors, strict=True)]
        points = []
        for record, vector in zip(records, vectors, strict=True):
            payload = {
                key: _number(value, key in integers) if type(value) in numbers else value
                for key, value in record.metadata.items()
                if value is not None
            }
            payload.update(self.own_keys(record))
            points.append(Point(self.id_of(record), vector, payload, record.sparse, name))
        return points

    def _narrow(self, record: Record, vector: Vector) -> Point:
        """The point for a collection that may keep fewer bits of it."""
        from netdoctor.migration.datatypes import kept

        datatype = self.datatypes.get(self.collection_of(record.namespace), "float32")
        plain = replace(self, datatypes={}).point(record)
        if datatype == "float32":
            return plain
        # Bytes are not normalised by the server either: a unit vector would be nothing but zeros.
        sent = record.values if datatype == "uint8" else vector
        return replace(plain, vector=kept(sent, datatype), sent=sent)

    def binding(self) -> dict[str, Any]:
        """What a resumed run must repeat."""
        return {
            "mapping version": MAPPING_VERSION,
            "metric": self.metric.value,
            "id_field": self.id_field,
            "strip_prefix": self.strip_prefix,
            "default_collection": self.default_collection,
            "collection": self.collection,
            "tenant_field": self.tenant_field,
            **({"sparse_vector": self.sparse_vector} if self.sparse_vector != SPARSE_NAME else {}),
            **({"exact": True} if self.exact else {}),
        }

    @classmethod
    def bound(cls, binding: Mapping[str, Any]) -> Layout:
        """The layout that a ledger's binding tells; the number kinds are in its plan."""
        names = ("id_field", "strip_prefix", "default_collection", "collection", "tenant_field")
        sparse = binding.get("sparse_vector", SPARSE_NAME)
        metric, exact = Metric(binding["metric"]), bool(binding.get("exact"))
        return cls(metric=metric, sparse_vector=sparse, exact=exact, **{name: binding[name] for name in names})


def _number(value: float, integer: bool) -> float:
    return int(value) if integer and integral(value) else float(value)


def integral(value: float) -> bool:
    """Whether a number of the metadata may be stored as an integer without changing it."""
    return abs(value) < _INTEGRAL and value == int(value)


def unit(vector: Vector) -> Vector:
    """The vector at length 1 (float64 norm, float32 result); one too short to have a direction stays as it is."""
    import numpy as np

    wide = vector.astype(np.float64)
    square = float(wide @ wide)
    if square < _TINY:
        return vector
    short: Vector = (wide / math.sqrt(square)).astype(np.float32)
    return short


def units(vectors: Sequence[Vector]) -> list[Vector]:
    """Each as :func:`unit` gives it, bit for bit: the sums are made one by one, all the rest in one step."""
    import numpy as np

    found: list[Vector] = []
    for start in range(0, len(vectors), _TOGETHER):
        some = vectors[start : start + _TOGETHER]
        if len(some) == 1 or len(set(map(len, some))) > 1 or not len(some[0]):
            found += map(unit, some)
            continue
        raw = np.stack(some)
        wide = raw.astype(np.float64)
        squares = np.array([row.dot(row) for row in wide])
        tiny = squares < _TINY
        if tiny.any():
            squares[tiny] = 1.0
        wide /= np.sqrt(squares)[:, None]
        narrow = wide.astype(np.float32)
        if tiny.any():
            narrow[tiny] = raw[tiny]
        found.extend(narrow)
    return found


def refuse_name_clash(names: Iterable[tuple[str, str]]) -> None:
    """``names``: (namespace, collection). Raises MappingRefused when two namespaces would share a collection."""
    seen: dict[str, str] = {}
    for namespace, name in names:
        other = seen.setdefault(name, namespace)
        if other != namespace:
            raise MappingRefused(
                f"Namespaces {other!r} and {namespace!r} would both become collection {name!r}.",
                hint="choose another --strip-prefix or --default-collection",
            )
