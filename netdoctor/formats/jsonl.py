"""The report as JSON Lines: one object a line, each with its ``kind``; for logs and stream processors.

Kinds: ``edge``, ``finding``, ``unjudged``, ``skipped``, ``notice``, and last ``summary`` (or ``error``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.formats.json import SCHEMA, error_document, report_document
from netdoctor.model import Report

_LISTS = {"edges": "edge", "findings": "finding", "unjudged": "unjudged", "skipped": "skipped"}


class JsonLinesFormat:
    def render(self, report: Report, look: Look) -> str:
        return "".join(_lines(report_document(report)))

    def render_error(self, failure: Failure) -> str:
        document = error_document(failure)
        head = {"schema": SCHEMA, "netdoctor": document["netdoctor"], "verdict": document["verdict"]}
        return _line("error", {**head, **document["error"]})


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    for key, kind in _LISTS.items():
        for each in document[key]:
            yield _line(kind, each)
    for notice in document["notices"]:
        yield _line("notice", {"notice": notice})
    counts = {key: len(document[key]) for key in _LISTS}
    yield _line(
        "summary",
        {
            "schema": SCHEMA,
            "netdoctor": document["netdoctor"],
            "verdict": document["verdict"],
            **counts,
            "seconds": document["seconds"],
        },
    )


def _line(kind: str, document: Mapping[str, Any]) -> str:
    return json.dumps({"kind": kind, **document}, ensure_ascii=True, allow_nan=False) + "\n"


FORMATS.add("jsonl", JsonLinesFormat(), home=__name__)
