"""Prometheus text format, for the node exporter's textfile collector: write it with ``-o FILE.prom``.

``netdoctor_edge_holds`` has no sample for an unknown edge: a gap is what unknown looks like in a time series;
``netdoctor_edge_unknown`` says so, and ``netdoctor_unknown`` has the reason of everything that could not be judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from netdoctor.formats._findings import clean, unknowns
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import EdgeReport, Ref, Report, Topology, Verdict

Sample = tuple[dict[str, str], float]

_FINDING = ("code", "severity", "confidence")
_UNKNOWN = ("kind", "name", "reason")


class PrometheusFormat:
    def render(self, report: Report, look: Look) -> str:
        labels = {edge: edge_labels(edge, report.topology) for edge in report.edges}
        holds = [
            (labels[e], float(e.verdict is Verdict.HOLDS)) for e in report.edges if e.verdict is not Verdict.UNKNOWN
        ]
        unknown = [(labels[edge], float(edge.verdict is Verdict.UNKNOWN)) for edge in report.edges]
        counted = Counter((each.code, each.severity.value, each.confidence.value) for each in report.findings)
        found = [(dict(zip(_FINDING, key, strict=True)), float(count)) for key, count in sorted(counted.items())]
        why = [(dict(zip(_UNKNOWN, each, strict=True)), 1.0) for each in unknowns(report)]
        lines = [
            *metric("netdoctor_edge_holds", "1 when the connection holds, 0 when it is broken.", holds),
            *metric("netdoctor_edge_unknown", "1 when the connection could not be judged.", unknown),
            *metric("netdoctor_unknown", "1 for each connection, container or network that could not be judged.", why),
            *metric("netdoctor_findings", "Findings of the last run.", found),
            *metric("netdoctor_run_seconds", "How long the last run took.", [({}, report.seconds)]),
            *metric("netdoctor_run_failed", "1 when netdoctor itself failed.", [({}, 0.0)]),
        ]
        return "".join(f"{line}\n" for line in lines)

    def render_error(self, failure: Failure) -> str:
        lines = metric("netdoctor_run_failed", "1 when netdoctor itself failed.", [({}, 1.0)])
        return "".join(f"{line}\n" for line in lines)


def edge_labels(edge: EdgeReport, topology: Topology | None) -> dict[str, str]:
    """By which a connection is told apart, in every series about it."""
    found = edge.edge
    return {
        "source": _name(found.source, topology),
        "target": _name(found.target, topology),
        "port": str(found.port or ""),
        "path": found.path or "",
    }


def _name(ref: Ref, topology: Topology | None) -> str:
    container = topology.container(ref) if topology is not None and ref.kind == "container" else None
    return container.name if container is not None else ref.id


def metric(name: str, what: str, samples: Iterable[Sample], kind: str = "gauge") -> Iterator[str]:
    """The lines of one metric; ``kind``: gauge or counter."""
    merged: dict[str, float] = {}
    for labels, value in samples:
        # Two edges of the same ends and port: the series is one, and the worse value is true.
        key = f"{name}{_labels(labels)}"
        merged[key] = min(value, merged.get(key, value)) if name.endswith("holds") else max(value, merged.get(key, 0.0))
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} {kind}"
    for key, value in merged.items():
        yield f"{key} {value:.12g}"


def _labels(labels: dict[str, str]) -> str:
    given = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return f"{{{given}}}" if given else ""


def _escaped(value: str) -> str:
    return clean(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


FORMATS.add("prometheus", PrometheusFormat(), home=__name__)
