"""A live index and its export become the same points."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from migration.lab import Server, everything, via_host
from migration.pinecone_server import KEY, RATE, Pinecone, fill, rpc, serving
from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.export import export
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import point_id
from netdoctor.migration.run import Options, Result, migrate
from netdoctor.migration.sources import _pinecone_pace as pace_module
from netdoctor.migration.sources._pinecone_refusals import QuotaSpent
from netdoctor.migration.sources.interface import Access, Source, open_source
from netdoctor.migration.target import Transport

ACCESS = Access({"PINECONE_API_KEY": KEY})


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "FIRST", 0.01)


@pytest.fixture
def pinecone(own: str) -> Iterator[Pinecone]:
    with serving(Pinecone()) as running:
        fill(running, {f"{own}_a": 700, f"{own}_b": 40})
        running.put(f"{own}_a", {"id": "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "values": [1.0] * 8})
        running.put(f"{own}_a", {"id": "whole", "values": [0.5] * 8, "metadata": {"age": 42.0, "tags": ["a"]}})
        yield running


def moved(source: Source, qdrant: Server, ledger: Path) -> Result:
    opened = open_ledger(ledger)
    try:
        with via_host(qdrant, Transport.GRPC) as target:
            return migrate(source, target, opened, Options())
    finally:
        opened.close()


def test_live_and_by_an_export_of_every_form_the_points_are_the_same(
    pinecone: Pinecone, qdrant: Server, own: str, tmp_path: Path
) -> None:
    ids = {
        namespace: [point_id(json.loads(raw)["id"]) for raw in records.values()]
        for namespace, records in pinecone.namespaces.items()
    }
    found = []
    for form in ("live", "e.json", "e.jsonl", "e.parquet"):
        with closing(open_source(f"pinecone:{pinecone.url}", ACCESS)) as live:  # type: ignore[type-var]
            source: Source = live
            if form != "live":
                assert export(live, tmp_path / form).good
                source = open_source(tmp_path / form)
            result = moved(source, qdrant, tmp_path / f"{form}.sqlite")
        assert result.good and result.verification.verified == 742, form
        with via_host(qdrant, Transport.GRPC) as target:
            found.append({name: everything(target, name, ids[name]) for name in ids})
            for name in ids:
                target.drop(name)
    assert len(found[0][f"{own}_a"]) == 702
    assert found[0] == found[1] == found[2] == found[3]
    payload = found[0][f"{own}_a"][point_id("whole")][1]
    assert payload == {"age": 42, "tags": ["a"], "originalId": "whole"} and type(payload["age"]) is int


def test_what_is_gone_between_listing_and_fetching_is_reported_and_the_rest_is_moved(
    pinecone: Pinecone, qdrant: Server, own: str, tmp_path: Path
) -> None:
    gone = sorted(pinecone.namespaces[f"{own}_b"])[3]
    pinecone.ghosts = {gone}
    with closing(open_source(f"pinecone:{pinecone.url}", ACCESS)) as live:  # type: ignore[type-var]
        result = moved(live, qdrant, tmp_path / "ledger.sqlite")
    assert result.verification.verified == 741
    assert not result.good
    with via_host(qdrant, Transport.GRPC) as target:
        assert target.count(f"{own}_b") == 39


def test_a_run_that_the_quota_ended_goes_on_when_there_is_more(
    pinecone: Pinecone, qdrant: Server, own: str, tmp_path: Path
) -> None:
    pinecone.quota = 9 + 75 + 40  # listing, the sample, some of the records
    opened = closing(open_source(f"pinecone:{pinecone.url}", ACCESS))  # type: ignore[type-var]
    with opened as live, pytest.raises(QuotaSpent, match="gives no more data") as spent:
        moved(live, qdrant, tmp_path / "ledger.sqlite")
    assert "repeat the same command" in spent.value.hint
    pinecone.quota = None
    pinecone.forget_tokens()
    listed = pinecone.count("list")
    with closing(open_source(f"pinecone:{pinecone.url}", ACCESS)) as live:  # type: ignore[type-var]
        result = moved(live, qdrant, tmp_path / "ledger.sqlite")
    assert result.good and result.resumed and result.verification.verified == 742
    assert pinecone.count("list") == listed  # the list of ids is kept


def test_the_command_says_what_it_costs_before_and_moves_it(
    pinecone: Pinecone,
    qdrant: Server,
    own: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PINECONE_API_KEY", KEY)
    refusals = [rpc(429, 8, RATE.format(what="fetch", index="notes"))]
    pinecone.fault = lambda asked: refusals.pop() if asked.what == "fetch" and refusals else None
    command = ["migrate", f"pinecone:{pinecone.url}", "--to", qdrant.url, "--grpc-port", str(qdrant.grpc)]
    assert run(command) == Exit.OK
    out, err = capsys.readouterr()
    assert "742 records in 2 namespaces" in err
    assert f"Estimate: {9 + 75 + 75} read units for 742 records" in err
    assert "Trying again in" in err and "fetch requests per second" in err
    assert "OK: 742 of 742 vectors are in Qdrant, verified." in out
    assert KEY not in out + err


def test_searches_are_compared_with_those_of_the_live_index(
    pinecone: Pinecone,
    qdrant: Server,
    own: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PINECONE_API_KEY", KEY)
    ledger = ["--ledger", str(tmp_path / "l.sqlite")]
    origin = f"pinecone:{pinecone.url}"
    command = ["migrate", origin, "--to", qdrant.url, *ledger, "--format", "json", "-q", "--overlap", "5"]
    assert run(command) == Exit.OK
    told = json.loads(capsys.readouterr().out)["overlap"]
    assert told["hits"] == 5
    assert told["mean"] > 0.99
    assert any(asked.path == "/query" for asked in pinecone.asked)
    # Another index under the same name: the same ids, and nothing where it was.
    for records in pinecone.namespaces.values():
        for number, (identity, raw) in enumerate(sorted(records.items())):
            thing = json.loads(raw)
            thing["values"] = [float((number * 7 + place * 13) % 11 - 5) or 1.0 for place in range(8)]
            records[identity] = json.dumps(thing).encode()
    assert run(["vectors", "verify", origin, *ledger, "--format", "json", "-q", "--overlap", "5"]) == Exit.FINDINGS
    assert json.loads(capsys.readouterr().out)["overlap"]["mean"] < 0.7
