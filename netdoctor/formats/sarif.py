"""SARIF 2.1.0 for code scanning: findings that stand in a file; the others are counted, never given a made-up place.

What could not be judged has no place either: each is a notification of the invocation, with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from netdoctor.formats._findings import advice, clean, level, place_of, unknowns
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import Finding, Place, Report, Severity, Verdict
from netdoctor.terminal import plain
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
            invocation={"executionSuccessful": True, **_unknown(report)},
            properties={
                "verdict": report.verdict.value,
                "findingsWithoutPlace": elsewhere,
                **{f"edges{verdict.value.capitalize()}": _count(report, verdict) for verdict in Verdict},
            },
        )

    def render_error(self, failure: Failure) -> str:
        notification: dict[str, Any] = {
            "level": "error",
            "message": {"text": clean(f"{failure.message} {failure.hint}".strip())},
        }
        if failure.code:
            notification["descriptor"] = {"id": failure.code}
        invocation = {
            "executionSuccessful": False,
            "exitCode": failure.status,
            "toolExecutionNotifications": [notification],
        }
        return _document(rules=[], results=[], invocation=invocation, properties={"verdict": "unknown"})


def _unknown(report: Report) -> dict[str, Any]:
    """By SARIF's own words an error is what leaves the results incomplete."""
    told = [
        {"level": "error", "message": {"text": f"{kind} {name}: {why}" if name else why}}
        for kind, name, why in unknowns(report)
    ]
    return {"toolExecutionNotifications": told} if told else {}


def _count(report: Report, verdict: Verdict) -> int:
    return sum(1 for edge in report.edges if edge.verdict is verdict)


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
    later = ["Will show once the first cause is fixed."] if finding.announced else []
    lines = [clean(finding.cause), *later, *advice(finding)]
    return {
        "ruleId": finding.code,
        "level": _LEVEL[level(finding)],
        "message": {"text": "\n".join(lines)},
        "locations": [_location(place)],
        "properties": {"confidence": finding.confidence.value, "announced": finding.announced},
    }


def _location(place: Place) -> dict[str, Any]:
    region = {"startLine": max(1, place.line), "startColumn": max(1, place.column)}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(place.file)}, "region": region}}


def _uri(file: str) -> str:
    """A relative path stays relative: code scanning finds it below the checkout."""
    try:
        whole = PurePosixPath("/", file).as_uri()
    except UnicodeEncodeError:
        return _uri(plain(file))
    return whole if file.startswith("/") else whole.removeprefix("file:///")


FORMATS.add("sarif", SarifFormat(), home=__name__)
