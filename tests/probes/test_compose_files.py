"""The compose files of a container, read where its labels point: what differs, and nothing that only a shell knew."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from netdoctor.model import Container, Endpoint, Fact, Network, Ref, State, Topology
from netdoctor.probes.compose_files import Changed, ComposeFiles, ComposeFilesProbe
from netdoctor.probes.interface import CannotAsk, World

OWN = Network(
    "n1", "shop_default", labels={"com.docker.compose.project": "shop", "com.docker.compose.network": "default"}
)
BACK = Network("n2", "odd-name", labels={"com.docker.compose.project": "shop", "com.docker.compose.network": "back"})
COOLIFY = Network("n3", "coolify")
BY_HAND = Network(
    "n4", "by-hand", labels={"com.docker.compose.project": "shop", "com.docker.compose.network": "by-hand"}
)
NETWORKS = (OWN, BACK, COOLIFY, BY_HAND)


def endpoint(network: Network, *aliases: str) -> Endpoint:
    return Endpoint(network.id, network.name, aliases=aliases, names=("shop-app-1", *aliases))


def asked(
    folder: Path, text: str, *endpoints: Endpoint, brief=False, needed=True, age=60.0, files="compose.yaml", **fields
):
    """``age``: how many seconds after the file the container was made."""
    (folder / "compose.yaml").write_text(text)
    made = datetime.fromtimestamp(time.time() + age, UTC) + timedelta(0)
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "app",
        "com.docker.compose.project.working_dir": str(folder),
        "com.docker.compose.project.config_files": files,
    }
    endpoints = endpoints or (endpoint(OWN, "app"),)
    container = Container(
        "c1", "shop-app-1", endpoints=endpoints, labels=labels, created=made.isoformat(), state=State("running", True),
        **fields,
    )  # fmt: skip
    topology = Topology(frozenset({Fact.RUNTIME}), (container,), NETWORKS, endpoint="unix:///var/run/docker.sock")

    def nowhere(ref: Ref):
        raise AssertionError("no vantage is needed")

    return ComposeFilesProbe().ask(
        ComposeFiles(container.ref, brief, needed), World(topology, nowhere, 4.0, time.monotonic)
    )


PLAIN = "services: {app: {image: x}}\n"


def test_a_container_as_its_file_says_agrees(tmp_path):
    found = asked(tmp_path, PLAIN).evidence
    assert found.compared and found.declared and not found.newer
    assert (found.undeclared, found.missing, found.aliases, found.changed) == ((), (), (), ())


def test_a_live_connect_is_not_in_the_file(tmp_path):
    found = asked(tmp_path, PLAIN, endpoint(OWN, "app"), endpoint(COOLIFY, "app")).evidence
    assert found.undeclared == ("coolify",)


def test_declared_networks_and_aliases_that_the_container_lacks(tmp_path):
    text = (
        "services: {app: {image: x, networks: {default: {aliases: [web]}, coolify: {}, back: {}}}}\n"
        "networks: {coolify: {external: true}, back: {}}\n"
    )
    found = asked(tmp_path, text, endpoint(OWN)).evidence
    assert found.missing == ("coolify", "shop_back")
    assert found.aliases == (("shop_default", "app"), ("shop_default", "web"))
    assert found.undeclared == ()


def test_a_projects_own_network_is_known_by_its_key_whatever_its_name(tmp_path):
    text = "services: {app: {image: x, networks: [back]}}\nnetworks: {back: {name: '${N:-clinic}-back'}}\n"
    found = asked(tmp_path, text, endpoint(BACK, "app")).evidence
    assert (found.undeclared, found.missing) == ((), ())


def test_compose_1_labels_a_network_with_the_name_of_its_own(tmp_path):
    text = "services: {app: {image: x, networks: [own]}}\nnetworks: {own: {name: by-hand}}\n"
    evidence = asked(tmp_path, text, endpoint(BY_HAND, "app")).evidence
    assert (evidence.missing, evidence.undeclared) == ((), ())


def test_what_another_shell_may_have_named_is_never_called_a_difference(tmp_path):
    text = "services: {app: {image: x, networks: [a]}}\nnetworks: {a: {external: true, name: '${NET:-coolify}'}}\n"
    found = asked(tmp_path, text, endpoint(COOLIFY, "app")).evidence
    assert (found.undeclared, found.missing) == ((), ())


def test_variables_that_the_files_have_otherwise_are_told_by_name_and_host_never_by_value(tmp_path):
    (tmp_path / ".env").write_text("STORE=http://me:hunter2@new-store:80\nSECRET=hunter3\n")
    text = (
        "services: {app: {image: x, environment: {STORE_URL: '${STORE}', KEY: '${SECRET}', N: '${SHELL_HAS:-x}',"
        " SAME: 'http://a', FRESH_HOST: db, BLANK: '${NOBODY}'}}}\n"
    )
    environment = (("STORE_URL", "http://old-store:80"), ("KEY", "1"), ("N", "2"), ("SAME", "http://a"), ("PATH", "/"))
    found = asked(tmp_path, text, environment=environment).evidence
    assert found.changed == (
        Changed("STORE_URL", "old-store", "new-store"), Changed("KEY", "", ""), Changed("FRESH_HOST", "", "db"),
    )  # fmt: skip
    assert "hunter" not in repr(found)


def test_a_file_written_after_the_container_was_made_is_newer_and_read_even_briefly(tmp_path):
    found = asked(tmp_path, PLAIN, brief=True, age=-60).evidence
    assert found.newer and found.compared


def test_a_brief_question_opens_no_older_file(tmp_path):
    found = asked(tmp_path, "::: no yaml", brief=True).evidence
    assert not found.newer and not found.compared


def test_the_env_file_counts_as_a_file(tmp_path):
    (tmp_path / ".env").write_text("A=1\n")
    later = time.time() + 120
    os.utime(tmp_path / ".env", (later, later))
    assert asked(tmp_path, PLAIN, brief=True).evidence.newer


def test_a_service_that_is_no_longer_in_the_file(tmp_path):
    assert asked(tmp_path, "services: {other: {image: x}}\n").evidence.declared is False


@pytest.mark.parametrize("text", ["::: no yaml", "services: {app: {image: x, networks: [gone]}}\n", "[]\n"])
def test_a_file_that_cannot_be_read_is_no_answer(tmp_path, text):
    with pytest.raises(CannotAsk, match="cannot be read"):
        asked(tmp_path, text)


def test_a_file_that_is_not_here_is_no_answer(tmp_path):
    with pytest.raises(CannotAsk, match=r"artifacts"):
        asked(tmp_path, PLAIN, files="/artifacts/gone/docker-compose.yaml")


def test_relative_labels_and_several_files_are_followed(tmp_path):
    (tmp_path / "more.yaml").write_text(
        "services: {app: {networks: [coolify]}}\nnetworks: {coolify: {external: true}}\n"
    )
    found = asked(tmp_path, PLAIN, endpoint(COOLIFY, "app"), files="some/where/compose.yaml,more.yaml").evidence
    assert len(found.files) == 2
    assert (found.undeclared, found.missing) == ((), ())


def test_host_mode_and_borrowed_namespaces_have_no_networks_to_compare(tmp_path):
    for mode in ("host", "none", "container:abc"):
        found = asked(tmp_path, PLAIN, network_mode=mode).evidence
        assert (found.undeclared, found.missing) == ((), ())


def test_of_what_works_nobody_is_told_that_a_file_is_elsewhere(tmp_path):
    found = asked(tmp_path, PLAIN, files="/artifacts/gone.yaml", needed=False)
    assert found.known and not found.evidence.compared and "gone.yaml" in found.reason


def test_a_container_that_no_file_is_named_for_has_nothing_to_compare(tmp_path):
    found = asked(tmp_path, PLAIN, files="")
    assert found.known and not found.evidence.compared


def test_services_of_the_files_that_have_no_container_are_told_with_their_profiles(tmp_path):
    text = "services: {app: {image: x}, cache: {image: redis, profiles: [extra]}, db: {image: postgres}}\n"
    assert asked(tmp_path, text).evidence.absent == (("cache", ("extra",)), ("db", ()))
    assert asked(tmp_path, PLAIN).evidence.absent == ()
