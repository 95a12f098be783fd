"""Reports with any text at all where text from outside can stand, for properties that hold of every document."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from rules.build import container, network, topology

from netdoctor.formats.interface import Failure
from netdoctor.model import (
    Confidence,
    Connect,
    Edge,
    EdgeReport,
    Finding,
    Layer,
    Place,
    Remedy,
    Report,
    Severity,
    Verdict,
)

TEXT = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="`|\\*_[]()<>&%:,@#~$\"'{}=+-.1a \n\r\t\x00\x1b\u2028\u202e\ufffe\uffff\ud800é/", max_size=30),
)
NAME = TEXT.filter(bool)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """One edge in any state, up to two findings on it or on nothing, a place or none."""
    net = network("net")
    app, db = replace(container("app", net), name=draw(NAME)), replace(container("db", net), name=draw(NAME))
    path = draw(st.one_of(st.none(), TEXT))
    edge = Edge(app.ref, db.ref, name=draw(TEXT), port=draw(st.integers(1, 65535)), path=path)
    verdict = draw(st.sampled_from(Verdict))
    findings = draw(st.lists(_finding(edge, app, db), max_size=2))
    accepted = draw(TEXT) if verdict is Verdict.BROKEN and draw(st.booleans()) else ""
    row = EdgeReport(edge, draw(TEXT), verdict, (), reason=draw(TEXT), accepted=accepted)
    place = Place(draw(NAME), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    seen = topology(app, db, net)
    if draw(st.booleans()):
        seen.places[app.ref] = place  # type: ignore[index]
    return Report(
        verdict, (row,), tuple(findings), topology=seen, seconds=draw(st.floats(0, 1e6)), notices=(draw(TEXT),)
    )


@st.composite
def _finding(draw: st.DrawFn, edge: Edge, app, db) -> Finding:
    join = Connect(app.id, draw(NAME), "net", draw(NAME), (draw(NAME),))
    remedies = (Remedy(draw(TEXT), (join,)), Remedy(draw(TEXT), advice=draw(TEXT)))
    return Finding(
        draw(st.sampled_from(["ND101", "ND301", "ND801"])),
        "no shared network",
        draw(st.sampled_from(Severity)),
        draw(st.sampled_from(Confidence)),
        Layer.TCP,
        (app.ref, db.ref),
        draw(NAME),
        tuple(draw(st.lists(TEXT, max_size=2))),
        remedies,
        draw(st.sampled_from([edge, None])),
        announced=draw(st.booleans()),
    )


failures = st.builds(
    Failure, NAME, TEXT, st.sampled_from([1, 2, 3, 130]), st.sampled_from([None, "ND901", "ND902", "ND903"])
)
