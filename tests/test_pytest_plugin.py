"""The plugin in a pytest of its own: over compose files without an engine, and on a real engine."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest

from netdoctor.pytest_plugin import _seconds

pytest_plugins = ["pytester"]

COMPOSE = """
services:
  app: {image: app, networks: [front]}
  redis: {image: redis, networks: [front]}
  qdrant: {image: qdrant/qdrant, networks: [back]}
networks: {front: {}, back: {}}
"""
NO_ENGINE = "unix:///nonexistent/netdoctor-test.sock"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with compose files, and no engine anywhere near."""
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    pytester.path.joinpath("compose.yaml").write_text(COMPOSE)
    return pytester


def ran(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    """In a process of its own, as a project's is."""
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *words)


def test_it_is_found_by_every_pytest_of_the_environment() -> None:
    found = {each.name: each.value for each in importlib.metadata.entry_points(group="pytest11")}
    assert found.get("netdoctor") == "netdoctor.pytest_plugin"


def test_files_are_judged_without_an_engine(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_good(reaches, isolated):
            assert reaches("app -> redis:6379").ok
            assert isolated("app", "qdrant:6333").ok

        def test_broken(reaches):
            reaches("app", "qdrant:6333")

        def test_open(isolated):
            isolated("app -x> redis:6379")

        def test_unknown(reaches):
            reaches("app -> nobody:80")

        def test_wrong(reaches):
            reaches("app -x> redis")
    """)
    result = ran(project, "--netdoctor-compose", "compose.yaml")
    result.assert_outcomes(passed=1, failed=4)
    said = result.stdout.str()
    assert "ND101 no shared network" in said and "fix: Connect" in said and "netdoctor explain ND101" in said
    assert "take one of them off it" in said
    assert "There is no container named 'nobody'" in said
    assert "is not of the form SOURCE -> TARGET" in said
    assert "Traceback" not in said and "assertions.py" not in said and "pytest_plugin.py" not in said


def test_the_configuration_can_name_the_files_and_a_fixture_the_topology(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nnetdoctor_compose = compose.yaml\nnetdoctor_wait = 0\n")
    test = "def test_{name}({name}):\n    {name}('app', 'qdrant:6333')\n"
    own = project.mkpydir("own")
    own.joinpath("compose.yaml").write_text(COMPOSE.replace("[back]", "[front]"))
    own.joinpath("conftest.py").write_text(
        "import netdoctor, pytest\n\n@pytest.fixture(scope='session')\ndef netdoctor_topology():\n"
        "    return netdoctor.Topology.from_compose('own/compose.yaml')\n"
    )
    own.joinpath("test_own.py").write_text(test.format(name="reaches"))
    project.makepyfile(test.format(name="isolated"))
    ran(project).assert_outcomes(passed=2)


def test_no_engine_and_no_file_are_sentences(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(reaches):\n    reaches('app -> redis:6379')\n")
    result = ran(project)
    result.assert_outcomes(failed=1)
    assert f"No Docker Engine at {NO_ENGINE}" in result.stdout.str()
    result = ran(project, "--netdoctor-bundle", "away.json")
    result.assert_outcomes(errors=1)
    assert "The bundle away.json cannot be read" in result.stdout.str() and "Traceback" not in result.stdout.str()


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "1e9"])
def test_a_time_that_is_none_is_a_sentence(pytester: pytest.Pytester, text: str) -> None:
    pytester.makeini(f"[pytest]\nnetdoctor_wait = {text}\n")
    with pytest.raises(pytest.UsageError, match=f"netdoctor_wait is '{text}'"):
        _seconds(pytester.parseconfig())


def test_it_costs_nothing_where_it_is_not_used(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import sys

        def test_nothing_is_loaded():
            ours = {name for name in sys.modules if name.startswith("netdoctor")}
            assert ours == {"netdoctor", "netdoctor.version", "netdoctor.pytest_plugin"}
            assert not {"docker", "yaml", "httpx", "rich"} & set(sys.modules)
    """)
    ran(project).assert_outcomes(passed=1)


@pytest.mark.docker
def test_a_real_engine_is_asked(pytester: pytest.Pytester, lab: Any) -> None:
    shared, alone = lab.network("shared"), lab.network("alone")
    server = ["busybox", "httpd", "-f", "-p", "8080"]
    app = lab.container("busybox", networks=[shared], word="app")
    near = lab.container("busybox", networks=[shared], word="near", command=server)
    far = lab.container("busybox", networks=[alone], word="far", command=server)
    for each in (near, far):
        lab.wait_for_listener(each, 8080)
    pytester.makepyfile(f"""
        def test_good(reaches, isolated):
            reaches("{app.name} -> {near.name}:8080")
            isolated("{app.name} -x> {far.name}:8080")

        def test_broken(reaches):
            reaches("{app.name} -> {far.name}:8080")

        def test_open(isolated):
            isolated("{app.name}", "{near.name}:8080")
    """)
    result = ran(pytester)
    result.assert_outcomes(passed=1, failed=2)
    said = result.stdout.str()
    assert (
        "ND101 no shared network" in said and f"{shared.name} {far.name}" in said and "docker network connect" in said
    )
    assert f"Both are on {shared.name}: take one of them off it." in said


def test_hostile_and_wrong_arguments_are_sentences_without_secrets_and_escapes(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_number(reaches):
            reaches(7)

        def test_escape(reaches):
            reaches("app\\x1b[31m", "redis:80")

        def test_wait(reaches):
            reaches("app", "redis:80", wait=float("nan"))

        def test_option(reaches):
            reaches("app", "redis:80", nonsense=1)
    """)
    for words in (
        ("--netdoctor-host", "tcp://u:hunter2S3cretZq@127.0.0.1:1"),
        ("--netdoctor-compose", "compose.yaml"),
    ):
        result = ran(project, *words)
        result.assert_outcomes(failed=4)
        said = "\n".join(result.outlines + result.errlines)
        assert "source is of type int" in said
        assert "wait is nan" in said
        assert "unexpected keyword argument 'nonsense'" in said
        assert "hunter2" not in said
        assert "\x1b" not in said
        assert "netdoctor itself failed" not in said
