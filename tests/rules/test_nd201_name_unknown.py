"""ND201 is said of a name that nobody on the caller's networks carries, with the names that exist."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.model import Confidence, Connect, Disconnect, Layer, Observation, Outcome, Ref, State
from netdoctor.probes.compose_files import ComposeFiles, ComposeFilesEvidence
from netdoctor.probes.dns import Dns
from netdoctor.rules.nd201_name_unknown import RULE

from .build import BRIDGE, container, network, story, topology

NET = network("coolify")
APP = container("app", NET)
QDRANT = container("qdrant-k3x9f2", NET)
REDIS = container("redis", NET)
SEEN = topology(APP, QDRANT, REDIS, NET)


def told(name="qdrant", target=QDRANT, seen=SEEN, outcome=Outcome.RESOLVER_FAILED, source=APP):
    return story(seen, source, target, name=name, port=6333).dns(outcome).tcp(Outcome.CONNECTED)


@pytest.mark.parametrize("outcome", [Outcome.RESOLVER_FAILED, Outcome.NAME_NOT_FOUND])
def test_silence_and_denial_are_the_same_symptom(outcome):
    (finding,) = told(outcome=outcome).own_name().judged(RULE)
    assert finding.confidence is Confidence.CERTAIN and finding.layer is Layer.DNS
    assert finding.cause == (
        "app uses the name qdrant, which nobody on its networks carries; qdrant-k3x9f2 answers to qdrant-k3x9f2."
    )


def test_the_nearest_existing_name_is_offered():
    (finding,) = told().own_name().judged(RULE)
    assert finding.remedies[0].advice == "Use qdrant-k3x9f2 instead of qdrant."


def test_of_a_name_with_a_suffix_the_first_label_is_offered():
    """``api.corp`` is more like ``api.internal``, and ``api`` is what was meant."""
    api = container("api-1", NET, aliases=["api.corp", "api"])
    (finding,) = told("api.internal", api, topology(NET, APP, api)).own_name().judged(RULE)
    assert finding.remedies[0].advice == "Use api instead of api.internal."


def test_giving_the_name_as_an_alias_takes_a_reconnect_and_is_not_called_safe():
    (finding,) = told().own_name().judged(RULE)
    reconnect = finding.remedies[1]
    leave, join = reconnect.operations
    assert not reconnect.safe
    assert isinstance(leave, Disconnect) and isinstance(join, Connect)
    assert leave.network == join.network == NET.id
    assert "qdrant" in join.aliases


def test_the_variable_that_holds_the_name_is_the_place_to_change():
    seen = told().own_name()
    seen.edge = replace(seen.edge, origin="environment QDRANT_URL", basis=APP.ref.at("environment", "QDRANT_URL"))
    (finding,) = seen.judged(RULE)
    assert finding.remedies[0].advice == "Use qdrant-k3x9f2 instead of qdrant in QDRANT_URL of app."
    assert finding.about[0].path == ("environment", "QDRANT_URL")


def test_the_control_is_wanted_only_after_the_name_failed():
    control = Dns(APP.ref, APP.short_id)
    assert told().wanted(RULE) == {control}
    assert told(outcome=Outcome.CONNECTED).wanted(RULE) == set()
    assert story(SEEN, APP, QDRANT, name="qdrant", port=1).wanted(RULE) == set()


def test_the_control_decides_how_sure_it_is():
    assert told().judged(RULE)[0].confidence is Confidence.LIKELY
    assert told().own_name(Outcome.RESOLVER_FAILED).judged(RULE)[0].confidence is Confidence.POSSIBLE


def test_a_name_that_somebody_carries_is_not_unknown():
    assert told(name="qdrant-k3x9f2").judged(RULE) == ()
    assert told(name="QDRANT-K3X9F2.coolify").judged(RULE) == ()


def test_a_name_that_resolves_is_fine():
    assert told(outcome=Outcome.CONNECTED).judged(RULE) == ()
    assert story(SEEN, APP, QDRANT, name="qdrant", port=6333).works().judged(RULE) == ()


def test_a_stopped_target_has_no_name_for_another_reason():
    stopped = replace(QDRANT, state=State("exited", exit_code=1))
    assert told(target=stopped, seen=topology(APP, stopped, NET)).judged(RULE) == ()


def test_no_shared_network_and_the_default_bridge_are_other_causes():
    apart = container("apart", network("else"))
    assert told(target=apart, seen=topology(APP, apart, NET, network("else"))).judged(RULE) == ()
    app, db = container("app", BRIDGE), container("db", BRIDGE)
    assert told(target=db, seen=topology(app, db, BRIDGE), source=app).judged(RULE) == ()


def test_an_address_is_no_name():
    assert told(name="10.0.0.9").judged(RULE) == ()


def test_short_ids_are_not_offered_as_names():
    (finding,) = told().own_name().judged(RULE)
    assert not any(each.short_id in finding.cause for each in (APP, QDRANT, REDIS))


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12))
def test_it_is_said_of_exactly_the_names_that_nobody_carries(name):
    carried = any(name in endpoint.names for c in (APP, QDRANT, REDIS) for endpoint in c.endpoints)
    assert bool(told(name=name).judged(RULE)) != carried


def typed(name, source=APP):
    """``check app http://NAME:6333/``, where no container has that name: it counts as outside."""
    seen = story(SEEN, source, QDRANT, name=name, port=6333)
    seen.edge = replace(seen.edge, target=Ref("external", name))
    return seen.dns(Outcome.RESOLVER_FAILED)


def test_a_single_word_that_was_typed_is_a_name_of_the_engine_and_not_the_upstreams_silence():
    (finding,) = typed("old-name").judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert finding.cause == "app uses the name old-name, which no container on its networks carries."
    assert "ND205" in RULE.suppresses


def test_a_name_of_the_world_outside_is_left_to_the_upstream_rules():
    assert typed("api.example.test").judged(RULE) == ()
    assert typed("old", source=container("plain", BRIDGE)).judged(RULE) == ()


def missing(*absent, name="redis-cache"):
    """The environment of app names a host that nobody has."""
    seen = typed(name)
    seen.edge = replace(seen.edge, origin="environment REDIS_URL", basis=APP.ref.at("environment", "REDIS_URL"))
    found = ComposeFilesEvidence(("compose.yaml",), compared=True, absent=absent)
    return seen.saw(ComposeFiles(APP.ref), Observation(Outcome.CONNECTED, found))


def test_the_files_are_read_for_a_name_that_nobody_has():
    assert typed("redis-cache").wanted(RULE) == {ComposeFiles(APP.ref)}


def test_a_service_behind_a_profile_that_is_off_is_called_that():
    (finding,) = missing(("redis-cache", ("cache",))).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == (
        "app uses the name redis-cache in REDIS_URL, which no container on its networks carries: "
        "its compose file declares that service for the profile cache only, and it was never created."
    )
    assert finding.remedies[0].advice == "docker compose --profile cache up -d redis-cache"
    assert finding.about[0].path == ("environment", "REDIS_URL")


def test_a_declared_service_without_a_container_is_created_by_name():
    (finding,) = missing(("redis-cache", ()), ("other", ())).judged(RULE)
    assert "it has no container" in finding.cause
    assert finding.remedies[0].advice == "docker compose up -d redis-cache"


def test_a_name_that_no_file_declares_is_compared_with_those_that_exist():
    (finding,) = missing(name="redi").judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert finding.remedies[0].advice == "Use redis instead of redi in REDIS_URL of app, if that is what is meant."


def test_within_a_project_the_services_name_is_offered_before_the_containers():
    caller = container("shop-app-1", NET, project="shop", service="app")
    db = container("shop-db-1", NET, project="shop", service="db")
    (finding,) = told(name="shop-db", target=db, seen=topology(caller, db, NET), source=caller).own_name().judged(RULE)
    assert finding.remedies[0].advice == "Use db instead of shop-db."


def test_of_a_caller_that_has_ended_inspect_alone_says_it():
    ended = container("app", NET, state=State("exited", exit_code=1))
    (finding,) = story(topology(ended, QDRANT, NET), ended, QDRANT, name="qdrant", port=6333).judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert story(topology(ended, QDRANT, NET), ended, QDRANT, name=QDRANT.name, port=6333).judged(RULE) == ()
