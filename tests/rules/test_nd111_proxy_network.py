"""ND111 is said of a reverse proxy that cannot reach its backend on the network where it looks."""

from __future__ import annotations

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Connect, Outcome, Verdict
from netdoctor.probes.tcp import Tcp
from netdoctor.rules.nd101_no_shared_network import RULE as ND101
from netdoctor.rules.nd111_proxy_network import RULE

from .build import container, network, story, topology

EDGE, INNER = network("edge"), network("inner")
ENABLED = {"traefik.enable": "true"}
NAMED = "traefik.docker.network"


def told(proxy, backend):
    return story(topology(proxy, backend, EDGE, INNER), proxy, backend, name="api", port=80)


def traefik(*networks, **fields):
    return container("traefik", *networks, **fields)


def backend(*networks, **labels):
    return container("api", *networks, labels={**ENABLED, **{k.replace("_", "."): v for k, v in labels.items()}})


def test_no_common_network_is_the_proxy_s_matter():
    (head,) = judge_edge(told(traefik(EDGE), backend(INNER)).case, [ND101, RULE], Verdict.BROKEN)
    assert head.code == "ND111" and [each.code for each in head.suppressed] == ["ND101"]
    assert head.cause == "The proxy traefik and its backend api share no network."
    assert isinstance(head.remedies[0].operations[0], Connect)


@pytest.mark.parametrize(
    "proxy",
    [
        container("front", EDGE, image="docker.io/library/traefik:v3"),
        container("front", EDGE, service="reverse-proxy"),
        container("front", EDGE, labels={"coolify.proxy": "true"}),
        container("front", EDGE, command=("/traefik", "--providers.docker")),
    ],
)
def test_a_proxy_is_known_by_image_name_label_or_command(proxy):
    assert len(told(proxy, backend(INNER)).judged(RULE)) == 1


def test_any_other_caller_is_none_and_an_ordinary_target_is_not_for_a_proxy():
    assert told(container("app", EDGE), backend(INNER)).judged(RULE) == ()
    assert told(traefik(EDGE), container("api", INNER)).judged(RULE) == ()


def test_a_virtual_host_is_meant_for_a_proxy():
    api = container("api", INNER, environment=(("VIRTUAL_HOST", "a.test"),))
    assert len(told(container("nginx-proxy", EDGE), api).judged(RULE)) == 1


def test_the_label_names_a_network_that_the_proxy_is_not_on():
    seen = told(traefik(EDGE), backend(EDGE, INNER, traefik_docker_network="inner"))
    (finding,) = seen.judged(RULE)
    assert finding.cause == ("The proxy traefik looks for api on inner, on which traefik is not; they share edge.")
    (join,) = finding.remedies[0].operations
    assert isinstance(join, Connect) and (join.container_name, join.network_name) == ("traefik", "inner")
    assert finding.remedies[1].advice == "Set traefik.docker.network=edge (api), and recreate it."


def test_the_address_that_the_proxy_takes_is_dialled_and_a_connection_excuses_it():
    seen = told(traefik(EDGE), backend(EDGE, INNER, traefik_docker_network="inner"))
    wrong = seen.target.endpoints[1].ipv4
    assert seen.wanted(RULE) == {Tcp(seen.source.ref, wrong, 80)}
    assert seen.tcp(Outcome.CONNECTED, wrong).judged(RULE) == ()


def test_a_label_that_names_no_network_of_the_backend_leaves_it_to_chance():
    (finding,) = told(traefik(EDGE), backend(EDGE, INNER, traefik_docker_network="project_edge")).judged(RULE)
    assert finding.confidence is Confidence.LIKELY and "any of its networks may be taken" in finding.cause


def test_the_proxy_s_own_option_counts_where_the_backend_has_no_label():
    proxy = traefik(EDGE, command=("traefik", "--providers.docker.network=inner"))
    (finding,) = told(proxy, backend(EDGE, INNER)).judged(RULE)
    assert "providers.docker.network=inner" in finding.evidence


@pytest.mark.parametrize(
    "api",
    [
        backend(EDGE),
        backend(EDGE, INNER),
        backend(EDGE, INNER, traefik_docker_network="edge"),
        backend(EDGE, traefik_docker_network="edge-by-another-name"),
    ],
)
def test_the_right_network_or_none_named_is_no_finding(api):
    assert told(traefik(EDGE), api).judged(RULE) == ()
