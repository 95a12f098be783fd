"""The pytest plugin: a project's own tests state who reaches whom, and a failure says the cause and the remedy.

    def test_the_app_reaches_its_database(reaches):
        reaches("app -> db:5432")

    def test_the_web_server_does_not(isolated):
        isolated("web -x> db:5432")

Asked is the engine, from inside the containers; with ``--netdoctor-compose FILE`` (or ``netdoctor_compose`` in the
configuration) the files are judged, without an engine; with ``--netdoctor-bundle FILE`` what was recorded. A fixture
``netdoctor_topology`` of your own wins over all of them. Nothing of netdoctor is loaded before a test asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    from netdoctor.api.topology import Topology
    from netdoctor.model import Report

T = TypeVar("T")


class Asserts(Protocol):
    """``reaches("app", "qdrant:6333/healthz")`` or ``reaches("app -> qdrant:6333")``; ``wait`` in seconds.

    Further options are those of :func:`netdoctor.check`. Fails the test unless what is stated is proven.
    """

    def __call__(self, source: str, target: str | None = None, **options: Any) -> Report: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("netdoctor", "netdoctor: who reaches whom between containers")
    group.addoption("--netdoctor-host", metavar="URL", help="the engine to ask, like ssh://user@host")
    group.addoption("--netdoctor-context", metavar="NAME", help="the Docker context to use")
    group.addoption(
        "--netdoctor-compose", metavar="FILE", action="append", help="judge compose files instead of an engine"
    )
    group.addoption("--netdoctor-bundle", metavar="FILE", help="judge a bundle instead of an engine")
    group.addoption(
        "--netdoctor-wait", metavar="SECONDS", type=float, help="ask again until it holds, this long (default 0)"
    )
    parser.addini("netdoctor_compose", "compose files to judge instead of an engine", type="paths", default=[])
    parser.addini("netdoctor_wait", "ask again until it holds, this many seconds", default="0")


@pytest.fixture(scope="session")
def netdoctor_topology(pytestconfig: pytest.Config) -> Topology | None:
    """What is judged: files, a bundle, or (None) the engine, read anew for each assertion."""
    bundle = pytestconfig.getoption("--netdoctor-bundle")
    files = pytestconfig.getoption("--netdoctor-compose") or pytestconfig.getini("netdoctor_compose")
    if not bundle and not files:
        return None
    from netdoctor import Topology

    return _told(lambda: Topology.from_bundle(bundle) if bundle else Topology.from_compose(*files))


@pytest.fixture(scope="session")
def reaches(pytestconfig: pytest.Config, netdoctor_topology: Topology | None) -> Asserts:
    """Fail unless the source reaches the target, proven from inside."""
    return _assertion("reaches", pytestconfig, netdoctor_topology)


@pytest.fixture(scope="session")
def isolated(pytestconfig: pytest.Config, netdoctor_topology: Topology | None) -> Asserts:
    """Fail unless the source is proven NOT to reach the target."""
    return _assertion("isolated", pytestconfig, netdoctor_topology)


def _assertion(expect: str, config: pytest.Config, topology: Topology | None) -> Asserts:
    given: dict[str, Any] = {
        "topology": topology,
        "host": config.getoption("--netdoctor-host"),
        "context": config.getoption("--netdoctor-context"),
    }
    if topology is None or topology.source == "engine":
        given["wait"] = _seconds(config)

    def asserts(source: str, target: str | None = None, **options: Any) -> Report:
        __tracebackhide__ = True
        import netdoctor

        ask = netdoctor.assert_reaches if expect == "reaches" else netdoctor.assert_isolated
        return _told(lambda: ask(source, target, **{**given, **options}))

    return asserts


def _told(action: Callable[[], T]) -> T:
    """A failure is the sentence, not the way to it."""
    __tracebackhide__ = True
    from netdoctor import NetdoctorError, NotAsExpected

    try:
        return action()
    except NotAsExpected as failed:
        said = str(failed)
    except NetdoctorError as error:
        said = f"netdoctor: {error.message}" + (f"\n  {error.hint}" if error.hint else "")
    pytest.fail(said, pytrace=False)


def _seconds(config: pytest.Config) -> float:
    asked = config.getoption("--netdoctor-wait")
    text = config.getini("netdoctor_wait") if asked is None else asked
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86400:
        raise pytest.UsageError(f"netdoctor_wait is {text!r}, and not a number of seconds from 0 to 86400.")
    return seconds
