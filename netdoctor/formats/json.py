"""The versioned report as JSON: ``netdoctor.report/1``. Fields are only ever added to it.

The schema is published beside this file (``report-1.schema.json``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import Edge, EdgeReport, Finding, Ref, Remedy, Report, Step, Topology
from netdoctor.redact import redact_text
from netdoctor.version import __version__

SCHEMA = "netdoctor.report/1"


class JsonFormat:
    def render(self, report: Report, look: Look) -> str:
        return dump(report_document(report))

    def render_error(self, failure: Failure) -> str:
        return dump(error_document(failure))


def dump(document: Mapping[str, Any]) -> str:
    """ASCII only, so that control characters and lone surrogates travel as escapes."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def report_document(report: Report) -> dict[str, Any]:
    """Plain data in the published shape."""
    topology = report.topology
    return {
        "schema": SCHEMA,
        "netdoctor": __version__,
        "verdict": report.verdict.value,
        "edges": [_edge(edge, topology) for edge in report.edges],
        "findings": [finding_document(finding, topology) for finding in report.findings],
        "unjudged": [
            {"code": each.code, "reason": _clean(each.reason), "question": _clean(each.question)}
            for each in report.unjudged
        ],
        "skipped": [{"code": each.code, "reason": each.reason} for each in report.skipped],
        "notices": [_clean(notice) for notice in report.notices],
        "seconds": round(report.seconds, 4),
        "error": None,
    }


def error_document(failure: Failure) -> dict[str, Any]:
    """The same shape for a run that ended in an error: nothing is known, so nothing is healthy."""
    return {
        "schema": SCHEMA,
        "netdoctor": __version__,
        "verdict": "unknown",
        "edges": [],
        "findings": [],
        "unjudged": [],
        "skipped": [],
        "notices": [],
        "seconds": 0.0,
        "error": {
            "code": failure.code,
            "message": _clean(failure.message),
            "hint": _clean(failure.hint),
            "status": failure.status,
        },
    }


def finding_document(finding: Finding, topology: Topology | None) -> dict[str, Any]:
    """One finding, with what it suppresses inside it."""
    return {
        "code": finding.code,
        "title": finding.title,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "layer": finding.layer.name.lower(),
        "edge": _edge_key(finding.edge, topology) if finding.edge else None,
        "subjects": [_ref(ref, topology) for ref in finding.about],
        "place": _place(finding, topology),
        "cause": _clean(finding.cause),
        "evidence": [_clean(line) for line in finding.evidence],
        "remedies": [_remedy(remedy) for remedy in finding.remedies],
        "announced": finding.announced,
        "suppressed": [finding_document(each, topology) for each in finding.suppressed],
    }


def _place(finding: Finding, topology: Topology | None) -> dict[str, Any] | None:
    """Of the first subject that stands in a file."""
    found = None if topology is None else topology.place(*finding.about)
    return None if found is None else {"file": _clean(found.file), "line": found.line, "column": found.column}


def _edge(report: EdgeReport, topology: Topology | None) -> dict[str, Any]:
    edge = report.edge
    return {
        "edge": _clean(report.label),
        "source": _ref(edge.source, topology),
        "target": _ref(edge.target, topology),
        "name": _clean(edge.name) if edge.name is not None else None,
        "port": edge.port,
        "path": _clean(edge.path) if edge.path is not None else None,
        "protocol": edge.protocol,
        "origin": _clean(edge.origin),
        "verdict": report.verdict.value,
        "reason": _clean(report.reason),
        **_expected(report),
        "vantages": list(report.vantages),
        "steps": [_step(step) for step in report.steps],
        "reverse": {
            "edge": _clean(report.reverse_label),
            "verdict": report.reverse_verdict.value,
            "reason": _clean(report.reverse_reason),
            "steps": [_step(step) for step in report.reverse],
        },
    }


def _expected(report: EdgeReport) -> dict[str, Any]:
    """What somebody wrote about the edge; nothing for an edge that was only asked for."""
    found: dict[str, Any] = {"like": _clean(report.like)} if report.like else {}
    expectation = report.edge.expectation
    if expectation is None:
        return found
    place = expectation.place
    return {
        **found,
        "expectation": expectation.expect.value,
        "why": _clean(expectation.why),
        "severity": report.severity.value,
        "accepted": _clean(report.accepted),
        "written": {"file": _clean(place.file), "line": place.line, "column": place.column} if place else None,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "layer": step.layer.name.lower(),
        "label": _clean(step.label),
        "detail": _clean(step.detail),
        "outcome": step.observation.outcome.value,
        "reason": _clean(step.observation.reason),
        "seconds": round(step.observation.seconds, 6),
        "vantage": step.observation.vantage,
        "evidence": _plain(step.observation.evidence),
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {
        "title": _clean(remedy.title),
        "safe": remedy.safe,
        "commands": [_clean(operation.command()) for operation in remedy.operations],
        "operations": [{"kind": type(operation).__name__, **_plain(operation)} for operation in remedy.operations],
        "advice": _clean(remedy.advice),
    }


def _ref(ref: Ref, topology: Topology | None) -> dict[str, Any]:
    found = None
    if topology is not None and ref.kind == "container":
        container = topology.container(ref)
        found = container.name if container else None
    elif topology is not None and ref.kind == "network":
        network = topology.network(ref)
        found = network.name if network else None
    return {
        "kind": ref.kind,
        "id": ref.id,
        "name": _clean(found or ref.id),
        "path": [_clean(part) for part in ref.path],
    }


def _edge_key(edge: Edge, topology: Topology | None) -> str:
    source, target = _ref(edge.source, topology)["name"], _ref(edge.target, topology)["name"]
    port = f":{edge.port}" if edge.port is not None else ""
    return _clean(f"{source} -> {target}{port}{edge.path or ''}")


def _plain(value: Any) -> Any:
    """Evidence is frozen dataclasses of simple values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(item) for item in value]
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    return redact_text(text)


FORMATS.add("json", JsonFormat(), home=__name__)
