"""Refused, and a moment later something listens: asked once more before a packet filter is blamed."""

from __future__ import annotations

from netdoctor.diagnosis.run import CHANGED
from netdoctor.model import Edge, Outcome, Verdict
from netdoctor.vantage.fake import FakeVantages

from .play import healthy, http_peer, inside, run

DB = ("10.0.0.3", 80)


class Starting(dict):
    """Refuses the first dials, and takes the later ones."""

    def __init__(self, refused: int) -> None:
        super().__init__({DB: http_peer()})
        self.left = refused

    def get(self, key, default=None):
        if key == DB and self.left > 0:
            self.left -= 1
            return Outcome.REFUSED
        return super().get(key, default)


def asked(dials, listens=("0.0.0.0:80",)):
    seen, _, app, db, _ = healthy()
    at_app = inside(knows={"db": ["10.0.0.3"], app.short_id: ["10.0.0.2"]}, dials={}, pings={"10.0.0.3": 0.001})
    at_app._dials = dials
    vantages = FakeVantages({app.ref: at_app, db.ref: inside(listens=list(listens))})
    return run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80, protocol="http"))


def test_a_server_that_opened_its_port_only_then_is_no_filter_but_a_change():
    report = asked(Starting(1))
    assert report.edges[0].verdict is Verdict.UNKNOWN
    assert report.edges[0].reason == f"{CHANGED}: it opened port 80 only then"


def test_one_that_is_refused_again_is_broken():
    report = asked({DB: Outcome.REFUSED})
    assert report.edges[0].verdict is Verdict.BROKEN
    assert "ND304" in {finding.code for finding in report.findings}


def test_where_nobody_listens_nothing_is_asked_again():
    dials = Starting(1)
    report = asked(dials, listens=("0.0.0.0:81",))
    assert report.edges[0].verdict is Verdict.BROKEN
    assert dials.left == 0
