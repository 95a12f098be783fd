"""Already joined means: by the network's real name. Then nothing is done, and nothing is declared twice."""

from __future__ import annotations

import pytest

from netdoctor.compose_edit import is_joined, plan_join

WEB = "services:\n  web:\n    image: x\n"
ON = WEB + "    networks:\n      - {key}\n"

JOINED = {
    "the key is the name": ON.format(key="shared") + "networks:\n  shared:\n    external: true\n",
    "by its name": ON.format(key="k") + "networks:\n  k:\n    external: true\n    name: shared\n",
    "by the old external form": ON.format(key="k") + "networks:\n  k:\n    external:\n      name: shared\n",
    "by the name of a network of the project": ON.format(key="k") + "networks:\n  k:\n    name: shared\n",
    "the default network is the external one": WEB + "networks:\n  default:\n    external: true\n    name: shared\n",
    "the default network in the old form": WEB + "networks:\n  default:\n    external:\n      name: shared\n",
    "through a merge": "x-c: &c\n  networks: [shared]\nservices:\n  web:\n    <<: *c\n"
    "networks:\n  shared:\n    external: true\n",
    "through a base": "services:\n  b:\n    image: x\n    networks: [shared]\n  web:\n    extends: b\n"
    "networks:\n  shared:\n    external: true\n",
    "through the service whose network it shares": "services:\n  b:\n    image: x\n    networks: [shared]\n  web:\n"
    "    network_mode: service:b\nnetworks:\n  shared:\n    external: true\n",
    "through an alias": "x-n: &n [shared]\nservices:\n  web:\n    networks: *n\n"
    "networks:\n  shared:\n    external: 'true'\n",
}


@pytest.mark.parametrize("text", JOINED.values(), ids=JOINED.keys())
def test_nothing_is_done_for_a_service_that_has_joined(text: str) -> None:
    assert is_joined(text.encode(), "web", "shared")
    edit = plan_join(text.encode(), "web", "shared")
    assert edit.result == text.encode()
    assert edit.insertions == ()


def test_a_network_of_the_project_is_known_by_the_projects_name() -> None:
    text = WEB.encode()
    assert is_joined(text, "web", "shop_default", project="shop")
    assert is_joined(b"name: shop\n" + text, "web", "shop_default")
    assert not is_joined(text, "web", "shop_default")
    assert not plan_join(text, "web", "shop_default", project="shop").changed
    told = plan_join(text, "web", "shop_default").notices
    assert any("If the project is called 'shop'" in notice for notice in told)


def test_the_projects_own_default_network_is_joined_by_its_key() -> None:
    text = (ON.format(key="a") + "networks:\n  a:\n").encode()
    edit = plan_join(text, "web", "shop_default", project="shop")
    assert edit.result == text.replace(b"- a\n", b"- a\n      - default\n")


def test_a_name_with_a_variable_is_compared_only_when_its_value_is_known() -> None:
    text = (ON.format(key="k") + "networks:\n  k:\n    external: true\n    name: ${NET:-other}\n").encode()
    assert is_joined(text, "web", "shared", environment={"NET": "shared"})
    assert is_joined(text, "web", "other", environment={})
    assert not is_joined(text, "web", "shared", environment={})
    assert not is_joined(text, "web", "other")
    edit = plan_join(text, "web", "shared")
    assert any("holds a variable" in notice for notice in edit.notices)
    assert b"${NET:-other}" in edit.result


def test_the_same_name_that_is_not_the_same_network_is_not_joined() -> None:
    text = (ON.format(key="shared") + "networks:\n  shared:\n    driver: bridge\n").encode()
    assert not is_joined(text, "web", "shared")
    edit = plan_join(text, "web", "shared")
    assert b"      - shared\n      - shared-external\n" in edit.result


def test_a_listed_but_undeclared_network_is_declared_and_said_to_be() -> None:
    text = ON.format(key="shared").encode()
    edit = plan_join(text, "web", "shared")
    assert edit.result == text + b"\nnetworks:\n  shared:\n    external: true\n"
    assert any("not declared" in notice for notice in edit.notices)


def test_networks_of_the_projects_other_files_count() -> None:
    base = b"services:\n  web:\n    image: x\n    networks: [a]\nnetworks:\n  a:\n"
    override = b"services:\n  web:\n    environment: {A: b}\n"
    edit = plan_join(override, "web", "shared", others=[base])
    assert b"- default" not in edit.result
    assert b"- shared" in edit.result
    joined = base.replace(b"[a]", b"[shared]") + b"  shared:\n    external: true\n"
    assert is_joined(override, "web", "shared", others=[joined])
    assert not plan_join(override, "web", "shared", others=[joined]).changed


def test_a_base_in_another_file_is_read_where_it_can_be() -> None:
    text = b"services:\n  web:\n    extends:\n      file: common/base.yml\n      service: b\n"
    files = {
        "common/base.yml": b"services:\n  b:\n    extends: {file: more.yml, service: c}\n",
        "common/more.yml": b"services:\n  c:\n    image: x\n    networks: [a]\n",
    }
    edit = plan_join(text, "web", "shared", read_file=files.get)
    assert b"    networks:\n      - shared\n" in edit.result
    files["common/more.yml"] = b"services:\n  c:\n    image: x\n"
    assert b"- default" in plan_join(text, "web", "shared", read_file=files.get).result
