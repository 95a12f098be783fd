"""ND408 is said when a server that answers sends this caller to an address that this caller cannot reach."""

from __future__ import annotations

import pytest

from netdoctor.model import HOST, Confidence, Fact, Observation, Outcome, Ref, Severity
from netdoctor.probes.advertised import Advertised, AdvertisedEvidence, Announced
from netdoctor.probes.followed import Followed, FollowedEvidence
from netdoctor.probes.greeting import Greeting, GreetingEvidence
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.rules.nd408_sends_elsewhere import RULE

from .build import container, network, story, topology

FRONT, BACK = network("front"), network("back")
WORKS = Outcome.CONNECTED
LOST = Outcome.REFUSED
SORTS = {"kafka": "brokers", "mongo": "replica set rs0", "redis": "cluster", "rediss": "cluster"}


def caller(url: str = "", variable: str = "SERVER_URL"):
    return container("app", FRONT, environment=((variable, url),) if url else ())


def server(env=(), **fields):
    return container("server", FRONT, service="server", environment=tuple(env), **fields)


def met(protocol: str, *places, port: int = 9092, sort: str = "", app=None, target=None, others=(), **edge):
    """``places``: (host, port, outcome), or with a role; None for an outcome that is not known."""
    app, target = app or caller(), target or server()
    edge.setdefault("origin", "environment SERVER_URL")
    edge.setdefault("basis", app.ref.at("environment", "SERVER_URL"))
    seen = topology(app, target, FRONT, BACK, *others)
    found = story(seen, app, target, name="server", port=port, protocol=protocol, **edge).works()
    named = tuple(Announced(each[0], each[1], each[3] if len(each) > 3 else "") for each in places)
    evidence = AdvertisedEvidence(
        found.address, port, protocol.replace("rediss", "redis"), sort or SORTS[protocol], named
    )
    question = Advertised(app.ref, found.address, port, evidence.protocol, protocol == "rediss", "server")
    found.saw(question, Observation(WORKS, evidence))
    for host, number, outcome, *_ in places:
        following(found, app.ref, host, number, outcome)
    return found


def following(found, at: Ref, host: str, port: int, outcome: Outcome | None):
    if outcome is None:
        return found.saw(Followed(at, host, port), Observation(Outcome.COULD_NOT_ASK, None, "no vantage"))
    tried = (("10.0.0.9", outcome.value),)
    return found.saw(Followed(at, host, port), Observation(outcome, FollowedEvidence(host, port, ("10.0.0.9",), tried)))


def judged(*args, **more):
    (finding,) = met(*args, **more).judged(RULE)
    return finding


# --- the sentence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "outcome", "why"),
    [
        ("localhost", Outcome.REFUSED, "to localhost:9092, where nothing listens."),
        ("kafka-7", Outcome.NAME_NOT_FOUND, "to kafka-7:9092, a name that app cannot resolve."),
        ("10.9.0.3", Outcome.TIMED_OUT, "to 10.9.0.3:9092, which does not answer."),
        ("10.9.0.3", Outcome.NO_ROUTE, "to 10.9.0.3:9092, to which app has no way."),
        ("fd00::3", Outcome.TIMED_OUT, "to [fd00::3]:9092, which does not answer."),
    ],
)
def test_one_sentence_says_where_the_caller_is_sent_and_what_it_finds_there(host, outcome, why):
    finding = judged("kafka", (host, 9092, outcome))
    assert finding.cause == f"server answers, and sends app {why}"
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.CERTAIN)
    assert finding.caller_fails


def test_the_evidence_can_be_checked_by_hand():
    finding = judged("kafka", ("localhost", 9092, LOST))
    assert "names its brokers: localhost:9092" in finding.evidence[0]
    assert finding.evidence[1] == "follow localhost:9092 (10.0.0.9): refused"
    assert "localhost in app is app itself" in finding.evidence


def test_whose_address_it_is_is_told():
    other = container("node", BACK, address="10.9.0.3")
    assert (
        "10.9.0.3 is node on back; app is on: front"
        in judged(
            "redis",
            ("10.9.0.3", 6379, Outcome.TIMED_OUT),
            ("10.9.0.4", 6379, Outcome.TIMED_OUT),
            port=6379,
            others=(other,),
        ).evidence
    )


def test_the_caller_may_join_the_one_network_on_which_all_of_them_are():
    one, two = container("one", BACK, address="10.9.0.3"), container("two", BACK, aliases=("node-2",))
    places = (("10.9.0.3", 6379, Outcome.TIMED_OUT), ("node-2", 6379, Outcome.NAME_NOT_FOUND))
    first, second = judged("redis", *places, port=6379, others=(one, two)).remedies
    (join,) = first.operations
    assert (first.safe, join.container_name, join.network_name) == (True, "app", "back")
    assert second.advice and not second.operations
    elsewhere = (*places, ("nobody", 6379, Outcome.NAME_NOT_FOUND))
    assert not judged("redis", *elsewhere, port=6379, others=(one, two)).remedies[0].operations
    stuck = container("app", FRONT, network_mode="host", environment=())
    assert not judged("redis", *places, port=6379, others=(one, two), app=stuck).remedies[0].operations


# --- how sure, how bad ------------------------------------------------------------------------------------------------


def test_some_of_several_are_a_warning():
    finding = judged("kafka", ("k1", 1, WORKS), ("k2", 2, Outcome.NAME_NOT_FOUND), ("k3", 3, WORKS))
    assert (finding.severity, finding.confidence, finding.caller_fails) == (Severity.WARNING, Confidence.LIKELY, False)
    assert finding.cause == "server answers, and sends app to k2:2 among 3 addresses, a name that app cannot resolve."


def test_several_of_several_are_named():
    finding = judged("kafka", ("k1", 1, LOST), ("k2", 2, LOST), ("k3", 3, LOST))
    assert finding.severity is Severity.ERROR
    assert finding.cause == "server answers, and sends app to k1:1, k2:2 and k3:3, none of which app reaches."


def test_what_could_not_be_asked_is_not_judged():
    assert met("kafka", ("k1", 1, None)).judged(RULE) == ()
    finding = judged("kafka", ("k1", 1, None), ("k2", 2, LOST))
    assert finding.severity is Severity.WARNING
    assert "follow k1:1: could not be asked" in finding.evidence


def test_a_silent_nameserver_outside_is_not_judged_and_a_word_that_nobody_carries_is():
    assert met("kafka", ("kafka.example", 9092, Outcome.RESOLVER_FAILED)).judged(RULE) == ()
    carrier = container("kafka", FRONT)
    assert met("kafka", ("kafka", 1, Outcome.RESOLVER_FAILED), others=(carrier,)).judged(RULE) == ()
    assert judged("kafka", ("kafka", 1, Outcome.RESOLVER_FAILED)).confidence is Confidence.CERTAIN


def test_more_than_are_followed_is_not_certain():
    finding = judged("kafka", *((f"k{n}", n, LOST) for n in range(1, 8)))
    assert finding.confidence is Confidence.LIKELY
    assert "and 2 more" in finding.evidence[0]


def test_a_pair_that_nobody_declared_is_possible_only():
    finding = judged("kafka", ("localhost", 1, LOST), origin="pair", basis=None)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.POSSIBLE)
    assert judged("kafka", ("localhost", 1, LOST), origin="depends_on", basis=None).confidence is Confidence.LIKELY


@pytest.mark.parametrize(
    ("url", "confidence"),
    [
        ("mongodb://server:27017/x?replicaSet=rs0", Confidence.CERTAIN),
        ("mongodb://u:p@server:27017,other:27017/x", Confidence.CERTAIN),
        ("mongodb://server:27017/?directConnection=false", Confidence.CERTAIN),
        ("mongodb://server:27017/x", Confidence.LIKELY),
        ("", Confidence.LIKELY),
    ],
)
def test_a_mongo_url_says_whether_its_driver_follows(url, confidence):
    app = caller(url)
    finding = judged("mongo", ("localhost", 27017, LOST, "primary"), port=27017, app=app)
    assert (finding.severity, finding.confidence) == (Severity.ERROR, confidence)


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://server:27017/x?directConnection=true",
        "mongodb://server:27017/x?replicaSet=rs0&directconnection=TRUE",
        "mongodb://server/?connect=direct",
        "mongodb://server/?loadBalanced=true",
    ],
)
def test_a_driver_that_connects_directly_is_not_even_asked_about(url):
    app = caller(url)
    seen = topology(app, server(), FRONT)
    basis = app.ref.at("environment", "SERVER_URL")
    found = story(seen, app, server(), name="server", port=27017, protocol="mongo", basis=basis).works()
    assert found.wanted(RULE) == set()


@pytest.mark.parametrize("sign", [{"environment": (("JAVA_HOME", "/opt/java"),)}, {"image": "eclipse-temurin:21-jre"}])
def test_javas_driver_stays_at_one_host_without_a_replica_set(sign):
    url = (("SERVER_URL", "mongodb://server:27017/x"),)
    app = container("app", FRONT, **{**sign, "environment": (*sign.get("environment", ()), *url)})
    finding = judged("mongo", ("localhost", 27017, LOST, "primary"), port=27017, app=app)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.POSSIBLE)
    url = (("SERVER_URL", "mongodb://server:27017/x?replicaSet=rs0"),)
    app = container("app", FRONT, **{**sign, "environment": (*sign.get("environment", ()), *url)})
    assert judged("mongo", ("localhost", 27017, LOST, "primary"), port=27017, app=app).severity is Severity.ERROR


def test_writes_need_the_primary():
    places = (("a", 1, LOST, "primary"), ("b", 2, WORKS, "member"))
    assert judged("mongo", *places, port=27017).severity is Severity.ERROR
    places = (("a", 1, WORKS, "primary"), ("b", 2, LOST, "member"))
    assert judged("mongo", *places, port=27017).severity is Severity.WARNING


def test_a_plain_client_never_leaves_a_node_that_has_all_slots():
    finding = judged("redis", ("10.9.0.3", 6379, LOST), port=6379)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.POSSIBLE)
    app = caller("redis-cluster://server:6379")
    assert judged("redis", ("10.9.0.3", 6379, LOST), port=6379, app=app).severity is Severity.ERROR
    finding = judged("redis", ("10.9.0.3", 6379, LOST), ("10.9.0.4", 6379, LOST), port=6379)
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.CERTAIN)


def test_a_sentinel_sends_everybody_to_the_master():
    finding = judged("redis", ("10.9.0.3", 6379, LOST, "master cache"), port=26379, sort="sentinel")
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.CERTAIN)


# --- what is no cause -------------------------------------------------------------------------------------------------


def test_addresses_that_are_reached_are_well():
    assert met("kafka", ("server", 9092, WORKS), ("k2", 9092, WORKS)).judged(RULE) == ()
    assert met("kafka").judged(RULE) == ()


def test_the_address_at_which_the_caller_is_already_is_not_dialled_again():
    found = met("kafka", ("server", 9092, None))
    assert not [each for each in found.wanted(RULE) if isinstance(each, Followed)]
    assert found.judged(RULE) == ()


def test_the_answer_of_another_server_on_the_same_port_is_not_this_ones():
    app, one, two = caller(), server(), container("other", FRONT, service="other")
    seen = topology(app, one, two, FRONT)
    found = story(seen, app, one, name="server", port=9092, protocol="kafka").works()
    question = Advertised(app.ref, two.endpoints[0].ipv4, 9092, "kafka", False, "other")
    evidence = AdvertisedEvidence(question.address, 9092, "kafka", "brokers", (Announced("localhost", 1),))
    found.saw(question, Observation(WORKS, evidence))
    following(found, app.ref, "localhost", 1, LOST)
    assert found.judged(RULE) == ()
    greeted = Greeting(app.ref, two.endpoints[0].ipv4, 9092, "kafka", False, "other")
    assert {each.address for each in found.wanted(RULE)} == {found.address}
    assert greeted.address != found.address


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.RESET, Outcome.WRONG_SERVICE])
def test_a_greeting_that_did_not_hold_asks_for_nothing(outcome):
    seen = topology(caller(), server(), FRONT)
    found = story(seen, caller(), server(), name="server", port=9092, protocol="kafka").works().greeting(outcome)
    assert found.wanted(RULE) == set()


@pytest.mark.parametrize("protocol", ["tcp", "postgres", "http", "amqp"])
def test_edges_of_other_protocols_cost_nothing(protocol):
    seen = topology(caller(), server(), FRONT)
    assert story(seen, caller(), server(), name="server", port=1, protocol=protocol).works().wanted(RULE) == set()


@pytest.mark.parametrize("host", ["$(reboot)", "a b", "", '"; x', "a\x1b[2J"])
def test_a_recorded_run_of_a_stranger_puts_no_words_into_our_mouth(host):
    assert met("mongo", (host, 27017, LOST, "primary"), port=27017).judged(RULE) == ()
    assert redirected(leads=f"http://{host}:80").judged(RULE) == ()
    assert redirected(leads="http://localhost:x").judged(RULE) == ()


def test_the_way_back_is_not_asked():
    found = met("kafka", ("localhost", 1, LOST))
    found.edge = found.edge.backwards()
    assert (found.judged(RULE), found.wanted(RULE)) == ((), set())


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_the_list_is_asked_for_after_the_greeting_and_the_places_after_the_list():
    seen = topology(caller(), server(), FRONT)
    found = story(seen, caller(), server(), name="server", port=6379, protocol="rediss").works()
    found.greeting(WORKS)
    wanted = Advertised(found.source.ref, found.address, 6379, "redis", True, "server")
    assert found.wanted(RULE) == {wanted}
    places = tuple(Announced(f"k{n}", n) for n in range(1, 9))
    found.saw(wanted, Observation(WORKS, AdvertisedEvidence(found.address, 6379, "redis", "cluster", places)))
    assert {each.host for each in found.wanted(RULE) if isinstance(each, Followed)} == {"k1", "k2", "k3", "k4", "k5"}


@pytest.mark.parametrize(
    ("target", "port", "asked"),
    [
        ({}, 6379, False),
        ({"command": ("redis-server", "--cluster-enabled", "yes")}, 6379, True),
        ({"image": "bitnami/redis-sentinel:7"}, 6380, True),
        ({}, 26379, True),
    ],
)
def test_a_redis_with_a_password_is_asked_only_where_it_may_be_one_of_several(target, port, asked):
    target = server(**target)
    found = story(topology(caller(), target, FRONT), caller(), target, name="server", port=port, protocol="redis")
    found.works().greeting(WORKS, demands="a password")
    assert bool(found.wanted(RULE)) is asked


def test_a_server_outside_is_asked_beside_its_greeting():
    app, outside = caller(), Ref("external", "kafka.example")
    found = story(topology(app, FRONT), app, server(), name="kafka.example", port=9092, protocol="kafka")
    found.edge = type(found.edge)(app.ref, outside, name="kafka.example", port=9092, protocol="kafka")
    found.dns(WORKS, "192.0.2.7").tcp(WORKS, "192.0.2.7")
    assert found.wanted(RULE) == {Advertised(app.ref, "192.0.2.7", 9092, "kafka", False, "kafka.example")}


# --- redirects --------------------------------------------------------------------------------------------------------


def redirected(outcome=LOST, leads="https://localhost:3000", app=None, **edge):
    app = app or caller()
    found = story(
        topology(app, server(), FRONT), app, server(), name="server", port=80, protocol="http", **edge
    ).works()
    path = edge.get("path") or edge.get("said_path") or "/"
    question = Http(app.ref, found.address, 80, "server", path, strict="path" in edge)
    found.saw(question, Observation(WORKS, HttpEvidence(found.address, 80, path, 302, sends_to=leads)))
    return following(found, app.ref, "localhost", 3000, outcome)


def test_a_redirect_to_nowhere_is_possible_only_at_a_path_that_nobody_wrote():
    (finding,) = redirected().judged(RULE)
    assert finding.cause == "server redirects app to localhost:3000, where nothing listens."
    assert (finding.severity, finding.confidence, finding.caller_fails) == (
        Severity.WARNING,
        Confidence.POSSIBLE,
        False,
    )
    (finding,) = redirected(path="/healthz").judged(RULE)
    assert finding.confidence is Confidence.POSSIBLE
    (finding,) = redirected(said_path="/api").judged(RULE)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LIKELY)


def test_a_redirect_to_a_place_that_is_reached_is_well():
    assert redirected(WORKS).judged(RULE) == ()
    assert Followed(redirected().source.ref, "localhost", 3000) in redirected().wanted(RULE)


@pytest.mark.parametrize(
    ("image", "origin"),
    [("nginx:1.27", "environment X"), ("docker.io/library/traefik:v3", "argument"), ("x/y", "label traefik.http")],
)
def test_a_reverse_proxy_hands_redirects_on_to_whoever_asked(image, origin):
    app = container("app", FRONT, image=image, environment=())
    assert redirected(app=app, origin=origin).judged(RULE) == ()
    assert not [each for each in redirected(app=app, origin=origin).wanted(RULE) if isinstance(each, Followed)]


# --- the way out ------------------------------------------------------------------------------------------------------


def test_a_listener_for_containers_is_the_shortest_way_out():
    target = server([("KAFKA_ADVERTISED_LISTENERS", "INTERNAL://server:29092,EXTERNAL://localhost:9092")])
    remedy = judged("kafka", ("localhost", 9092, LOST), target=target).remedies[0]
    assert remedy.title == "Use the listener for containers"
    assert "Let app use server:29092 in SERVER_URL of app: server has the listener INTERNAL there." in remedy.advice


# --- what is written --------------------------------------------------------------------------------------------------


LOCAL = "PLAINTEXT://localhost:9092"


def planned(advertised=LOCAL, listeners="", *, runs=False, app=None, port=9092, **edge):
    app = app or caller()
    env = [("KAFKA_ADVERTISED_LISTENERS", advertised), *([("KAFKA_LISTENERS", listeners)] if listeners else [])]
    target = server(env)
    edge.setdefault("origin", "environment SERVER_URL")
    edge.setdefault("protocol", "kafka")
    knows = frozenset({Fact.RUNTIME if runs else Fact.DECLARED})
    return story(topology(app, target, FRONT, knows=knows), app, target, name="server", port=port, **edge)


def test_files_say_that_a_broker_will_send_its_clients_to_themselves():
    (finding,) = planned().judged(RULE)
    assert finding.cause == "server sends app to localhost:9092, which is app itself, and not server."
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.LIKELY)
    assert finding.evidence[0] == "KAFKA_ADVERTISED_LISTENERS of server: PLAINTEXT://localhost:9092"
    assert "follow" not in " ".join(finding.evidence)
    assert planned().wanted(RULE) == set()


def test_the_listener_of_the_port_counts_and_no_other():
    two = "OUTSIDE://localhost:19092,INSIDE://server:9092"
    own = "OUTSIDE://0.0.0.0:19092,INSIDE://:9092"
    assert planned(two, own).judged(RULE) == ()
    assert len(planned(two, own, port=19092).judged(RULE)) == 1
    assert len(planned("OUT://localhost:9092", "OUT://:29092", port=29092).judged(RULE)) == 1
    assert planned("OUT://localhost:9092", "OUT://:29092").judged(RULE) == ()


@pytest.mark.parametrize("advertised", ["PLAINTEXT://server:9092", "PLAINTEXT://${HOST}:9092", "garbage", "," * 5000])
def test_other_names_and_what_cannot_be_read_are_no_contradiction(advertised):
    assert planned(advertised).judged(RULE) == ()


@pytest.mark.parametrize("origin", ["depends_on", "pair"])
def test_who_only_waits_for_it_is_not_meant(origin):
    assert planned(origin=origin).judged(RULE) == ()


def test_localhost_is_right_for_whoever_shares_the_machines_or_the_brokers_network():
    assert planned(app=container("app", network_mode="host")).judged(RULE) == ()
    assert planned(app=container("app", network_mode="container:server")).judged(RULE) == ()


def test_a_running_broker_that_cannot_be_asked_is_judged_by_its_variable_once_it_answers():
    assert planned(runs=True).judged(RULE) == ()
    found = planned(runs=True).works()
    found.greeting(WORKS)
    (question,) = found.wanted(RULE)
    found.saw(question, Observation(Outcome.COULD_NOT_ASK, None, "the broker hangs up (SASL)"))
    (finding,) = found.judged(RULE)
    assert (finding.severity, finding.confidence, finding.caller_fails) == (Severity.ERROR, Confidence.LIKELY, True)


# --- the way out, again -----------------------------------------------------------------------------------------------


def test_kafka_is_told_the_exact_variable():
    listeners = "INTERNAL://broker:29092,EXTERNAL://localhost:9092"
    target = server([("KAFKA_ADVERTISED_LISTENERS", listeners)])
    finding = judged("kafka", ("localhost", 9092, LOST), target=target)
    advice = finding.remedies[0].advice
    assert "KAFKA_ADVERTISED_LISTENERS=INTERNAL://broker:29092,EXTERNAL://server:9092 " in advice
    assert "listener of their own" in advice
    assert finding.about[0] == target.ref.at("environment", "KAFKA_ADVERTISED_LISTENERS")


@pytest.mark.parametrize("written", ["", "${LISTENERS}", "PLAINTEXT://a b:9092", "x" * 3000, "PLAINTEXT://$(id):9092"])
def test_what_cannot_be_read_is_written_anew(written):
    target = server([("KAFKA_CFG_ADVERTISED_LISTENERS", written)])
    advice = judged("kafka", ("other", 9092, LOST), target=target).remedies[0].advice
    assert "_ADVERTISED_LISTENERS=PLAINTEXT://server:9092 " in advice
    assert "$(" not in advice


def test_each_of_several_brokers_advertises_its_own_name():
    assert "each broker" in judged("kafka", ("a", 1, LOST), ("b", 2, LOST)).remedies[0].advice


def test_redpanda_has_an_option_for_it():
    target = server(image="redpandadata/redpanda:v24.1")
    assert "--advertise-kafka-addr server:9092" in judged("kafka", ("x", 1, LOST), target=target).remedies[0].advice


def test_a_replica_set_is_told_what_to_reconfigure():
    advice = judged("mongo", ("localhost", 27017, LOST, "primary"), port=27017).remedies[0].advice
    assert 'if (m.host == "localhost:27017") m.host = "server:27017"' in advice
    assert "{force: true}" in advice
    several = judged("mongo", ("a", 1, LOST, "primary"), ("b", 2, LOST), port=27017).remedies[0].advice
    assert "NAME:PORT" in several
    assert "force" not in several


@pytest.mark.parametrize(
    ("sort", "word"), [("cluster", "cluster-announce-hostname"), ("sentinel", "resolve-hostnames")]
)
def test_redis_is_told_what_to_announce(sort, word):
    places = (("10.9.0.3", 6379, LOST), ("10.9.0.4", 6379, LOST))
    assert word in judged("redis", *places, port=6379, sort=sort).remedies[0].advice


def test_a_redirect_has_its_own_way_out():
    (finding,) = redirected().judged(RULE)
    assert "paths only" in finding.remedies[0].advice


def test_from_the_machine_itself_it_is_asked_too():
    target = server()
    found = story(topology(target, FRONT), target, target, name="server", port=9092, protocol="kafka")
    found.edge = type(found.edge)(HOST, target.ref, port=9092, protocol="kafka")
    question = Greeting(HOST, found.address, 9092, "kafka", False, found.address)
    found.saw(question, Observation(WORKS, GreetingEvidence(found.address, 9092, "kafka")))
    assert found.wanted(RULE) == {Advertised(HOST, found.address, 9092, "kafka", False, found.address)}
