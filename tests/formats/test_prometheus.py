"""Prometheus text: read by the official parser, whatever names hold; a gap where nothing is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from prometheus_client.parser import text_string_to_metric_families

from netdoctor.formats.interface import FORMATS, Look
from netdoctor.model import Verdict

from .anything import failures, reports
from .scenarios import FAILURES, REPORTS
from .test_golden import rendered, report_of

PROMETHEUS = FORMATS.get("prometheus")


def parsed(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    families = list(text_string_to_metric_families(text))
    for family in families:
        assert family.type == "gauge"
        assert family.documentation
        series = [tuple(sorted(sample.labels.items())) for sample in family.samples]
        assert len(series) == len(set(series)), f"{family.name} has one series twice"
    return {family.name: [(sample.labels, sample.value) for sample in family.samples] for family in families}


@pytest.mark.parametrize("scenario", [*REPORTS, *FAILURES])
def test_the_official_parser_reads_every_document(scenario):
    found = parsed(rendered(scenario, "prometheus"))
    assert found["netdoctor_run_failed"] == [({}, float(scenario in FAILURES))]


def test_the_parser_refuses_what_is_no_metric():
    with pytest.raises(ValueError):
        parsed('a{b="c} 1\n')


@given(reports())
def test_whatever_names_hold_the_parser_reads_it(report):
    found = parsed(PROMETHEUS.render(report, Look()))
    assert len(found["netdoctor_edge_unknown"]) == 1
    ((labels, _),) = found["netdoctor_edge_unknown"]
    assert set(labels) == {"source", "target", "port", "path"}


@given(failures)
def test_after_an_error_only_the_failure_is_left(failure):
    assert parsed(PROMETHEUS.render_error(failure)) == {"netdoctor_run_failed": [({}, 1.0)]}


def test_holds_is_one_broken_is_zero_and_unknown_is_a_gap():
    report = report_of("expectations")
    found = parsed(rendered("expectations", "prometheus"))
    holds = {labels["port"]: value for labels, value in found["netdoctor_edge_holds"]}
    assert holds == {
        str(edge.edge.port): float(edge.verdict is Verdict.HOLDS)
        for edge in report.edges
        if edge.verdict is not Verdict.UNKNOWN
    }
    unknown = {labels["port"]: value for labels, value in found["netdoctor_edge_unknown"]}
    assert unknown == {str(edge.edge.port): float(edge.verdict is Verdict.UNKNOWN) for edge in report.edges}


def test_names_come_back_as_they_are_shown_elsewhere():
    ((labels, _), _) = parsed(rendered("markup", "prometheus"))["netdoctor_edge_holds"]
    assert labels["source"] == "app`|\\|`<b>@all #1 [x](http://evil.example)*_~$"
    assert labels["target"] == 'db"\\n{}=,%0A\\x0a::warning::'


def test_findings_are_counted_by_code_severity_and_confidence():
    found = parsed(rendered("markup", "prometheus"))["netdoctor_findings"]
    assert sorted((*labels.values(), value) for labels, value in found) == [
        ("ND101", "error", "certain", 2.0),
        ("ND301", "error", "certain", 1.0),
        ("ND304", "error", "possible", 1.0),
    ]
