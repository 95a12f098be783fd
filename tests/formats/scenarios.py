"""Reports that every format must print well: made by the diagnosis where it can make them, by hand where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from diagnosis.play import APP, COOLIFY, OWN, QDRANT, healthy, http_peer, incident, inside, run
from rules.build import container, network, topology

from netdoctor.formats.interface import Failure, Look
from netdoctor.model import (
    Confidence,
    Edge,
    Finding,
    Layer,
    Outcome,
    Ref,
    Remedy,
    Report,
    Severity,
    SkippedRule,
    Unjudged,
    Verdict,
)
from netdoctor.vantage.fake import FakeVantages
from netdoctor.vantage.interface import CannotAsk

from .ci_scenarios import MORE

SECRET = "hunter2Sup3rSecret"
SECONDS = {Layer.DNS: 0.0021, Layer.PING: 0.0004, Layer.TCP: 0.3012, Layer.HTTP: 1.25}
STORY = Edge(APP.ref, QDRANT.ref, name="qdrant", port=6333, path="/healthz", protocol="http")


def timed(report: Report) -> Report:
    """The same report as if every rung had always taken the same time."""

    def steps(found):
        return tuple(
            replace(step, observation=replace(step.observation, seconds=SECONDS.get(step.layer, 0.0))) for step in found
        )

    edges = tuple(replace(edge, steps=steps(edge.steps), reverse=steps(edge.reverse)) for edge in report.edges)
    return replace(report, edges=edges, seconds=0.4321)


def the_incident() -> Report:
    return run(*incident(), STORY)


def second_cause() -> Report:
    seen, vantages = incident()
    behind = FakeVantages({APP.ref: vantages.at(APP.ref), QDRANT.ref: inside(listens=["127.0.0.1:6333"])})
    return run(seen, behind, STORY)


def all_well() -> Report:
    seen, vantages, app, db, _ = healthy()
    return run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80, protocol="http"))


def no_vantage() -> Report:
    seen, _, app, db, _ = healthy()
    nobody = CannotAsk("ND901: Nothing can be asked from inside app: netns: entering a network namespace needs root.")
    return run(seen, FakeVantages({app.ref: nobody, db.ref: nobody}), Edge(app.ref, db.ref, name="db", port=80))


def several() -> Report:
    dials = {("10.0.0.3", 80): http_peer(), ("10.0.0.3", 81): Outcome.REFUSED, ("10.0.0.3", 82): CannotAsk("no room")}
    seen, vantages, app, db, _ = healthy(dials=dials)
    report = run(seen, vantages, *(Edge(app.ref, db.ref, name="db", port=port) for port in (80, 81, 82)))
    return replace(report, notices=("app was asked through docker exec (python3)",))


def no_rule_knows() -> Report:
    return run(*incident(), STORY, only=frozenset({"ND501"}))


def _found(code: str, severity: Severity, confidence: Confidence, **more) -> Finding:
    about = (Ref("container", APP.id, ("environment", "QDRANT_URL")),)
    return Finding(code, f"title of {code}", severity, confidence, Layer.TARGET, about, f"{code} is the cause.", **more)


def only_possible() -> Report:
    """Works; what is merely possible and what will break one day do not fail it."""
    report = all_well()
    found = (
        _found(
            "ND801", Severity.WARNING, Confidence.CERTAIN, remedies=(Remedy("Write it down", advice="a: 1\n  b: 2"),)
        ),
        _found("ND304", Severity.WARNING, Confidence.POSSIBLE, edge=report.edges[0].edge),
        _found("ND504", Severity.INFO, Confidence.LIKELY),
    )
    skipped = (SkippedRule("ND802", "needs compose files"),)
    return replace(
        report, findings=found, skipped=skipped, unjudged=(Unjudged("ND303", "no vantage", "listeners of db"),)
    )


def hostile() -> Report:
    """Names with control characters, endless names, secrets where nobody expects them."""
    evil = network("net\x1b[31m\nred")
    long = network("n" * 120)
    a = container("app\x1b]0;owned\x07\u202e", evil, environment=())
    b = container("b" * 100, long, address="10.0.0.9", environment=())
    edge = Edge(a.ref, b.ref, name="x\ty", port=80, path=f"/?token={SECRET}&<&\"'>", origin="environment A\nB")
    seen = topology(a, b, evil, long)
    report = run(seen, FakeVantages({a.ref: inside(name="exec\x1b"), b.ref: inside(listens=None)}), edge)
    extra = _found(
        "ND901", Severity.ERROR, Confidence.LIKELY,
        evidence=(f"DB_PASSWORD={SECRET}", "\x1b[2J::error::<script>", f"http://u:{SECRET}@db/ " + "w" * 200),
        remedies=(Remedy(f"Use https://u:{SECRET}@h", advice=f"password: x\x1b[31m\napi_key={SECRET}"),),
    )  # fmt: skip
    return replace(
        report,
        findings=(*report.findings, extra),
        notices=(f"note \x1b[0m Authorization: Bearer {SECRET}",),
        unjudged=(Unjudged("ND303", f"failed: token={SECRET}\n\x07", "q\x1b"),),
        edges=tuple(replace(each, reason=f"why\x1b[5m password={SECRET}") for each in report.edges),
    )


def nothing_asked() -> Report:
    return Report(Verdict.UNKNOWN, (), ())


REPORTS: dict[str, tuple[Callable[[], Report], int, Look]] = {
    "incident": (the_incident, 1, Look(next_command="netdoctor fix app qdrant --persist")),
    "second-cause": (second_cause, 1, Look()),
    "all-well": (all_well, 0, Look()),
    "no-vantage": (no_vantage, 3, Look(next_command="netdoctor explain ND901")),
    "several": (several, 1, Look()),
    "several-verbose": (several, 1, Look(verbose=True)),
    "no-rule-knows": (no_rule_knows, 1, Look()),
    "only-possible": (only_possible, 0, Look(verbose=True)),
    "hostile": (hostile, 1, Look(verbose=True, next_command="netdoctor fix \x1b[31m")),
    "nothing-asked": (nothing_asked, 3, Look()),
    **MORE,
}
"""Name -> (how it is made, its exit status, how it is looked at)."""

FAILURES: dict[str, Failure] = {
    "engine-unreachable": Failure("No Docker Engine at unix:///x.", "Start it.", 3, "ND902"),
    "wrong-usage": Failure(f"There is no container named 'a\x1b[31m'; password={SECRET}.", "Did you mean\nb?", 2),
    "interrupted": Failure("interrupted", "", 130),
}  # fmt: skip

__all__ = ["COOLIFY", "FAILURES", "OWN", "REPORTS", "SECRET", "timed"]
