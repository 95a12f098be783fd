"""JSON queries (Qdrant's REST form) into the engine's query classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qdrant_edge as edge

from .errors import BadInput, Invalid, NotFound, Unsupported
from .filters import to_filter
from .points import sparse, to_ids, to_payload_selector, to_vector

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

DIRECTIONS = {None: None, "asc": edge.Direction.Asc, "desc": edge.Direction.Desc}


class QueryReader:
    """Reads the query bodies of one collection.

    `sizes` are its dense dimensions; `vector_of(id, using)` gives a stored vector or None.
    """

    def __init__(self, sizes: dict[str, int], vector_of: Callable[[Any, str], Any]) -> None:
        self._sizes = sizes
        self._vector_of = vector_of

    def query(self, body: Json) -> edge.QueryRequest:
        """A `points/query` body."""
        query, exclude = self._interface(body.get("query"), body.get("using") or "")
        return edge.QueryRequest(
            limit=limit_of(body),
            offset=body.get("offset"),
            query=query,
            prefetches=self._prefetches(body.get("prefetch")),
            with_vector=_with_vector(body),
            with_payload=to_payload_selector(body.get("with_payload"), default=False),
            filter=_without(to_filter(body.get("filter")), exclude),
            score_threshold=body.get("score_threshold"),
            params=_params(body.get("params")),
        )

    def search(self, body: Json) -> edge.QueryRequest:
        """A `points/search` body: the older form of a nearest query."""
        vector = body["vector"]
        using = ""
        if isinstance(vector, dict):
            using, vector = vector["name"], vector["vector"]
        return self.query({**body, "query": vector, "using": using})

    def _prefetches(self, found: Any) -> list[edge.Prefetch] | None:
        if not found:
            return None
        return [self._prefetch(item) for item in (found if isinstance(found, list) else [found])]

    def _prefetch(self, item: Json) -> edge.Prefetch:
        query, exclude = self._interface(item.get("query"), item.get("using") or "")
        return edge.Prefetch(
            limit=limit_of(item),
            query=query,
            prefetches=self._prefetches(item.get("prefetch")),
            params=_params(item.get("params")),
            filter=_without(to_filter(item.get("filter")), exclude),
            score_threshold=item.get("score_threshold"),
        )

    def _interface(self, query: Any, using: str) -> tuple[Any, Any]:
        """The engine's query, and the id it must not return (a point is not its own neighbour)."""
        if query is None:
            return None, None
        if isinstance(query, dict) and not {"indices", "values"} <= query.keys():
            if "nearest" in query:
                if query.get("mmr"):
                    raise Unsupported("the lab stand-in has no MMR query")
                return self._nearest(query["nearest"], using)
            if "order_by" in query:
                return order_by(query["order_by"]), None
            if "fusion" in query:
                return _fusion(query["fusion"]), None
            if "rrf" in query:
                return _fusion("rrf"), None
            if "sample" in query:
                return edge.Sample.Random, None
            raise Unsupported(f"the lab stand-in has no `{next(iter(query), '')}` query")
        return self._nearest(query, using)

    def _nearest(self, value: Any, using: str) -> tuple[Any, Any]:
        exclude = None
        if isinstance(value, (int, str)):
            to_ids([value])
            exclude, value = value, self._vector_of(value, using)
            if value is None:
                raise NotFound(f"Not found: No point with id {exclude} found")
        elif isinstance(value, dict):
            value = sparse(value)
        else:
            value = to_vector({using: value}, self._sizes)[using]
        return edge.Query.Nearest(value, using or None), exclude


def limit_of(body: Json) -> int:
    limit = body.get("limit")
    if limit is None:
        return 10
    if limit < 1:
        raise Invalid(f"Validation error in JSON body: [limit: value {limit} invalid, must be 1 or larger]")
    return int(limit)


def order_by(value: Any) -> edge.OrderBy:
    if isinstance(value, str):
        return edge.OrderBy(value)
    return edge.OrderBy(value["key"], DIRECTIONS[value.get("direction")], value.get("start_from"))


def _fusion(name: str) -> Any:
    if name == "rrf":
        return edge.Fusion.Rrf(2)
    if name == "dbsf":
        return edge.Fusion.Dbsf()
    raise BadInput(f"Format error in JSON body: unknown variant `{name}`, expected `rrf` or `dbsf`")


def _with_vector(body: Json) -> Any:
    wanted = body.get("with_vector", body.get("with_vectors"))
    return False if wanted is None else wanted


def _params(body: Json | None) -> edge.SearchParams | None:
    if not body:
        return None
    return edge.SearchParams(
        hnsw_ef=body.get("hnsw_ef"),
        exact=bool(body.get("exact")),
        indexed_only=bool(body.get("indexed_only")),
    )


def _without(found: edge.Filter | None, exclude: Any) -> edge.Filter | None:
    if exclude is None:
        return found
    itself = edge.HasIdCondition({exclude})
    return edge.Filter(must=[found] if found else None, must_not=[itself])
