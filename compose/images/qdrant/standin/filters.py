"""JSON filters (Qdrant's REST form) into the engine's filter classes."""

from __future__ import annotations

from typing import Any

import qdrant_edge as edge

from .errors import BadInput, Unsupported

Json = dict[str, Any]


def to_filter(body: Json | None) -> edge.Filter | None:
    """None stays None: no filter at all."""
    if not body:
        return None
    unknown = body.keys() - {"must", "should", "must_not", "min_should"}
    if unknown:
        raise BadInput(f"Format error in JSON body: unknown field `{sorted(unknown)[0]}`")
    least = body.get("min_should")
    return edge.Filter(
        must=_conditions(body.get("must")),
        should=_conditions(body.get("should")),
        must_not=_conditions(body.get("must_not")),
        min_should=edge.MinShould(_conditions(least["conditions"]) or [], least["min_count"]) if least else None,
    )


def _conditions(found: Any) -> list[Any] | None:
    if found is None:
        return None
    return [_condition(item) for item in (found if isinstance(found, list) else [found])]


def _condition(item: Json) -> Any:
    if "key" in item:
        return _field(item)
    if "has_id" in item:
        return edge.HasIdCondition(set(item["has_id"]))
    if "is_empty" in item:
        return edge.IsEmptyCondition(item["is_empty"]["key"])
    if "is_null" in item:
        return edge.IsNullCondition(item["is_null"]["key"])
    if "has_vector" in item:
        return edge.HasVectorCondition(item["has_vector"])
    if "nested" in item:
        inner = to_filter(item["nested"]["filter"])
        return edge.NestedCondition(item["nested"]["key"], inner or edge.Filter())
    return to_filter(item) or edge.Filter()


def _field(item: Json) -> edge.FieldCondition:
    for name in ("geo_bounding_box", "geo_radius", "geo_polygon"):
        if item.get(name) is not None:
            raise Unsupported(f"the lab stand-in has no `{name}` filter")
    count = item.get("values_count")
    return edge.FieldCondition(
        item["key"],
        match=_match(item["match"]) if item.get("match") is not None else None,
        range=_range(item["range"]) if item.get("range") is not None else None,
        values_count=edge.ValuesCount(**count) if count else None,
        is_empty=item.get("is_empty"),
        is_null=item.get("is_null"),
    )


def _match(match: Json) -> Any:
    kinds = {
        "value": edge.MatchValue,
        "text": edge.MatchText,
        "text_any": edge.MatchTextAny,
        "phrase": edge.MatchPhrase,
        "prefix": edge.MatchPrefix,
        "substring": edge.MatchSubstring,
        "any": edge.MatchAny,
        "except": edge.MatchExcept,
    }
    for kind, build in kinds.items():
        if kind in match:
            return build(match[kind])
    raise BadInput("Format error in JSON body: data did not match any variant of untagged enum Match")


def _range(bounds: Json) -> Any:
    given = {key: value for key, value in bounds.items() if value is not None}
    if any(isinstance(value, str) for value in given.values()):
        return edge.RangeDateTime(**given)
    return edge.RangeFloat(**given)
