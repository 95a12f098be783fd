"""ND102 is said where a platform's own marks prove that it keeps two containers apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Connect, Fact, Layer, Outcome, Verdict
from netdoctor.rules.nd101_no_shared_network import RULE as ND101
from netdoctor.rules.nd102_platform_isolation import RULE

from .build import BRIDGE, container, network, story, topology

UUID = "qkkkc8kskocgwo0o8c444cgo"
COOLIFY, OWN = network("coolify"), network(UUID)
MANAGED = {"coolify.managed": "true"}
FOLDER = "com.docker.compose.project.working_dir"


def between(source, target, *networks, name="store"):
    seen = topology(source, target, *networks)
    return story(seen, source, target, name=name, port=80).dns(Outcome.RESOLVER_FAILED).tcp(Outcome.TIMED_OUT)


def incident(app=(), store=()):
    source = container("app", COOLIFY, service="web", project="u8088", labels=dict(app))
    target = container("store", OWN, service="store", project=UUID, labels=dict(store))
    return between(source, target, COOLIFY, OWN)


def test_the_label_on_the_stack_alone_on_its_uuid_network_proves_it():
    (finding,) = incident(store=MANAGED).judged(RULE)
    assert (finding.confidence, finding.layer) == (Confidence.CERTAIN, Layer.MEMBERSHIP)
    assert finding.cause == (f"Coolify keeps store on a network of its own ({UUID}); app (on coolify) is not on it.")
    assert "store has the label coolify.managed=true" in finding.evidence


def test_it_is_the_cause_and_no_shared_network_follows_from_it():
    seen = incident(store=MANAGED, app=MANAGED)
    (head,) = judge_edge(seen.case, [ND101, RULE], Verdict.BROKEN)
    assert head.code == "ND102" and [each.code for each in head.suppressed] == ["ND101"]


def test_without_the_label_it_is_no_platform_s_doing():
    (head,) = judge_edge(incident().case, [ND101, RULE], Verdict.BROKEN)
    assert head.code == "ND101"
    assert incident(app=MANAGED).judged(RULE) == ()


def test_the_store_joins_the_platform_s_network_and_the_permanent_way_is_named():
    (finding,) = incident(store=MANAGED).judged(RULE)
    first, *_, last = finding.remedies
    (join,) = first.operations
    assert isinstance(join, Connect) and (join.container_name, join.network_name) == ("store", "coolify")
    assert "Connect to Predefined Network" in last.advice and f"store-{UUID}" in last.advice


def test_two_stacks_each_on_its_own_network():
    one, two = network("uuid-one"), network("uuid-two")
    source = container("app", one, project="uuid-one", labels=MANAGED)
    target = container("store", two, project="uuid-two", labels=MANAGED)
    (finding,) = between(source, target, one, two).judged(RULE)
    assert finding.about[0] == target.ref


def test_alone_on_a_network_of_unknown_owner_is_likely_only():
    somewhere, elsewhere = network("somewhere"), network("elsewhere")
    kept = container("store", somewhere, labels=MANAGED)
    (finding,) = between(container("app", elsewhere), kept, elsewhere, somewhere).judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_a_destination_of_the_platform_is_nobody_s_own():
    destination, elsewhere = network("coolify-prod"), network("elsewhere")
    app = container("app", destination, labels=MANAGED)
    assert between(app, container("store", elsewhere), destination, elsewhere).judged(RULE) == ()


def test_a_network_with_strangers_on_it_is_not_its_own():
    shared = network("shared")
    kept, stranger = container("store", shared, labels=MANAGED), container("stranger", shared)
    app = container("app", COOLIFY, labels=MANAGED)
    seen = topology(app, kept, stranger, COOLIFY, shared)
    assert story(seen, app, kept, name="store", port=80).judged(RULE) == ()


def test_coolify_s_proxy_on_the_network_is_no_stranger():
    own = network("somewhere")
    kept = container("store", own, labels=MANAGED)
    proxy = container("coolify-proxy", own, labels={**MANAGED, "coolify.proxy": "true"})
    app = container("app", COOLIFY, labels=MANAGED)
    seen = topology(app, kept, proxy, COOLIFY, own)
    assert len(story(seen, app, kept, name="store", port=80).judged(RULE)) == 1


DOKPLOY = network("dokploy-network", driver="overlay")


def dokploy(app_folder="", store_folder="", app_on=None):
    own = network("web-ab12cd")
    app_net = app_on or own
    app = container("app", app_net, project="web-ab12cd", labels={FOLDER: app_folder} if app_folder else {})
    store = container("store", DOKPLOY, labels={FOLDER: store_folder} if store_folder else {})
    return between(app, store, own, DOKPLOY)


def test_a_dokploy_stack_off_dokploy_network():
    (finding,) = dokploy("/etc/dokploy/compose/web-ab12cd/code").judged(RULE)
    assert finding.cause.startswith("Dokploy keeps app on a network of its own")
    assert "`dokploy-network` (external) next to `default`" in finding.remedies[-1].advice


def test_a_compose_stack_of_somebody_else_is_not_dokploy_s():
    assert dokploy("/srv/web").judged(RULE) == ()


@pytest.mark.parametrize("shared", [True, False])
def test_a_common_network_or_a_connection_that_opens_excuses_it(shared):
    if shared:
        target = container("store", OWN, COOLIFY, project=UUID, labels=MANAGED)
        told = between(container("app", COOLIFY, labels=MANAGED), target, COOLIFY, OWN)
    else:
        told = incident(store=MANAGED).works()
    assert told.judged(RULE) == ()


def test_compose_files_alone_are_enough_and_the_default_bridge_is_nobody_s():
    seen = incident(store=MANAGED)
    declared = replace(seen.topology, knows=frozenset({Fact.DECLARED}))
    assert len(story(declared, seen.source, seen.target, name="store").judged(RULE)) == 1
    plain = container("store", BRIDGE, project=UUID, labels=MANAGED)
    assert between(container("app", COOLIFY, labels=MANAGED), plain, COOLIFY, BRIDGE).judged(RULE) == ()
