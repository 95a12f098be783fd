"""A true Qdrant that lies in one answer: found out, in one sentence, and never a success."""

from __future__ import annotations

import pytest
from cli.conftest import netdoctor
from migration.lab import records, server, write_export

from .attack import raw
from .crooked import crooked

DEEP = b'{"result":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"
LIES = (
    ("GET /collections$", b'{"result":{"collections":[null]}}'),
    ("GET /collections/n$", b'{"result":{"config":{"params":{"vectors":{"size":1e999,"distance":"Evil"}}}}}'),
    ("GET /collections/n$", DEEP),
    ("PUT /collections/n/points", b'{"result":{"status":"\\u001b[31mcompleted\\u202e"}}'),
    ("points/count", b'{"result":{"count":1e999}}'),
    ("points/scroll", b'{"result":null}'),
    ("points/scroll", b'{"result":{"points":[{"id":{"a":1},"vector":[1e999,"x",null],"payload":[1]}]}}'),
    ("points/scroll", b'{"result":{"points":[null]}}'),
    ("points/query/batch", b'{"result":[{"points":[{"id":"\\u001b[31m","score":"x"}]}]}'),
    ("points/query/batch", b'{"result":7}'),
)


@pytest.fixture(scope="module")
def lying(tmp_path_factory):
    with server(tmp_path_factory.mktemp("qdrant")) as running, crooked(running.rest) as found:
        yield found


@pytest.fixture
def migrated(tmp_path, monkeypatch, own, lying):
    """The liar, its URL, and a collection that was migrated into while it told the truth."""
    state, url = lying
    state.tell("$^", b"")
    monkeypatch.chdir(tmp_path)
    things = records(12, 4)
    for each in things:
        each["namespace"] = own
    write_export(tmp_path / "e.json", things)
    assert netdoctor("migrate", "e.json", "--to", url).status == 0
    return state, url, own


@pytest.fixture
def own(request):
    return f"c{abs(hash(request.node.name))}"


def told(ended, state):
    assert state.lied, "the lie was never asked for"
    assert ended.status in (1, 3), ended
    assert "itself failed" not in ended.err, ended.err
    assert (raw(ended.out), raw(ended.err.replace("\r", ""))) == ([], [])
    assert len(ended.out + ended.err) < 5_000


@pytest.mark.parametrize("number", range(len(LIES)))
def test_no_command_takes_the_lie(migrated, number):
    state, url, own = migrated
    pattern, body = LIES[number]
    pattern = pattern.replace("/n", f"/{own}")
    words = {
        "GET /collections$": ["vectors", "export", "--from", f"qdrant:{url}", "-o", "o.json"],
        "points/count": ["vectors", "bench", own, "--to", url, "--rounds", "1", "--no-write"],
    }.get(pattern, ["migrate", "e.json", "--to", url, "--restart", "--overwrite", "--patience", "0.2"])
    state.tell(pattern, body)
    told(netdoctor(*words), state)


def test_a_verification_does_not_take_it_either(migrated):
    state, _, _ = migrated
    for pattern, body in LIES:
        if pattern == "points/scroll":
            state.tell(pattern, body)
            told(netdoctor("vectors", "verify", "e.json", "--patience", "0.2"), state)
