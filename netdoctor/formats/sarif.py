"""SARIF 2.1.0 for code scanning: findings that stand in a file; the others are counted, never given a made-up place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from netdoctor.formats._findings import advice, clean, place_of
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import Finding, Place, Report, Severity
from netdoctor.version import __version__

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


class SarifFormat:
    def render(self, report: Report, look: Look) -> str:
        placed = [(finding, place) for finding in report.findings if (place := place_of(finding, report)) is not None]
        elsewhere = len(report.findings) - len(placed)
        return _document(
            rules=_rules(finding for finding, _ in placed),
            results=[_result(finding, place) for finding, place in placed],
            invocation={"executionSuccessful": True},
            properties={"findingsWithoutPlace": elsewhere, "verdict": report.verdict.value},
        )

    def render_error(self, failure: Failure) -> str:
        notification = {"level": "error", "message": {"text": clean(f"{failure.message} {failure.hint}".strip())}}
        invocation = {
            "executionSuccessful": False,
            "exitCode": failure.status,
            "toolExecutionNotifications": [notification],
        }
        return _document(rules=[], results=[], invocation=invocation, properties={"verdict": "unknown"})


def _document(
    rules: list[dict[str, Any]],
    results: list[dict[str, Any]],
    invocation: dict[str, Any],
    properties: dict[str, Any],
) -> str:
    driver = {"name": "netdoctor", "version": __version__, "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": properties,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=True) + "\n"


def _rules(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    named = {finding.code: finding for finding in findings}
    return [
        {
            "id": code,
            "name": "".join(word.capitalize() for word in finding.title.replace("-", " ").split()),
            "shortDescription": {"text": clean(finding.title)},
            "help": {"text": f"netdoctor explain {code}"},
        }
        for code, finding in sorted(named.items())
    ]


def _result(finding: Finding, place: Place) -> dict[str, Any]:
    lines = [clean(finding.cause), *(f"fix: {line}" for line in advice(finding))]
    return {
        "ruleId": finding.code,
        "level": _LEVEL[finding.severity],
        "message": {"text": "\n".join(lines)},
        "locations": [_location(place)],
        "properties": {"confidence": finding.confidence.value},
    }


def _location(place: Place) -> dict[str, Any]:
    path = PurePath(place.file)
    uri = path.as_uri() if path.is_absolute() else _relative(path)
    region = {"startLine": max(1, place.line), "startColumn": max(1, place.column)}
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


def _relative(path: PurePath) -> str:
    from urllib.parse import quote

    return quote(path.as_posix())


FORMATS.add("sarif", SarifFormat(), home=__name__)
