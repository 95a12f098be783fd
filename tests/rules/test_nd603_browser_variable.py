"""ND603: what goes into browser code must not hold a container's name; it is a warning, for the edge itself works."""

from __future__ import annotations

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Answers, Build, Case, Fact, Severity, Verdict
from netdoctor.rules.nd603_browser_variable import RULE

from .build import container, network, story, topology

NET = network("shop_default")
API = container("shop-api-1", NET, service="api", project="shop", address="10.1.0.9")


def told(**environment):
    web = container("shop-web-1", NET, service="web", project="shop", environment=tuple(environment.items()))
    return story(topology(NET, web, API), web, API, name="api", port=8000).works()


@pytest.mark.parametrize(
    "variable",
    ["NEXT_PUBLIC_API_URL", "VITE_API", "REACT_APP_BACKEND", "PUBLIC_API_URL", "NUXT_PUBLIC_API_BASE",
     "EXPO_PUBLIC_API_URL"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["http://api:8000", "https://shop-api-1/v1", "ws://API:8000/ws", "http://10.1.0.9"])
def test_an_internal_name_in_browser_code_is_a_warning_on_an_edge_that_works(variable, value):
    case = told(**{variable: value}).case
    (finding,) = judge_edge(case, [RULE], Verdict.HOLDS)
    assert finding.severity is Severity.WARNING and not finding.caller_fails
    assert finding.about[0].path == ("environment", variable)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("API_URL", "http://api:8000"),
        ("NEXT_PUBLIC_API_URL", "https://api.shop.example"),
        ("NEXT_PUBLIC_API_URL", "/api"),
        ("NEXT_PUBLIC_API_URL", "http://localhost:8000"),
        ("NEXT_PUBLIC_NAME", "api"),
        ("VITE_TITLE", "http"),
        ("PUBLIC_URL", ""),
        ("NEXT_PUBLIC_OTHER", "http://elsewhere:80"),
    ],
)
def test_the_servers_own_variables_and_public_urls_are_no_finding(variable, value):
    assert told(**{variable: value}).judged(RULE) == ()


def test_files_alone_tell_it_of_variables_and_of_build_arguments():
    build = Build("web", args=(("VITE_API_URL", "http://api:8000"), ("VERSION", "1")))
    web = container("web", NET, service="web", environment=(("NEXT_PUBLIC_A", "http://api"),), build=build, state=None)
    case = Case(topology(NET, web, API, knows=frozenset({Fact.DECLARED}), source="compose"), None, Answers())
    assert [finding.about[0].path for finding in RULE.judge(case)] == [
        ("environment", "NEXT_PUBLIC_A"),
        ("build", "args", "VITE_API_URL"),
    ]
