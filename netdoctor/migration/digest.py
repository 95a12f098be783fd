"""Sums that tell whether two sets of points are the same, kept while they stream by.

Every point is hashed to 128 bits over its id, its payload and the bits of its vector. The hashes of a collection are
added up in buckets by id: addition does not care for order, so what was sent in batches is compared with what is read
back in the server's own order, in a megabyte, and a difference is narrowed down to one bucket of ids.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdoctor.migration.plan import CollectionPlan
    from netdoctor.migration.records import Vector

DIGEST_VERSION = 3
MOST_BITS = 16
"""65,536 buckets for a collection; a smaller one has as many as points, so that thousands of them stay small."""
_ALL_BUCKETS = 1 << 20
"""All collections of a run together: 20 MB."""


def point_digest(identity: str, entries: Sequence[bytes], vector: bytes | Vector, named: bytes = b"") -> bytes:
    """128 bits. ``entries`` are the payload's (``wire.payload_entries``), ``vector`` its float32, little-endian.

    ``named``: its named vectors (``wire.named_bytes``), where it has any.
    """
    payload = b"".join(entries)  # each tells where it ends
    head = b"%b %d:%b" % (identity.encode(), len(payload), payload)
    if named:
        digest = hashlib.blake2b(b"%b%d:%b" % (head, len(named), named), digest_size=16, person=b"named")
    else:
        digest = hashlib.blake2b(head, digest_size=16)
    digest.update(vector)  # type: ignore[arg-type]  # an array lends its bytes
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Tally:
    """The digests of some points of one collection: ``keys`` (n,) uint32 spread ids over the buckets."""

    keys: NDArray[np.uint32]
    hashes: NDArray[np.uint64]

    @classmethod
    def of(cls, digested: Iterable[tuple[str, bytes]]) -> Tally:
        """``digested``: (id, digest of the point)."""
        import numpy as np

        pairs = list(digested)
        # Not the id's own digits: many UUIDs begin or end with a time or a machine.
        keys = np.fromiter((zlib.crc32(identity.encode()) for identity, _ in pairs), np.uint32, len(pairs))
        hashes = np.frombuffer(b"".join([digest for _, digest in pairs]), dtype="<u8").reshape(-1, 2)
        return cls(keys, hashes)


class Sums:
    """Of one collection: ``2 ** bits`` buckets, each the number of its points and their added hashes."""

    def __init__(self, bits: int) -> None:
        import numpy as np

        self.bits = bits
        self._counts = np.zeros(1 << bits, dtype=np.uint32)
        self._lanes = np.zeros((1 << bits, 2), dtype=np.uint64)  # two lanes without a carry: 128 bits all the same

    @property
    def points(self) -> int:
        return int(self._counts.sum())

    def bucket(self, identity: str) -> int:
        return zlib.crc32(identity.encode()) & ((1 << self.bits) - 1)

    def add(self, tally: Tally) -> None:
        import numpy as np

        buckets = tally.keys & np.uint32((1 << self.bits) - 1)
        np.add.at(self._counts, buckets, 1)
        np.add.at(self._lanes, buckets, tally.hashes)

    def merge(self, other: Sums) -> None:
        """Add what another worker has summed up, in as many buckets."""
        self._counts += other._counts
        self._lanes += other._lanes

    def differing(self, other: Sums) -> frozenset[int]:
        """The buckets that are not the same in both."""
        odd = (self._counts != other._counts) | (self._lanes != other._lanes).any(axis=1)
        return frozenset(map(int, odd.nonzero()[0]))

    def points_in(self, buckets: Iterable[int]) -> int:
        return int(self._counts[list(buckets)].sum())

    def to_bytes(self) -> bytes:
        return bytes((self.bits,)) + zlib.compress(
            self._counts.astype("<u4").tobytes() + self._lanes.astype("<u8").tobytes(), 1
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Sums:
        import numpy as np

        sums = cls(data[0])
        body, size = zlib.decompress(data[1:]), 1 << data[0]
        sums._counts = np.frombuffer(body[: 4 * size], dtype="<u4").astype(np.uint32)
        sums._lanes = np.frombuffer(body[4 * size :], dtype="<u8").astype(np.uint64).reshape(-1, 2)
        return sums


def empty_sums(collections: Sequence[CollectionPlan]) -> dict[str, Sums]:
    """For each collection of the plan, by name; the same sizes for the same plan."""
    bits = {each.name: min(MOST_BITS, max(0, (each.points - 1).bit_length())) for each in collections}
    while sum(1 << each for each in bits.values()) > _ALL_BUCKETS and max(bits.values()) > 0:
        widest = max(bits.values())
        bits = {name: min(each, widest - 1) for name, each in bits.items()}
    return {name: Sums(each) for name, each in bits.items()}
