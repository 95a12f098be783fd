"""A client that is made at import and connects on first use: in threads, in forks, with every wrong address named."""

from __future__ import annotations

import copy
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netdoctor.errors import NetdoctorError
from netdoctor.lazy import BadQdrantUrl, LazyQdrant, QdrantUnreachable

from .lab import Server, server


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("qdrant"), api_key="right") as running:
        yield running


def lazy(qdrant: Server, **environment: str) -> LazyQdrant:
    # A key over plain HTTP is what the client warns of; on loopback it is meant.
    told = {"QDRANT_URL": qdrant.url, "QDRANT_API_KEY": "right", **environment}
    return LazyQdrant(environment=told, make=quiet)


def quiet(**options: Any) -> Any:
    from qdrant_client import QdrantClient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return QdrantClient(check_compatibility=False, **options)


def test_importing_and_creating_it_loads_and_reads_nothing() -> None:
    code = (
        "import sys; from netdoctor.lazy import LazyQdrant; client = LazyQdrant();"
        "print(repr(client), *[n for n in ('qdrant_client', 'httpx', 'numpy', 'grpc', 'pydantic') if n in sys.modules])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QDRANT")}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True, env=environment
    )
    assert (found.stdout.strip(), found.stderr) == ("<LazyQdrant: not used yet>", "")


def test_first_use_connects_and_tells_the_address_once(qdrant: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "netdoctor")
    secret = qdrant.url.replace("http://", "http://me:s3cret@")
    with lazy(qdrant, QDRANT_URL_MIGRATION=secret, QDRANT_URL="http://placeholder") as client:
        assert not client.connected and caplog.records == []
        assert client.get_collections().collections == []
        assert client.collection_exists("x") is False
        assert client.connected and client.client is client.client
    assert [record.getMessage() for record in caplog.records if record.name == "netdoctor.lazy"] == [
        f"Qdrant at {qdrant.url.replace('http://', 'http://***@')} (from QDRANT_URL_MIGRATION)"
    ]
    assert not client.connected


def test_many_threads_make_one_client(qdrant: Server) -> None:
    made: list[Any] = []
    start = threading.Barrier(12)

    def make(**options: Any) -> Any:
        made.append(quiet(**options))
        return made[-1]

    client = LazyQdrant(qdrant.url, api_key="right", make=make, environment={})
    found: list[Any] = []

    def use() -> None:
        start.wait()
        found.append(client.get_collections)

    threads = [threading.Thread(target=use) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    client.close()
    assert len(made) == 1 and len(found) == 12


def test_threads_that_wait_for_one_that_fails_do_not_wait_again(qdrant: Server) -> None:
    tries: list[int] = []
    waiting = threading.Semaphore(0)

    def slow(**options: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            for _ in range(7):
                waiting.acquire(timeout=20)
            time.sleep(0.5)  # until they are at the lock as well
        raise ValueError("no such option")

    client = LazyQdrant(qdrant.url, environment={}, make=slow)
    told: list[str] = []

    def use() -> None:
        waiting.release()
        with pytest.raises(BadQdrantUrl) as refused:
            client.get_collections()
        told.append(refused.value.message)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(told) == 8 and len(set(told)) == 1 and (tried := len(tries)) < 4
    with pytest.raises(BadQdrantUrl):
        client.get_collections()  # tried anew
    assert len(tries) == tried + 1


def test_a_forked_process_makes_its_own(qdrant: Server) -> None:
    with lazy(qdrant) as client:
        before = client.client
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside other threads
            pid = os.fork()
        if pid == 0:
            own = not client.connected and client.client is not before and client.collection_exists("x") is False
            os._exit(0 if own else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert client.client is before


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "None of QDRANT_URL_MIGRATION, QDRANT_URL is set"),
        ({"QDRANT_URL": ""}, "QDRANT_URL is empty"),
        ({"QDRANT_URL_MIGRATION": "", "QDRANT_URL": " "}, "QDRANT_URL_MIGRATION is empty"),
        ({"QDRANT_URL_MIGRATION": "", "QDRANT_URL": "http://<host>"}, "QDRANT_URL holds a <...>"),
        ({"QDRANT_URL": "http://placeholder:6333"}, "QDRANT_URL holds the sample value placeholder"),
        ({"QDRANT_URL": "${QDRANT_URL}"}, "holds a variable that nobody filled in"),
        ({"QDRANT_URL": "https://me:s3cret@<your-cluster>"}, "to be filled in"),
        ({"QDRANT_URL": "https://qdrant.example.com"}, "sample name qdrant.example.com"),
        ({"QDRANT_URL": "qdrant:6333"}, "is no http:// or https:// URL"),
        ({"QDRANT_URL": "ftp://me:s3cret@qdrant"}, "is no http:// or https:// URL"),
        ({"QDRANT_URL": "http://qdrant:99999"}, "is no http:// or https:// URL"),
        ({"QDRANT_URL": "http://[::1"}, "is no http:// or https:// URL"),
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(environment: dict[str, str], sentence: str) -> None:
    client = LazyQdrant(environment=environment)
    with pytest.raises(BadQdrantUrl, match=sentence) as refused:
        client.get_collections()
    assert refused.value.hint and "s3cret" not in f"{refused.value} {refused.value.hint}"
    assert not client.connected


def test_a_wrong_key_and_a_closed_port_are_told_and_tried_anew(qdrant: Server) -> None:
    environment = {"QDRANT_URL": qdrant.url, "QDRANT_API_KEY": "wr0ng"}
    client = LazyQdrant(environment=environment, make=quiet)
    with pytest.raises(QdrantUnreachable, match="refuses the API key") as refused:
        client.get_collections()
    assert "wr0ng" not in str(refused.value)
    environment["QDRANT_URL"] = "http://127.0.0.1:9"
    with pytest.raises(QdrantUnreachable, match=r"http://127.0.0.1:9 \(from QDRANT_URL\)") as refused:
        client.get_collections()
    assert refused.value.hint == "netdoctor check CONTAINER 127.0.0.1:9"
    environment |= {"QDRANT_URL": qdrant.url, "QDRANT_API_KEY": "right"}
    assert client.get_collections().collections == []
    client.close()


def test_looking_at_it_does_not_connect() -> None:
    client = LazyQdrant(environment={})
    assert repr(client) == "<LazyQdrant: not used yet>"
    assert not hasattr(client, "_repr_html_") and not hasattr(client, "__deepcopy__")
    with pytest.raises((TypeError, AttributeError)):
        copy.deepcopy(client)  # a lock cannot be copied; and nothing was dialled
    assert not client.connected
    with pytest.raises(NetdoctorError):
        _ = client.upsert


APP = """
import logging, sys
from netdoctor.lazy import LazyQdrant

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(name)s %(message)s")
qdrant = LazyQdrant(prefer_grpc=False)


def main() -> None:
    from qdrant_client import models

    qdrant.create_collection("app", models.VectorParams(size=2, distance=models.Distance.DOT))
    qdrant.upsert("app", [models.PointStruct(id=1, vector=[1.0, 2.0])])
    print("points", qdrant.count("app").count)
    qdrant.delete_collection("app")
    qdrant.close()


if __name__ == "__main__" and "--build" not in sys.argv:
    main()
"""


def test_a_small_app_builds_without_a_server_and_works_with_one(qdrant: Server, tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(APP)

    def started(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QDRANT")}
        return subprocess.run(
            [sys.executable, "-W", "ignore", str(app), *words],
            capture_output=True, text=True, timeout=60, check=False, env={**kept, **environment},
        )  # fmt: skip

    build = started("--build", QDRANT_URL="http://placeholder:6333")
    assert (build.returncode, build.stdout, build.stderr) == (0, "", "")
    broken = started(QDRANT_URL="http://placeholder:6333")
    assert broken.returncode == 1 and "QDRANT_URL holds the sample value placeholder" in broken.stderr
    good = started(QDRANT_URL=qdrant.url, QDRANT_API_KEY="right")
    assert good.returncode == 0, good.stderr
    lines = [line for line in good.stdout.splitlines() if not line.startswith("httpx")]
    assert lines == [f"netdoctor.lazy Qdrant at {qdrant.url} (from QDRANT_URL)", "points 1"]
