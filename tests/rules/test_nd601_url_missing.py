"""ND601: the variable that means the target holds no address; samples that do not matter are left alone."""

from __future__ import annotations

import pytest

from netdoctor.model import Answers, Blank, Case, Confidence, Container, Dependency, Fact, Outcome, Severity
from netdoctor.model.placeholders import placeholder
from netdoctor.rules._variables import speaks_of
from netdoctor.rules.nd601_url_missing import RULE

from .build import container, network, story, topology

NET = network("shop_default")


def told(environment, *, seen=None, **target):
    app = container("shop-app-1", NET, service="app", project="shop", environment=tuple(environment.items()))
    target = {"service": "vectors", "project": "shop", "image": "qdrant/qdrant:v1.16.1", **target}
    vectors = container(target.pop("name", "shop-vectors-1"), NET, **target)
    return story(topology(NET, app, vectors), app, vectors, name="vectors", port=6333).works()


@pytest.mark.parametrize(
    "value",
    ["", "  ", '""', "${QDRANT_URL}", "http://${HOST}:6333", "<your url>", "http://<host>:6333", "changeme",
     "http://placeholder:6333", "http://your-host-here:6333", "https://YOUR_HOST", "http://", "undefined",
     "https://qdrant.example.com", "http://user:secret@change-me:6333/x"],
)  # fmt: skip
@pytest.mark.parametrize("variable", ["VECTORS_URL", "QDRANT_URL", "VECTOR_HOST"])
def test_a_variable_that_means_the_target_and_holds_no_address_breaks_the_callers_own_way(variable, value):
    (finding,) = told({variable: value}).judged(RULE)
    assert finding.severity is Severity.ERROR and finding.caller_fails
    assert finding.confidence is not Confidence.POSSIBLE
    assert finding.about[0].path == ("environment", variable)
    assert "secret" not in repr(finding.cause) + repr(finding.evidence)


@pytest.mark.parametrize(
    "environment",
    [
        {"VECTORS_URL": "http://vectors:6333", "QDRANT_URL": ""},
        {"VECTORS_URL": "http://shop-vectors-1:6333"},
        {"SENTRY_DSN": "", "HTTP_PROXY": ""},
        {"CORS_ORIGIN": "https://example.com", "SMTP_HOST": "smtp.example.com"},
        {"SITE_URL": "https://www.example.com"},
        {"API_TOKEN": "changeme", "QDRANT_API_KEY": ""},
        {"HOST": "", "HOSTNAME": ""},
        {"MAIL_URL": "http://changeme", "OTHER_URL": "http://real:80"},
        {"QDRANT_URL": "unix:///run/qdrant.sock"},
        {},
    ],
)
def test_an_address_that_is_right_or_of_no_concern_is_no_finding(environment):
    assert told(environment).judged(RULE) == ()


def test_a_container_that_is_really_called_like_a_sample_is_no_placeholder():
    assert told({"VECTORS_URL": "http://placeholder"}, name="placeholder").judged(RULE) == ()


def test_the_only_address_a_caller_has_need_not_name_the_target():
    (finding,) = told({"BACKEND_URL": "http://changeme:80"}).judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_a_sample_host_outside_docker_is_why_its_name_does_not_resolve():
    from netdoctor.model import Edge, Observation, Ref
    from netdoctor.probes.dns import Dns, DnsEvidence

    app = container("app", NET, environment=(("API_URL", "http://your-host-here:80"),))
    edge = Edge(app.ref, Ref("external", "your-host-here"), name="your-host-here", port=80)
    lost = Observation(Outcome.RESOLVER_FAILED, DnsEvidence("your-host-here"))
    case = Case(topology(NET, app), edge, Answers({Dns(app.ref, "your-host-here"): lost}))
    (finding,) = RULE.judge(case)
    assert finding.confidence is Confidence.CERTAIN
    assert "ND201" in RULE.suppresses


def declared(*containers: Container) -> Case:
    seen = topology(NET, *containers, knows=frozenset({Fact.DECLARED}), source="compose")
    return Case(seen, None, Answers())


def service(name: str, **fields) -> Container:
    return container(f"shop-{name}-1", NET, service=name, project="shop", state=None, **fields)


def test_files_alone_tell_a_placeholder_and_an_empty_address_of_a_sibling():
    db = service("db", image="postgres:16")
    sample = service("app", environment=(("DATABASE_URL", "postgres://changeme/x"),))
    (finding,) = RULE.judge(declared(db, sample))
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.LIKELY)
    empty = service("app", environment=(("DB_HOST", ""),))
    (finding,) = RULE.judge(declared(db, empty))
    assert finding.severity is Severity.WARNING
    waits = service("app", environment=(("DB_HOST", ""),), depends_on=(Dependency("db", db.id),))
    (finding,) = RULE.judge(declared(db, waits))
    assert finding.severity is Severity.ERROR


def test_a_variable_that_the_deploying_machine_fills_in_is_only_possible():
    db = service("db", image="postgres:16")
    blank = (Blank(("environment", "DATABASE_URL"), "DATABASE_URL"),)
    app = service("app", environment=(("DATABASE_URL", ""),), blanks=blank)
    (finding,) = RULE.judge(declared(db, app))
    assert finding.confidence is Confidence.POSSIBLE


def test_in_files_an_empty_or_sample_address_of_nobody_in_them_is_no_error():
    app = service("app", environment=(("SENTRY_DSN", ""), ("SITE_URL", "https://example.com"), ("X_URL", "http://a")))
    assert list(RULE.judge(declared(app))) == []
    app = service("app", environment=(("HOOK_URL", "https://your-domain-here/x"),))
    (finding,) = RULE.judge(declared(app))
    assert finding.severity is Severity.WARNING


def test_words_that_mean_a_container():
    db = container("abc-1f-maindb", NET, service="db", image="library/postgres:16")
    for variable in ("DB_HOST", "DATABASE_URL", "POSTGRES_HOST", "PGHOST", "MAINDB_URL"):
        assert speaks_of(variable, db)
    for variable in ("FEEDBACK_URL", "REDIS_URL", "SMTP_HOST"):
        assert not speaks_of(variable, db)


def test_addresses_are_no_placeholders():
    for value in ("http://here:80", "postgres://a:b@db,db2/x", "http://[::1]:80", "kafka-1:9092", "0.0.0.0"):
        assert placeholder(value) is None
