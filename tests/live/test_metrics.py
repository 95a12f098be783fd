"""What is served is what the official parser reads; nobody else's machine is let in unless told."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from netdoctor.errors import UsageError
from netdoctor.live.metrics import COUNTERS, Gauge, MetricsServer, Numbers, counted, parse_listen, render
from netdoctor.model import Verdict

LABELS = {"source": "app", "target": 'd"b\\\n', "port": "5432", "path": ""}
NUMBERS = Numbers(
    (
        Gauge(LABELS, Verdict.HOLDS, 0.0123),
        Gauge({**LABELS, "port": "1"}, Verdict.BROKEN, None, failing=True),
        Gauge({**LABELS, "port": "2"}, Verdict.UNKNOWN),
    ),
    engine_up=True,
    counters={"events": 1_234_567_890.0, "heals": 3.0},
    findings=counted([("ND101", "error", "certain")] * 2 + [("ND801", "warning", "certain")]),
)


def families(text: str) -> dict[str, dict[str, float]]:
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        found[family.name] = {
            each.labels.get("port") or each.labels.get("code", ""): each.value for each in family.samples
        }
    return found


def test_the_official_parser_reads_it_and_unknown_is_a_gap():
    found = families(render(NUMBERS))
    assert found["netdoctor_edge_holds"] == {"5432": 1.0, "1": 0.0}
    assert found["netdoctor_edge_unknown"] == {"5432": 0.0, "1": 0.0, "2": 1.0}
    assert found["netdoctor_edge_latency_seconds"] == {"5432": 0.0123}
    assert found["netdoctor_edge_alerting"] == {"5432": 0.0, "1": 1.0, "2": 0.0}
    assert found["netdoctor_findings"] == {"ND101": 2.0, "ND801": 1.0}
    assert found["netdoctor_watch_engine_up"] == {"": 1.0}


def test_counters_are_counters_and_exact():
    text = render(NUMBERS)
    assert "netdoctor_watch_events_total 1234567890\n" in text
    assert "netdoctor_watch_heals_total 3\n" in text
    assert "netdoctor_watch_alerts_sent_total 0\n" in text
    for name in COUNTERS:
        assert f"# TYPE netdoctor_watch_{name}_total counter\n" in text


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9469", "127.0.0.1", 9469),
        ("9469", "127.0.0.1", 9469),
        (":9469", "127.0.0.1", 9469),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("[::1]:9469", "::1", 9469),
        ("localhost:0", "localhost", 0),
    ],
)
def test_without_a_host_it_is_this_machine_only(text, host, port):
    assert parse_listen(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "x", "127.0.0.1", "127.0.0.1:", "a:b", "1:65536", "::1:9469", ":-1", "\u0663:\u0663"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError):
        parse_listen(text)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_it_serves_until_it_is_closed_and_leaves_nothing():
    before = threading.active_count()
    with MetricsServer("127.0.0.1", 0, lambda: NUMBERS) as server:
        url = server.url
        assert get(url) == render(NUMBERS)
        assert get(f"{url}?x=1") == render(NUMBERS)
        with pytest.raises(urllib.error.HTTPError) as wrong:
            get(url.removesuffix("metrics"))
        assert wrong.value.code == 404
        wrong.value.close()
    assert threading.active_count() <= before
    with pytest.raises(urllib.error.URLError):
        get(url)


def test_a_reader_that_says_nothing_does_not_stop_the_next(monkeypatch):
    monkeypatch.setattr("netdoctor.live.metrics.PATIENCE", 0.3)
    with MetricsServer("127.0.0.1", 0, lambda: NUMBERS) as server:
        port = int(server.url.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as rude:
            rude.sendall(b"\x00" * 100)
            assert "netdoctor_edge_holds" in get(server.url)


def test_a_taken_port_is_one_clear_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="address already in use"):
            MetricsServer("127.0.0.1", taken.getsockname()[1], lambda: NUMBERS)
    with pytest.raises(UsageError, match="cannot be served"):
        MetricsServer("192.0.2.1", 0, lambda: NUMBERS)
