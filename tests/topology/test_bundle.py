"""What is written can be read back, holds no secret, and a damaged file is one sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.build import container, network, topology

from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.model import Answers, Fact, Health, Observation, Outcome, Place, Ref, Topology
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.probes.interface import PROBES
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.probes.membership import Membership, MembershipEvidence, Shared
from netdoctor.probes.ping import Ping, PingEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.topology.bundle import dump_bundle, read_bundle, write_bundle
from netdoctor.topology.engine import build_topology
from netdoctor.vantage.interface import ListeningSocket

from .inspects import SHAPES, stack

SECRET = "hunter2Sup3rSecret"
NET = network("n")
A = container("a1", NET)
AT = A.ref


def answers() -> Answers:
    """One of every question on the ladder."""
    return Answers(
        {
            Membership(AT, AT): Observation(
                Outcome.CONNECTED, MembershipEvidence((Shared("i", "n", ("10.0.0.2",), False),), ("n",), ("n",), True)
            ),
            Dns(AT, "qdrant"): Observation(
                Outcome.NAME_NOT_FOUND, DnsEvidence("qdrant", asked=("qdrant.",), rcode="NXDOMAIN"), seconds=0.25
            ),
            Ping(AT, "10.0.0.2"): Observation(
                Outcome.CONNECTED, PingEvidence("10.0.0.2", 1, 1, 0.001), vantage="netns"
            ),
            Tcp(AT, "10.0.0.2", 80): Observation(Outcome.REFUSED, TcpEvidence("10.0.0.2", 80, 111, "refused")),
            Http(AT, "10.0.0.2", 80, "qdrant"): Observation(
                Outcome.HTTP_ERROR, HttpEvidence("10.0.0.2", 80, "/", 500, "no", start=f"password={SECRET}")
            ),
            Listeners(AT): Observation(
                Outcome.CONNECTED,
                ListenersEvidence((ListeningSocket("0.0.0.0", 80, 4, 1), ListeningSocket("::", 9, 6))),
            ),
            Tcp(AT, "10.0.0.9", 80): Observation(Outcome.COULD_NOT_ASK, None, "no vantage"),
        }
    )  # fmt: skip


def round_trip(tmp_path, seen: Topology, asked: Answers | None = None):
    write_bundle(tmp_path / "b.json", seen, asked)
    return read_bundle(tmp_path / "b.json")


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_a_topology_survives_but_for_its_secrets(tmp_path, shape):
    seen = build_topology(*stack(shape), engine_version=shape.name, endpoint="unix:///x")
    back, asked = round_trip(tmp_path, seen)
    assert len(asked) == 0
    cleaned = [
        replace(each, environment=tuple((k, v.replace("u:pw@", "***@")) for k, v in each.environment))
        for each in seen.containers
    ]
    assert back == replace(seen, source="bundle", containers=tuple(cleaned))
    assert back.knows == {Fact.RUNTIME}


def test_every_kind_of_question_survives_with_its_answer(tmp_path):
    asked = answers()
    assert {type(question) for question, _ in asked} <= {probe.question for probe in PROBES}
    _, back = round_trip(tmp_path, topology(NET, A), asked)
    assert len(back) == len(asked)
    for question, observation in asked:
        if isinstance(question, Http):
            assert back.get(question).evidence.start == "password=***"
        else:
            assert back.get(question) == observation


def test_unknown_and_known_to_be_none_stay_apart(tmp_path):
    unknown = replace(A, environment=None, published=None, exposed=None, state=None)
    none = replace(A, id="b" * 64, environment=(), published=(), exposed=())
    back, _ = round_trip(tmp_path, topology(NET, unknown, none))
    assert (back.containers[0].environment, back.containers[0].published) == (None, None)
    assert (back.containers[1].environment, back.containers[1].published) == ((), ())


def test_places_and_odd_label_names_survive(tmp_path):
    seen = replace(
        topology(NET, replace(A, labels={"_": "Topology", "value": "x"})),
        places={Ref("service", "web", ("ports", "0")): Place("compose.yaml", 3, 7)},
    )
    back, _ = round_trip(tmp_path, seen)
    assert back.places == seen.places
    assert back.containers[0].labels == {"_": "Topology", "value": "x"}


def test_planted_secrets_are_nowhere_in_the_file(tmp_path):
    planted = replace(
        A,
        environment=(
            ("DB_PASSWORD", SECRET),
            ("DATABASE_URL", f"postgres://u:{SECRET}@db/x"),
            ("SLACK_WEBHOOK_URL", f"https://hooks/{SECRET}"),
            ("NOTE", f"api_key={SECRET}"),
        ),
        labels={"auth.token": SECRET, "url": f"http://x:{SECRET}@y"},
        command=("redis-server", "--requirepass", SECRET, f"--api-key={SECRET}", f"x?token={SECRET}"),
        health=Health("unhealthy", 1, ("CMD-SHELL", f"redis-cli -a {SECRET} ping"), ((1, f"bad: {SECRET}"),)),
    )
    seen = replace(
        topology(replace(NET, labels={"api_key": SECRET}, options={"opt": f"password={SECRET}"}), planted),
        endpoint=f"tcp://u:{SECRET}@far:2375",
    )
    write_bundle(tmp_path / "b.json", seen, answers())
    text = (tmp_path / "b.json").read_text()
    assert SECRET not in text
    assert "DB_PASSWORD" in text
    back, _ = read_bundle(tmp_path / "b.json")
    assert back.containers[0].env("DATABASE_URL") == "postgres://***@db/x"


def test_equal_secrets_can_be_told_equal_in_one_file_and_not_across_files():
    two = topology(
        NET, replace(A, environment=(("A_TOKEN", SECRET),)), replace(A, id="b" * 64, environment=(("B_TOKEN", SECRET),))
    )

    def values(text):
        return [c["environment"][0][1] for c in json.loads(text)["topology"]["containers"]]

    first, second = values(dump_bundle(two)), values(dump_bundle(two))
    assert first[0] == first[1] != second[0]


def damaged(tmp_path, change) -> UsageError:
    document = json.loads(dump_bundle(topology(NET, A), answers()))
    changed = change(document)
    document = document if changed is None else changed
    path = tmp_path / "b.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError) as caught:
        read_bundle(path)
    assert str(path) in caught.value.message
    assert caught.value.status is Exit.USAGE
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: [], "schema"),
        (lambda d: "text", "schema"),
        (lambda d: {**d, "schema": "netdoctor.bundle/2"}, "netdoctor.bundle/2"),
        (lambda d: {**d, "topology": None}, "no topology"),
        (lambda d: {**d, "topology": {"_": "Ref", "kind": "a", "id": "b"}}, "no topology"),
        (lambda d: {**d, "topology": {"_": "Container"}}, "Container is damaged"),
        (lambda d: d["topology"].update(containers="x"), "containers does not fit"),
        (lambda d: d["topology"].update(knows=5), "knows does not fit"),
        (lambda d: d["topology"]["containers"][0].update(name=5), "name does not fit"),
        (lambda d: d["topology"]["containers"][0].update(environment=[["A"]]), "environment does not fit"),
        (lambda d: d["topology"]["containers"][0].update(labels=[]), "labels does not fit"),
        (lambda d: d["topology"]["containers"][0]["state"].update(pid=True), "pid does not fit"),
        (lambda d: d["topology"]["containers"][0]["endpoints"][0].__delitem__("network"), "Endpoint is damaged"),
        (lambda d: d["topology"]["knows"][0].update(value="magic"), "Fact is damaged"),
        (lambda d: d["topology"].update(networks=[{"_": "Wormhole"}]), "'Wormhole', which this version"),
        (lambda d: {**d, "answers": 5}, "answers"),
        (lambda d: {**d, "answers": [1]}, "answers"),
        (lambda d: {**d, "answers": [[1, 2]]}, "answers"),
        (lambda d: {**d, "answers": [d["answers"][0][:1]]}, "answers"),
        (lambda d: {**d, "answers": [list(reversed(d["answers"][0]))]}, "answers"),
        (lambda d: {**d, "topology": {"_": "pairs", "value": 5}}, "pairs is damaged"),
    ],
)
def test_a_damaged_bundle_is_one_sentence_that_names_the_place(tmp_path, change, said):
    assert said in damaged(tmp_path, change).message


def test_fields_of_a_newer_writer_are_left_out(tmp_path):
    document = json.loads(dump_bundle(topology(NET, A)))
    document["topology"]["containers"][0]["mood"] = {"_": "Topology"} and "good"
    document["novel"] = 1
    (tmp_path / "b.json").write_text(json.dumps(document))
    assert read_bundle(tmp_path / "b.json")[0].containers[0].name == "a1"


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"schema":' + b"[" * 5000 + b"]" * 5000 + b"}"]
)
def test_what_is_no_json_is_refused(tmp_path, raw):
    (tmp_path / "b").write_bytes(raw)
    with pytest.raises(UsageError, match="bundle"):
        read_bundle(tmp_path / "b")


def test_a_bundle_nested_too_deeply_is_refused(tmp_path):
    depth = 700
    topology_text = '{"x":' * depth + "1" + "}" * depth
    (tmp_path / "b").write_text(f'{{"schema": "netdoctor.bundle/1", "topology": {topology_text}}}')
    with pytest.raises(UsageError):
        read_bundle(tmp_path / "b")


def test_missing_and_unreadable_paths_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_bundle(path)
    for path in (tmp_path / "no" / "b", tmp_path):
        with pytest.raises(UsageError, match="cannot be written"):
            write_bundle(path, topology(NET))
    assert [each.name for each in tmp_path.iterdir()] == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["_", "value", "name", "id", "at", "knows", "kind"]), inner, max_size=3)
    ),
    max_leaves=8,
)
CLASSES = ["Topology", "Container", "Endpoint", "Ref", "Fact", "Outcome", "Observation", "Dns", "State", "pairs", "Tcp"]


@given(st.dictionaries(st.sampled_from(["topology", "answers"]), json_values), st.sampled_from(CLASSES), json_values)
def test_no_json_whatever_breaks_the_reader(tmp_path_factory, document, name, value):
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    nested = {"_": name, **(value if isinstance(value, dict) else {"value": value})}
    for topology_ in (document.get("topology"), nested):
        path.write_text(json.dumps({**document, "schema": "netdoctor.bundle/1", "topology": topology_}))
        try:
            read_bundle(path)
        except UsageError as error:
            assert error.message
