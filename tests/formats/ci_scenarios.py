"""More reports that every format must print well: what files declare, what is accepted, names that look like markup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from diagnosis.play import healthy, run
from rules.build import container, network, topology

from netdoctor.diagnosis.lint import lint
from netdoctor.formats.interface import Look
from netdoctor.model import (
    Apart,
    Confidence,
    Connect,
    Edge,
    EdgeReport,
    Expect,
    Expectation,
    Fact,
    Finding,
    Layer,
    Outcome,
    Place,
    Ref,
    Remedy,
    Report,
    Severity,
    Topology,
    Unseen,
    Verdict,
)

FILE = "deploy/my compose.yaml"


def _declared(*, shared: bool) -> Topology:
    """A shop in one file; ``shared``: its database is on the app's network."""
    front = network("shop_front", project="shop", key="front")
    back = network("shop_default", project="shop", key="default")
    url = (("DATABASE_URL", "postgres://shop:hunter2Sup3rSecret@db:5432/shop"),)
    app = container("shop-app-1", front, service="app", project="shop", state=None, environment=url)
    db = container(
        "shop-db-1", front if shared else back, service="db", project="shop", state=None, image="postgres:16"
    )
    places = {
        app.ref: Place(FILE, 2, 3),
        app.ref.at("environment", "DATABASE_URL"): Place(FILE, 5, 7),
        db.ref: Place(FILE, 7, 3),
    }
    return replace(topology(app, db, front, back), knows=frozenset({Fact.DECLARED}), places=places, source="compose")


def lint_found() -> Report:
    """One cause with its place in the file."""
    return lint(_declared(shared=False), only=frozenset({"ND101"}), notices=("left empty: TAG",))


def lint_clean() -> Report:
    return lint(_declared(shared=True), only=frozenset({"ND101"}))


def expectations() -> Report:
    """One that holds, one accepted, one that only warns, one that must not work and does, one unknown."""
    seen, vantages, app, db, _ = healthy(dials={("10.0.0.3", 80): Outcome.REFUSED})
    asked = run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80, protocol="http"), only=frozenset({"ND304"}))
    broken = replace(asked.edges[0], vantages=())
    place = Place("netdoctor.yaml", 4, 5)

    def edge(port: int, verdict: Verdict, expect: Expect = Expect.REACHABLE, **more) -> EdgeReport:
        expectation = Expectation(expect, severity=more.pop("severity", None), place=place)
        arrow = "-x>" if expect is Expect.ISOLATED else "->"
        return replace(
            broken,
            edge=replace(broken.edge, port=port, expectation=expectation),
            label=f"app {arrow} db:{port}",
            verdict=verdict,
            **more,
        )

    edges = (
        edge(1, Verdict.HOLDS),
        edge(2, Verdict.BROKEN, accepted="ND303 accepted until 2027-01-31: the batch job starts at night"),
        edge(3, Verdict.BROKEN, severity=Severity.WARNING),
        edge(4, Verdict.BROKEN, Expect.ISOLATED, reason="db:4 is reached at 10.0.0.3, which must not be"),
        edge(5, Verdict.UNKNOWN, Expect.ISOLATED, reason=f"no reason is known ({Apart.ISOLATED.value})"),
    )
    return replace(asked, verdict=Verdict.BROKEN, edges=edges, findings=())


def markup() -> Report:
    """Names that are markup, commands, links, mentions or quotes in one of the formats."""
    pipe = network("a|b`c`")
    other = network("100%,x:y::error::z")
    app = container("app`|\\|`<b>@all #1 [x](http://evil.example)*_~$", pipe)
    db = container('db"\\n{}=,%0A\n::warning::', other, address="10.0.0.9")
    edge = Edge(app.ref, db.ref, name="www.db", port=80, path="/a|b`c?x=%2F&y", protocol="http")
    about = Ref("container", app.id, ("environment", "URL"))
    join = Connect(app.id, app.name, other.id, other.name, ("-x", "a b"))
    finding = Finding(
        "ND101",
        "no shared network",
        Severity.ERROR,
        Confidence.CERTAIN,
        Layer.MEMBERSHIP,
        (about, db.ref),
        f"{app.name} and {db.name} share no network.",
        (
            "- one", "# two", "1. three", "+ four", "=====", "---", "| a | b |", "```sh", "</details>&amp;",
            "mail@example.org, @everyone, #12, www.evil.example, https://evil.example/x_y_z", "    indented", "",
        ),
        (
            Remedy("Connect `app`", (join,), safe=True),
            Remedy("Or | paste", advice="```\n`````\n{{ a }}\n${{ secrets.X }}"),
        ),
        edge,
    )  # fmt: skip
    later = replace(finding, code="ND301", title="listens on loopback only", announced=True, remedies=(), evidence=())
    unplaced = replace(finding, code="ND304", about=(db.ref,), confidence=Confidence.POSSIBLE, remedies=(), evidence=())
    seen = topology(app, db, pipe, other)
    places = {about: Place("dir,a:b%/é `x`|\x1b.yaml", 3, 9)}
    label = f"{app.name} -> {db.name}:80{edge.path}"
    twin = replace(edge, port=81)
    edges = (
        EdgeReport(edge, label, Verdict.BROKEN, ()),
        EdgeReport(twin, f"{label}1", Verdict.BROKEN, ()),
    )
    return Report(
        Verdict.BROKEN,
        edges,
        (finding, replace(finding, edge=twin), unplaced, later),
        topology=replace(seen, places=places),
        notices=("exec in `app` | <b>",),
    )


def one_unseen() -> Report:
    """What was asked holds, and one container could not be looked at."""
    seen, vantages, app, db, _ = healthy()
    hidden = Unseen("c" * 64, "cache", "Could not inspect container cccccccccccc: the answer has no State.")
    seen = replace(seen, unseen=(hidden,))
    return run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80, protocol="http"))


MORE: dict[str, tuple[Callable[[], Report], int, Look]] = {
    "lint-found": (lint_found, 1, Look(next_command="netdoctor explain ND101")),
    "lint-clean": (lint_clean, 0, Look()),
    "expectations": (expectations, 1, Look()),
    "markup": (markup, 1, Look(verbose=True)),
    "one-unseen": (one_unseen, 3, Look()),
}
"""Name -> (how it is made, its exit status, how it is looked at)."""
