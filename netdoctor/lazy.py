"""A lazily created Qdrant client for apps: nothing is imported, read or dialled before it is used.

    from netdoctor.lazy import LazyQdrant

    qdrant = LazyQdrant()           # at import: no server is needed, and none is asked
    qdrant.get_collections()        # on first use: created, checked, its URL logged once

The URL is ``QDRANT_URL_MIGRATION``'s, else ``QDRANT_URL``'s. Placeholders are refused with a sentence.
"""

from __future__ import annotations

from netdoctor.migration.lazy_client import VARIABLES, BadQdrantUrl, LazyQdrant, QdrantUnreachable

__all__ = ["VARIABLES", "BadQdrantUrl", "LazyQdrant", "QdrantUnreachable"]
