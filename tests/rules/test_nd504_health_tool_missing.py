"""ND504: live from the check's own words, in files from what images are known to lack."""

from __future__ import annotations

import pytest

from netdoctor.model import Answers, Build, Case, Confidence, Fact, Health, HealthCheck, Severity
from netdoctor.rules._health import tools_of
from netdoctor.rules.nd504_health_tool_missing import RULE

from .build import container, network, story, topology

NET = network("n")
APP = container("app", NET)
SHELL = ("CMD-SHELL", "curl -f http://127.0.0.1:6333/ || exit 1")
EXEC = ("CMD", "curl", "-f", "http://127.0.0.1:6333/")


def live(test, status, output, state="unhealthy"):
    target = container(
        "api", NET, image="qdrant/qdrant:v1", health=Health(state, 3, test, ((status, output),)),
        healthcheck=HealthCheck(test),
    )  # fmt: skip
    return story(topology(APP, target, NET), APP, target, name="api", port=6333).works().judged(RULE)


@pytest.mark.parametrize(
    ("test", "status", "output"),
    [
        (SHELL, 1, "/bin/sh: 1: curl: not found\n"),
        (SHELL, 127, "/bin/sh: curl: not found"),
        (("CMD-SHELL", "curl x"), 127, "bash: line 1: curl: command not found"),
        (EXEC, -1, 'OCI runtime exec failed: exec: "curl": executable file not found in $PATH: unknown'),
        (EXEC, 127, 'exec failed: unable to start: exec: "curl": executable file not found in $PATH'),
    ],
)
def test_the_checks_own_words(test, status, output):
    (finding,) = live(test, status, output)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.CERTAIN)
    assert finding.cause == "The health check of api runs curl, which its image (qdrant/qdrant:v1) does not have."
    assert "/dev/tcp/127.0.0.1/6333" in finding.remedies[0].advice


@pytest.mark.parametrize(
    "output",
    [
        "curl: (7) Failed to connect to 127.0.0.1 port 6333: Connection refused",
        "curl: (22) The requested URL returned error: 404 Not Found",
        "wget: server returned error: HTTP/1.1 404 Not Found",
        "",
    ],
)
def test_a_check_that_ran_and_failed_is_another_cause(output):
    assert live(SHELL, 1, output) == ()


def test_a_check_that_passes_again_is_no_finding():
    assert live(SHELL, 127, "sh: curl: not found", state="healthy") == ()


def files(image, test, **fields):
    target = container("api", NET, image=image, healthcheck=HealthCheck(test), state=None, **fields)
    seen = topology(target, NET, knows=frozenset({Fact.DECLARED}))
    return tuple(RULE.judge(Case(seen, None, Answers())))


@pytest.mark.parametrize(
    ("image", "test"),
    [
        ("qdrant/qdrant", SHELL),
        ("qdrant/qdrant:latest", EXEC),
        ("docker.io/qdrant/qdrant:v1.13.0", ("CMD", "wget", "-q", "x")),
        ("python:3.12-slim", SHELL),
        ("postgres:16", SHELL),
        ("redis:7-alpine", SHELL),
        ("gcr.io/distroless/static-debian12", SHELL),
    ],
)
def test_images_that_are_known_to_lack_it(image, test):
    (finding,) = files(image, test)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LIKELY)
    assert finding.about[0].path == ("healthcheck", "test")


@pytest.mark.parametrize(
    ("image", "test"),
    [
        ("nginx:1.27", SHELL),
        ("redis:7-alpine", ("CMD", "wget", "-q", "x")),
        ("redis:7", ("CMD", "redis-cli", "ping")),
        ("postgres:16", ("CMD-SHELL", "pg_isready -U app")),
        ("qdrant/qdrant", ("CMD-SHELL", "bash -c ':> /dev/tcp/127.0.0.1/6333' || exit 1")),
        ("qdrant/qdrant", ("NONE",)),
        ("qdrant/qdrant", ()),
        ("example/own:1", SHELL),
        ("python:3.12-slim", ("CMD", "python", "-c", "import urllib.request as u; u.urlopen('http://curl')")),
        ("alpine:3", ("CMD-SHELL", "curl -f x || wget -q x")),
    ],
)
def test_what_is_there_or_not_known_is_no_finding(image, test):
    assert files(image, test) == ()


def test_an_image_that_is_built_may_have_anything():
    assert files("python:3.12-slim", SHELL, build=Build(".")) == ()


def test_tools_are_words_of_the_command():
    assert tools_of(SHELL) == ("sh", "curl")
    assert tools_of(EXEC) == ("curl",)
    assert tools_of(("CMD", "/bin/sh", "-c", "/usr/bin/wget -q x")) == ("sh", "wget")
    assert tools_of(("CMD", "cat", "/etc/curl")) == ()


def test_the_port_that_the_check_asks_is_kept():
    (finding,) = files("python:3.12-slim", ("CMD-SHELL", "curl -f http://localhost:8123/ || exit 1"))
    assert "/dev/tcp/127.0.0.1/8123" in finding.remedies[0].advice
