"""The override file: what it says for every kind of service, and that it says no more."""

from __future__ import annotations

import pytest

from netdoctor.compose_edit import EditRefused, override_for, plan_override

from .truth import load

WEB = "services:\n  web:\n    image: x\n"


def test_a_service_without_networks_keeps_default() -> None:
    assert override_for(WEB.encode(), "web", "shared").decode() == (
        "services:\n  web:\n    networks:\n      - default\n      - shared\n"
        "\nnetworks:\n  shared:\n    external: true\n"
    )


def test_a_service_with_networks_gets_only_the_new_one() -> None:
    text = WEB + "    networks: [a]\nnetworks:\n  a:\n"
    assert load(override_for(text.encode(), "web", "shared"))["services"] == {"web": {"networks": ["shared"]}}


def test_a_network_that_is_declared_under_some_key_is_not_declared_again() -> None:
    text = WEB + "networks:\n  k:\n    external: true\n    name: shared\n"
    assert load(override_for(text.encode(), "web", "shared")) == {"services": {"web": {"networks": ["default", "k"]}}}


def test_a_taken_key_is_left_alone() -> None:
    text = WEB + "networks:\n  shared:\n"
    model = load(override_for(text.encode(), "web", "shared"))
    assert model["networks"] == {"shared-external": {"external": "true", "name": "shared"}}


def test_network_mode_bridge_is_reset() -> None:
    text = override_for((WEB + "    network_mode: bridge\n").encode(), "web", "shared").decode()
    assert "    network_mode: !reset null\n" in text
    assert "default" not in text


def test_the_service_whose_network_is_shared_is_the_one_that_joins() -> None:
    text = WEB + "    network_mode: service:vpn\n  vpn:\n    image: y\n"
    assert list(load(override_for(text.encode(), "web", "shared"))["services"]) == ["vpn"]


def test_an_anchored_body_is_no_obstacle() -> None:
    text = "services:\n  web: &w\n    image: x\n  'on': *w\n"
    assert override_for(text.encode(), "on", "shared").startswith(b'services:\n  "on":\n    networks:\n')


@pytest.mark.parametrize("mode", ["host", "none", "container:x"])
def test_other_network_modes_are_refused(mode: str) -> None:
    with pytest.raises(EditRefused, match="network_mode"):
        override_for((WEB + f"    network_mode: {mode}\n").encode(), "web", "shared")


def merged(existing: str, base: str = WEB, service: str = "web", aliases: tuple[str, ...] = ()) -> str:
    edit = plan_override(existing.encode(), base.encode(), service, "shared", aliases)
    assert edit.undo(edit.result) == existing.encode()
    again = plan_override(edit.result, base.encode(), service, "shared", aliases)
    assert not again.changed, "a second time there is nothing to add"
    return edit.result.decode()


def test_where_there_is_no_override_file_yet_the_whole_text_is_the_edit() -> None:
    edit = plan_override(None, WEB.encode(), "web", "shared")
    assert edit.result == override_for(WEB.encode(), "web", "shared")
    assert edit.undo(edit.result) == b""


def test_a_service_that_the_override_file_does_not_name_is_added_to_it() -> None:
    existing = "# mine\nservices:\n  db:\n    ports:\n      - 5432:5432  # for me\n"
    assert merged(existing) == (
        f"{existing}  web:\n    networks:\n      - default\n      - shared\n"
        "\nnetworks:\n  shared:\n    external: true\n"
    )


def test_a_service_that_it_names_is_edited_as_in_any_file() -> None:
    existing = "services:\n  web:\n    environment:\n      A: b\n"
    assert load(merged(existing).encode())["services"]["web"]["networks"] == ["default", "shared"]


def test_default_is_not_listed_where_the_base_lists_networks() -> None:
    base = WEB + "    networks: [a]\nnetworks:\n  a:\n"
    existing = "services:\n  db:\n    image: y\nnetworks:\n  b:\n"
    model = load(merged(existing, base).encode())
    assert model["services"]["web"] == {"networks": ["shared"]}
    assert model["networks"] == {"b": "", "shared": {"external": "true"}}


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_line_endings_and_an_unfinished_last_line_are_kept(ending: str) -> None:
    existing = "services:\n  db:\n    image: y".replace("\n", ending or "\n") + ending
    assert load(merged(existing).encode())["services"]["web"] == {"networks": ["default", "shared"]}


def test_json_and_aliases() -> None:
    text = merged('{"services": {"db": {"image": "y"}}}', aliases=("www",))
    assert load(text.encode())["services"]["web"]["networks"] == {"default": {}, "shared": {"aliases": ["www"]}}


def test_what_the_base_says_already_needs_no_override() -> None:
    base = WEB + "    networks: [shared]\nnetworks:\n  shared:\n    external: true\n"
    assert not plan_override(None, base.encode(), "web", "shared").changed


@pytest.mark.parametrize(
    "existing",
    [
        "",
        "services:\n",
        "services: {}\n",
        "networks:\n  a:\n",
        "services: !reset {db: {image: y}}\n",
        "services:\n- db\n",
    ],
)
def test_an_override_file_that_cannot_be_added_to_is_refused(existing: str) -> None:
    with pytest.raises(EditRefused):
        plan_override(existing.encode(), WEB.encode(), "web", "shared")


def test_bridge_is_not_reset_in_somebody_else_s_file() -> None:
    with pytest.raises(EditRefused, match="network_mode"):
        plan_override(
            b"services:\n  db:\n    image: y\n", (WEB + "    network_mode: bridge\n").encode(), "web", "shared"
        )
