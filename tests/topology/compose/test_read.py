"""Compose files as containers, networks and places: names Docker would give, and where each thing is written."""

from __future__ import annotations

import pytest

from netdoctor.errors import UsageError
from netdoctor.model import Blank, Dependency, Fact, HealthCheck, Link, Place, PortBinding, Ref
from netdoctor.topology.compose import Unreadable, read_compose

from .build import read, service, write

SHOP = """\
name: shop
services:
  app:
    image: app:1
    environment:
      QDRANT_URL: http://qdrant:6333
      PASSED:
    env_file: app.env
    networks:
      front:
        aliases: [web]
      shared:
    ports:
      - "8080:80"
      - {target: 443, published: 8443}
    healthcheck:
      test: curl -f http://localhost/
      interval: 1m30s
    labels:
      traefik.enable: "true"
    depends_on:
      qdrant: {condition: service_healthy}
  qdrant:
    image: qdrant/qdrant
    container_name: vectors
    hostname: Qdrant-Host
    networks: [front]
networks:
  front:
  shared: {name: coolify, external: true}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shop(here):
    write(here, {"app.env": "FROM_FILE=1\n\nQDRANT_URL=lost\n"})
    return read(SHOP, here)


def test_files_know_what_is_declared_and_nothing_about_running(shop):
    assert (shop.knows, shop.source) == (frozenset({Fact.DECLARED}), "compose")
    assert all(each.state is None and each.health is None for each in shop.containers)


def test_a_service_is_the_container_that_compose_would_make(shop):
    app, qdrant = service(shop, "app"), service(shop, "qdrant")
    assert (app.name, app.project, app.image) == ("shop-app-1", "shop", "app:1")
    assert (qdrant.name, qdrant.hostname) == ("vectors", "Qdrant-Host")
    assert app.id == "./compose.yaml#shop/app"
    assert app.published == (PortBinding(80, 8080), PortBinding(443, 8443))
    assert app.healthcheck == HealthCheck(("CMD-SHELL", "curl -f http://localhost/"), interval=90.0)
    assert app.depends_on == (Dependency("qdrant", qdrant.id, "service_healthy"),)
    assert app.labels["com.docker.compose.depends_on"] == "qdrant:service_healthy:false"


def test_endpoints_have_the_names_that_docker_answers(shop):
    app, qdrant = service(shop, "app"), service(shop, "qdrant")
    assert [(each.network_name, each.names) for each in app.endpoints] == [
        ("shop_front", ("shop-app-1", "app", "web")), ("coolify", ("shop-app-1", "app")),
    ]  # fmt: skip
    assert qdrant.endpoints[0].names == ("vectors", "qdrant", "qdrant-host")
    front, shared = (shop.network(name) for name in ("shop_front", "coolify"))
    assert (front.external, shared.external) == (False, True)
    assert front.labels["com.docker.compose.network"] == "front"


def test_the_environment_wins_over_its_files_and_a_bare_name_is_the_shells(here):
    write(here, {"app.env": "FROM_FILE=1\nQDRANT_URL=lost\n"})
    app = service(read(SHOP, here, environment={"PASSED": "by shell"}), "app")
    assert dict(app.environment) == {
        "FROM_FILE": "1", "QDRANT_URL": "http://qdrant:6333", "PASSED": "by shell",
    }  # fmt: skip
    without = service(read(SHOP, here), "app")
    assert without.env("PASSED") is None
    assert without.blanks == (Blank(("environment", "PASSED"), "PASSED"),)


def test_everything_has_its_place(shop):
    app = service(shop, "app").ref
    assert shop.places[app] == Place("compose.yaml", 3, 3)
    assert shop.places[app.at("environment", "QDRANT_URL")] == Place("compose.yaml", 6, 7)
    assert shop.places[app.at("environment", "FROM_FILE")] == Place("app.env", 1, 1)
    assert shop.places[app.at("networks", "shared")] == Place("compose.yaml", 12, 7)
    assert shop.places[app.at("networks", "coolify")] == Place("compose.yaml", 12, 7)
    assert shop.places[app.at("ports", "8080:80")] == Place("compose.yaml", 14, 9)
    assert shop.places[app.at("healthcheck", "test")] == Place("compose.yaml", 17, 7)
    assert shop.places[app.at("labels", "traefik.enable")] == Place("compose.yaml", 20, 7)
    assert shop.places[app.at("depends_on", "qdrant")] == Place("compose.yaml", 22, 7)
    assert shop.places[Ref("network", "coolify")] == Place("compose.yaml", 30, 3)


def test_a_place_that_is_not_written_is_that_of_what_holds_it(shop):
    app = service(shop, "app").ref
    assert shop.place(app.at("healthcheck", "retries")) == shop.places[app.at("healthcheck")]
    assert shop.place(app.at("dns")) == shop.places[app]
    assert shop.place(Ref("container", "nobody"), app) == shop.places[app]
    assert shop.place(Ref("container", "nobody")) is None


def test_an_override_places_what_it_changes_in_its_own_file(here):
    write(here, {"compose.yaml": "services:\n  a: {image: x, environment: {A: 1, B: 1}}\n",
                 "over.yaml": "services:\n  a:\n    environment:\n      - B=2\n"})  # fmt: skip
    found = read_compose([["compose.yaml", "over.yaml"]], environment={})
    (a,) = found.containers
    assert dict(a.environment) == {"A": "1", "B": "2"}
    assert found.places[a.ref.at("environment", "B")] == Place("over.yaml", 4, 9)
    assert found.places[a.ref.at("environment", "A")].file == "compose.yaml"
    assert found.places[a.ref].file == "compose.yaml"


def test_files_are_projects_of_their_own_that_share_external_networks_only(here):
    write(here, {"one/compose.yaml": "services:\n  a: {image: x, networks: [default, n]}\n"
                                     "networks: {n: {external: true}}\n",
                 "two/compose.yaml": "services:\n  a: {image: x, networks: [default, n]}\n"
                                     "networks: {n: {name: n, internal: true}}\n"})  # fmt: skip
    found = read_compose([["one/compose.yaml"], ["two/compose.yaml"]], environment={})
    one, two = found.containers
    assert {each.network for each in one.endpoints} & {each.network for each in two.endpoints} == {"n"}
    assert (one.name, two.name) == ("one-a-1", "two-a-1")
    # Who defines it knows more of it than who calls it external.
    assert found.network("n").internal


def test_two_files_of_one_folder_are_two_projects_and_a_person_is_told(here):
    write(here, {"a.yaml": "services:\n  s: {image: x}\n", "b.yaml": "services:\n  s: {image: x}\n"})
    said: list[str] = []
    found = read_compose([["a.yaml"], ["b.yaml"]], environment={}, notice=said.append)
    assert len({each.project for each in found.containers}) == 2
    assert len({each.endpoints[0].network for each in found.containers}) == 2
    assert len(said) == 2
    assert "project of its own" in said[0]


def test_without_files_composes_own_lookup_decides(here):
    write(here, {"compose.yaml": "services:\n  a: {image: x}\n",
                 "compose.override.yaml": "services:\n  a: {hostname: h}\n",
                 "docker-compose.yml": "services:\n  old: {image: x}\n", "sub/f": ""})  # fmt: skip
    (found,) = read_compose(environment={}).containers
    assert (found.service, found.hostname) == ("a", "h")
    assert read_compose(environment={}, start=here / "sub").containers == (found,)
    (named,) = read_compose(environment={"COMPOSE_FILE": "docker-compose.yml"}).containers
    assert named.service == "old"


def test_no_compose_file_anywhere_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no compose file here"):
        read_compose(environment={})


def test_services_of_every_profile_are_read_unless_some_are_named(here):
    text = "services:\n  a: {image: x}\n  b: {image: x, profiles: [p]}\n  c: {image: x, profiles: [q]}\n"
    assert [each.service for each in read(text, here).containers] == ["a", "b", "c"]
    assert [each.service for each in read(text, here, profiles=["p"]).containers] == ["a", "b"]
    assert service(read(text, here), "b").profiles == ("p",)


def test_modes_say_whose_network_it_is(here):
    found = read("""\
        services:
          a: {image: x, network_mode: host}
          b: {image: x, network_mode: none}
          c: {image: x, network_mode: bridge}
          d: {image: x, network_mode: "service:e"}
          e: {image: x, container_name: eee}
          f: {image: x, network_mode: "container:eee"}
          g: {image: x, network_mode: "container:elsewhere"}
        """, here)  # fmt: skip
    e = service(found, "e")
    assert found.network_owner(service(found, "d")) == e
    assert found.network_owner(service(found, "f")) == e
    assert found.network_owner(service(found, "g")) is None
    assert [service(found, name).endpoints[0].network for name in "abc"] == ["host", "none", "bridge"]
    assert found.network("bridge").default_bridge
    assert (found.network("host").driver, found.network("none").driver) == ("host", "null")


def test_an_external_link_is_a_name_of_somebody_these_files_do_not_know(here):
    found = read("services:\n  a: {image: x, external_links: [old_db_1, 'old_db_1:Database']}\n", here)
    assert found.containers[0].links == (Link("old_db_1", "old_db_1"), Link("database", "old_db_1"))


def test_links_and_what_they_imply(here):
    found = read("services:\n  a: {image: x, links: ['b:Bee', c]}\n  b: {image: x}\n  c: {image: x}\n", here)
    a, b, c = found.containers
    assert a.links == (Link("bee", b.id), Link("c", c.id))
    assert [each.service for each in a.depends_on] == ["b", "c"]


def test_a_network_whose_name_is_a_variable_without_a_value_is_the_same_for_all(here):
    text = "services:\n  a: {image: x, networks: [n]}\nnetworks: {n: {external: true, name: '${NET}'}}\n"
    write(here, {"one/compose.yaml": text, "two/compose.yaml": text})
    found = read_compose([["one/compose.yaml"], ["two/compose.yaml"]], environment={})
    assert {each.endpoints[0].network for each in found.containers} == {"${NET}"}


def test_blanks_are_told_once_for_each_project(here):
    said: list[str] = []
    found = read(
        "services:\n  a: {image: 'x:${TAG}', environment: {A: '${B}', C: '${D:-x}'}}\n", here, notice=said.append
    )
    assert said == ["without a value here, so left empty in compose.yaml: B, TAG"]
    assert found.containers[0].blanks == (Blank(("environment", "A"), "B"), Blank(("image",), "TAG"))


def test_providers_are_no_containers(here):
    found = read("services:\n  a: {image: x, depends_on: [b]}\n  b: {provider: {type: t}}\n", here)
    assert [each.service for each in found.containers] == ["a"]
    assert found.containers[0].depends_on == (Dependency("b"),)


def test_reading_twice_gives_the_same(here):
    assert read(SHOP.replace("    env_file: app.env\n", ""), here) == read(
        SHOP.replace("    env_file: app.env\n", ""), here
    )


def test_projects_without_end_are_bounded(here):
    write(here, {"compose.yaml": "include: [f0.yaml]\nservices:\n  a: {image: x}\n"})
    write(here, {f"f{n}.yaml": f"include: [f{n + 1}.yaml]\nservices:\n  s{n}: {{image: x}}\n" for n in range(600)})
    with pytest.raises(Unreadable, match=r"^f48.yaml:1: more than 50 files include each other"):
        read_compose([["compose.yaml"]], environment={})
    listed = ", ".join(f"f{n}.yaml" for n in range(600))
    write(here, {f"f{n}.yaml": f"services:\n  s{n}: {{image: x}}\n" for n in range(600)})
    with pytest.raises(Unreadable, match="more than 500 files"):
        read(f"include: [{listed}]\nservices:\n  a: {{image: x}}\n", here)
    chain = "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(600))
    with pytest.raises(Unreadable, match="more than 50 services extend each other"):
        read(f"services:\n{chain}  s600: {{image: x}}\n", here)
