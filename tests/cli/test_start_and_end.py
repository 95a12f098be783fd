"""What a command loads before it begins, and what it spends when it is done: nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import settings

HTTPD = ["httpd", "-f", "-p", "8080", "-h", "/tmp"]

UNUSED = {
    *("grpc", "httpx", "ijson", "networkx", "numpy", "orjson", "pydantic", "qdrant_client", "rich", "simdjson", "yaml"),
    *("asyncio", "multiprocessing", "sqlite3", "unittest", "xml"),
}
"""Packages that other verbs use, or that a library would load for what nobody asked."""
OTHER_ROOMS = {
    f"netdoctor.{room}"
    for room in ("api", "compose_edit", "fixes", "live", "maps", "migration", "platforms", "readiness")
}
PICKED = {
    "netdoctor.cli.": {"_elsewhere", "_expected", "_interrupts", "_progress", "check", "common", "main", "settings"},
    "netdoctor.formats.": {"_findings", "_paint", "human", "interface"},
    "netdoctor.topology.": {"engine", "links", "names"},
}
"""Rooms of which a check of two containers uses a few modules only."""
OTHER_PLACES = {
    f"netdoctor.vantage.{each}" for each in ("exec", "exec_streams", "host", "joined", "relayed", "sidecar")
}
"""From inside a network namespace no other vantage is needed."""


def child(code: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, env=settings(**env), cwd="/"
    )


def loaded(*words: str, **env: str) -> set[str]:
    """Every module that the process has at its end."""
    code = "import sys; from netdoctor.cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    ended = child(code, *words, **env)
    found = set(ended.stderr.splitlines()[-1].split())
    assert "netdoctor.diagnosis.run" in found, ended
    return found


def not_needed(found: set[str]) -> set[str]:
    """Of these modules the ones that a check of two containers has no use for."""
    own = {f"{room}{name}" for room, names in PICKED.items() for name in names}
    of_picked_rooms = {name for name in found if name.startswith(tuple(PICKED))}
    return {name for name in found if name.partition(".")[0] in UNUSED} | found & OTHER_ROOMS | of_picked_rooms - own


def test_a_check_loads_nothing_that_it_does_not_use(host):
    assert not_needed(loaded("check", "app", "db:5432", DOCKER_HOST=host)) == set()


@pytest.mark.docker
def test_a_check_from_inside_a_network_namespace_loads_no_other_vantage(lab):
    net = lab.network()
    target = lab.container(networks=[net], command=HTTPD, word="target")
    app = lab.container(networks=[net], word="app")
    lab.wait_for_listener(target, 8080)
    found = loaded("check", app.name, f"{target.name}:8080", DOCKER_HOST=lab.engine.host.url)
    if "netdoctor.vantage.netns" not in found or "netdoctor.vantage.relay" in found:
        pytest.skip("another vantage was used")
    assert not_needed(found) | found & OTHER_PLACES == set()


def test_the_end_of_a_run_collects_nothing():
    # Exit handlers run before the interpreter's last collections, which leave alone what is frozen.
    code = (
        "import atexit, gc, sys; from netdoctor.cli.main import main;"
        "atexit.register(lambda: print(gc.get_freeze_count() > len(gc.get_objects())));"
        "main(['--version'])"
    )
    ended = child(code)
    assert ended.stdout.splitlines()[1:] == ["True"], ended.stderr


def test_a_run_of_an_ordinary_size_collects_nothing_either(host):
    code = (
        "import atexit, gc, sys; from netdoctor.cli.main import main;"
        "before = gc.get_stats();"
        "atexit.register(lambda: print(gc.get_stats() == before, file=sys.stderr));"
        "main(sys.argv[1:])"
    )
    ended = child(code, "check", "app", "db:5432", DOCKER_HOST=host)
    assert ended.stderr.splitlines()[-1] == "True", ended
