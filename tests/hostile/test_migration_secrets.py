"""A key and a password, wherever a migration's commands are given one or told it again: in no output and no file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cli.conftest import Ended, in_a_child, netdoctor
from migration.lab import Server, records, server, write_export

from .attack import SECRET, raw

BARE = "Zk3cretWithoutAShape9x"
"""A key that looks like nothing; only who holds it can know it."""


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory) -> Iterator[Server]:
    """It wants the key ``BARE``."""
    with server(tmp_path_factory.mktemp("qdrant"), api_key=BARE) as running:
        yield running


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    things = records(12, 4)
    for each in things:
        each["namespace"] = "n"
    write_export(tmp_path / "e.json", things)
    return tmp_path


def clean(ended: Ended, folder: Path, secret: str = SECRET) -> Ended:
    """Nothing said and nothing kept has it; a file's name neither."""
    assert secret not in ended.out + ended.err
    assert (raw(ended.out), raw(ended.err.replace("\r", ""))) == ([], [])
    assert "itself failed" not in ended.err, ended.err
    for path in folder.rglob("*"):
        assert secret not in path.name
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    return ended


ADDRESSES = (
    "http://u:{}@127.0.0.1:1",
    "http://{}@127.0.0.1:1",
    "u:{}@127.0.0.1:1",
    "http://u:p@{}/x@127.0.0.1:1",
    "http://127.0.0.1:1/?api_key={}",
    "http://127.0.0.1:1/#{}",
    "https://127.0.0.1:1/p?x=1&unheard-of={}",
    "http://u:{}@[::1",
    "qdrant://u:{}@127.0.0.1:1",
)
COMMANDS = (
    ("migrate", "e.json", "--to", "{}"),
    ("migrate", "e.json", "--to", "{}", "--dry-run"),
    ("migrate", "e.json", "--to", "{}", "--dry-run", "--format", "json"),
    ("migrate", "{}", "--to", "http://127.0.0.1:1"),
    ("migrate", "qdrant:{}", "--to", "http://127.0.0.1:1"),
    ("migrate", "pinecone:{}", "--to", "http://127.0.0.1:1"),
    ("vectors", "bench", "n", "--to", "{}", "--format", "json", "--report", "json=r.json"),
    ("vectors", "snapshot", "list", "n", "--to", "{}"),
    ("vectors", "capacity", "n", "--to", "{}", "-o", "c.json", "--format", "json"),
    ("vectors", "export", "--from", "qdrant:{}", "-o", "o.json"),
    ("vectors", "export", "--from", "pinecone:x", "--source-option", "host={}", "-o", "o.json"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: "-".join(words[:2]))
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(here, command):
    for address in ADDRESSES:
        words = [word.format(address.format(SECRET)) for word in command]
        ended = clean(netdoctor(*words, env={"PINECONE_API_KEY": BARE}), here)
        assert ended.status == 2, (words, ended)
        assert BARE not in ended.out + ended.err


@pytest.mark.parametrize("variable", ["QDRANT_URL", "QDRANT_URL_MIGRATION"])
def test_a_variable_with_a_secret_in_it_is_refused_and_not_repeated(here, variable):
    for address in ADDRESSES:
        ended = netdoctor("migrate", "e.json", env={variable: address.format(SECRET)})
        assert clean(ended, here).status == 2, address


def test_a_file_for_an_engine_keeps_no_address_with_a_secret(here):
    assert netdoctor("migrate", "e.json", "--dry-run", "--plan", "plan.json").status == 0
    for form in ("swarm-job", "k8s-job"):
        words = ["migrate", "e.json", "--plan", "plan.json", "--emit", form, "--volume", "v"]
        ended = netdoctor(*words, "--to", f"http://u:{SECRET}@qdrant:6333")
        assert clean(ended, here).status == 2
        assert "credentials" in ended.err


def test_the_key_of_a_whole_migration_is_nowhere(here, qdrant):
    env = {"QDRANT_API_KEY": BARE, "NETDOCTOR_STATE_DIR": str(here / "state")}
    to = ["--to", qdrant.url, "--grpc-port", str(qdrant.grpc)]
    commands = (
        ["migrate", "e.json", *to],
        ["vectors", "verify", "e.json", "--format", "json"],
        ["vectors", "bench", "n", *to, "--rounds", "1", "--save", "s.json", "--plot", "p.svg"],
        ["vectors", "export", "--from", f"qdrant:{qdrant.url}/n", "-o", "o.json", "--format", "json"],
        ["vectors", "rollback", "e.json", "--yes", "--format", "json"],
    )
    for words in commands:
        more = {"QDRANT_SOURCE_API_KEY": BARE} if "export" in words else {}
        ended = clean(in_a_child(*words, "-v", env=env | more, cwd=here), here, BARE)
        assert ended.status == 0, ended
    ended = clean(netdoctor("migrate", "e.json", *to, env={"QDRANT_API_KEY": f"{BARE}x"}), here, f"{BARE}x")
    assert ended.status in (1, 2)


class Echo(BaseHTTPRequestHandler):
    """Says the key that it was given, bare, in every answer, as a broken proxy does."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        key = self.headers.get("api-key") or self.headers.get("Api-Key") or ""
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        result: object = {"collections": []} if self.path == "/collections" and self.command == "GET" else None
        good = result is not None or self.path in ("/", "/healthz")
        told = {"result": result, "status": {"error": f"what is {key} for?"}, "version": key, "name": key}
        body = json.dumps(told).encode()
        self.send_response(200 if good else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Said", key)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join(5)


@pytest.mark.parametrize("form", ["human", "json"])
def test_a_server_that_says_the_key_again_is_not_quoted_with_it(here, echo, form):
    env = {"QDRANT_API_KEY": BARE, "QDRANT_SOURCE_API_KEY": BARE, "PINECONE_API_KEY": BARE}
    commands = (
        ["migrate", "e.json", "--to", f"http://{echo}", "--patience", "0"],
        ["vectors", "bench", "n", "--to", f"http://{echo}"],
        ["vectors", "snapshot", "create", "n", "--to", f"http://{echo}"],
        ["vectors", "export", "--from", f"qdrant:http://{echo}/n", "-o", "o.json"],
        ["vectors", "export", "--from", f"pinecone:http://{echo}", "-o", "o.json"],
    )
    for words in commands:
        ended = clean(netdoctor(*words, "--format", form, env=env), here, BARE)
        assert ended.status in (1, 2, 3), ended
    # The next command of this process holds no key, and may say that word.
    assert BARE in netdoctor(BARE).err
