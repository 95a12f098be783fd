"""ND405 is said when the caller's proxy, as its environment has it, cannot do what a direct request can."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Fact, Observation, Outcome, Severity
from netdoctor.model.proxies import bypassed, proxy_for
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.rules.nd405_proxy_swallows import RULE

from .build import container, network, story, topology

NET = network("n")
API = container("api", NET)


def told(environment, protocol="http", direct=Outcome.CONNECTED, knows=Fact.RUNTIME):
    app = container("app", NET, environment=tuple(environment.items()))
    seen = topology(app, API, NET, knows=frozenset({knows}))
    found = story(seen, app, API, name="api", port=8080, protocol=protocol)
    if knows is Fact.RUNTIME:
        found.dns(Outcome.CONNECTED).tcp(direct).http(direct, status=200)
    return found


def through(found, outcome, status=None, proxy="10.9.9.9"):
    question = Http(found.source.ref, proxy, 3128, "api", "http://api:8080/", strict=True)
    return found.saw(question, Observation(outcome, HttpEvidence(proxy, 3128, question.path, status)))


PROXIED = {"HTTP_PROXY": "http://user:pw@10.9.9.9:3128"}


@pytest.mark.parametrize(
    ("outcome", "status"), [(Outcome.HTTP_ERROR, 503), (Outcome.REFUSED, None), (Outcome.TIMED_OUT, None)]
)
def test_the_proxy_fails_where_a_direct_request_passes(outcome, status):
    (finding,) = through(told(PROXIED), outcome, status).judged(RULE)
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.LIKELY)
    assert finding.caller_fails
    assert "through the proxy 10.9.9.9:3128 (HTTP_PROXY), because NO_PROXY does not name api" in finding.cause
    assert finding.about[0].path == ("environment", "HTTP_PROXY")
    assert "pw" not in repr(finding.cause)


def test_the_question_is_put_as_a_client_puts_it_to_a_proxy():
    (question,) = told(PROXIED).wanted(RULE)
    assert (question.address, question.port, question.path) == ("10.9.9.9", 3128, "http://api:8080/")


def test_a_proxy_by_name_is_looked_up_first():
    found = told({"http_proxy": "proxy:3128"})
    assert found.wanted(RULE) == {Dns(found.source.ref, "proxy")}
    name = Dns(found.source.ref, "proxy")
    found.saw(name, Observation(Outcome.CONNECTED, DnsEvidence("proxy", ("10.9.9.9",))))
    assert len(found.wanted(RULE)) == 2
    assert len(through(found, Outcome.HTTP_ERROR, 502).judged(RULE)) == 1


def test_a_proxy_whose_name_gives_no_address_swallows_it_too():
    found = told({"http_proxy": "proxy:3128"})
    found.saw(Dns(found.source.ref, "proxy"), Observation(Outcome.NAME_NOT_FOUND, DnsEvidence("proxy")))
    assert len(found.judged(RULE)) == 1


def test_a_proxy_that_passes_it_on_is_health():
    assert through(told(PROXIED), Outcome.CONNECTED, 200).judged(RULE) == ()


def test_the_targets_own_status_through_the_proxy_is_health():
    found = told(PROXIED)
    found.http(Outcome.CONNECTED, status=404)
    assert through(found, Outcome.HTTP_ERROR, 404).judged(RULE) == ()


def test_where_a_direct_request_fails_the_proxy_is_not_blamed():
    found = told(PROXIED, direct=Outcome.REFUSED)
    assert found.wanted(RULE) == set()
    assert through(found, Outcome.HTTP_ERROR, 503).judged(RULE) == ()


@pytest.mark.parametrize("entry", ["api", "API", "*", "localhost, api", "api:8080", "10.0.0.0/8"])
def test_no_proxy_takes_the_target_out(entry):
    found = told({**PROXIED, "no_proxy": entry})
    assert found.wanted(RULE) == set() and through(found, Outcome.HTTP_ERROR, 503).judged(RULE) == ()


@pytest.mark.parametrize("entry", ["", "localhost", "pi", "api:9090", "192.0.2.0/24", "myapi"])
def test_an_entry_that_does_not_name_the_target_does_not(entry):
    assert not bypassed(container("app", environment=(("NO_PROXY", entry),)), "api", 8080, ("10.0.0.2",))


def test_a_domain_takes_its_hosts_out():
    app = container("app", environment=(("NO_PROXY", ".lab.test,example.test"),))
    assert bypassed(app, "api.lab.test", 80, ()) and bypassed(app, "a.example.test", 80, ())
    assert not bypassed(app, "notexample.test", 80, ())


def test_files_alone_make_it_a_warning():
    (finding,) = told(PROXIED, knows=Fact.DECLARED).judged(RULE)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LIKELY)
    assert not finding.caller_fails


@pytest.mark.parametrize("protocol", ["tcp", "redis", "postgres"])
def test_other_protocols_go_through_no_http_proxy(protocol):
    app = container("app", environment=tuple(PROXIED.items()))
    assert proxy_for(app, protocol, "api", 80) is None


def test_https_has_its_own_variable_and_loopback_never_goes_through_one():
    app = container("app", environment=(("HTTPS_PROXY", "https://p:8443"), ("ALL_PROXY", "socks5://s")))
    assert proxy_for(app, "https", "api", 443).host == "p"
    assert (proxy_for(app, "http", "api", 80).host, proxy_for(app, "http", "api", 80).port) == ("s", 1080)
    assert proxy_for(app, "http", "localhost", 80) is None and proxy_for(app, "http", "127.0.0.1", 80) is None
