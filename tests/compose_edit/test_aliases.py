"""Further names on the joined network: written with it, added to what is there, refused where there is no room."""

from __future__ import annotations

import pytest

from netdoctor.compose_edit import EditRefused, override_for, plan_join

from .truth import effective, load

WEB = "services:\n  web:\n    image: x\n"
TOP = "networks:\n  shared:\n    external: true\n"


def _aliases(data: bytes) -> object:
    return effective(load(data), "web")["shared"].get("aliases")


def test_a_new_membership_with_aliases_is_a_mapping() -> None:
    edit = plan_join(WEB.encode(), "web", "shared", ["db", "db.local"])
    assert edit.result.decode() == (
        WEB
        + "    networks:\n      default:\n      shared:\n        aliases:\n          - db\n          - db.local\n\n"
        + TOP
    )
    assert edit.undo(edit.result) == WEB.encode()


def test_aliases_that_yaml_would_read_as_something_else_are_quoted() -> None:
    edit = plan_join(WEB.encode(), "web", "shared", ["on", "1.5"])
    assert b'- "on"\n          - "1.5"\n' in edit.result


ENTRIES = {
    "no options": ("      shared:\n", ["db"]),
    "other options": ("      shared:\n        priority: 5\n", ["db"]),
    "a list of aliases": ("      shared:\n        aliases:\n        - one\n        priority: 5\n", ["one", "db"]),
    "a flow list of aliases": ("      shared:\n        aliases: [one]\n", ["one", "db"]),
    "flow options": ("      shared: {priority: 5}\n", ["db"]),
    "empty flow options": ("      shared: {}\n", ["db"]),
}


@pytest.mark.parametrize(("entry", "expected"), ENTRIES.values(), ids=ENTRIES.keys())
def test_aliases_are_added_to_a_membership_that_is_there(entry: str, expected: list[str]) -> None:
    before = (WEB + "    networks:\n" + entry + TOP).encode()
    edit = plan_join(before, "web", "shared", ["db"])
    assert edit.changed
    assert _aliases(edit.result) == expected
    assert edit.undo(edit.result) == before
    assert not plan_join(edit.result, "web", "shared", ["db"]).changed
    assert not plan_join(edit.result, "web", "shared").changed


def test_only_the_missing_aliases_are_added() -> None:
    before = (WEB + "    networks:\n      shared:\n        aliases:\n          - one\n" + TOP).encode()
    assert not plan_join(before, "web", "shared", ["one"]).changed
    assert _aliases(plan_join(before, "web", "shared", ["one", "two", "two"]).result) == ["one", "two"]


def test_aliases_on_the_default_network_that_is_the_external_one() -> None:
    before = (WEB + "networks:\n  default:\n    external: true\n    name: shared\n").encode()
    edit = plan_join(before, "web", "shared", ["db"])
    assert b"    networks:\n      default:\n        aliases:\n          - db\n" in edit.result
    assert b"shared:" not in edit.result


def test_aliases_beside_those_of_a_base() -> None:
    base = (
        "services:\n  b:\n    image: x\n    networks:\n      shared:\n        aliases: [one]\n  web:\n    extends: b\n"
    )
    edit = plan_join((base + TOP).encode(), "web", "shared", ["db"])
    assert b"  web:\n    extends: b\n    networks:\n      shared:\n        aliases:\n          - db\n" in edit.result


def test_merged_options_are_kept_when_aliases_are_added() -> None:
    before = "x-c: &c\n  networks:\n    shared:\n      priority: 5\n      aliases: [one]\n" + (
        "services:\n  web:\n    <<: *c\n" + TOP
    )
    edit = plan_join(before.encode(), "web", "shared", ["db"])
    assert effective(load(edit.result), "web") == {"shared": {"priority": "5", "aliases": ["one", "db"]}}


@pytest.mark.parametrize("item", ["shared", "other"])
def test_a_list_has_no_room_for_aliases_but_an_override_file_has(item: str) -> None:
    before = (WEB + f"    networks:\n      - {item}\n" + TOP + "  other:\n").encode()
    with pytest.raises(EditRefused) as caught:
        plan_join(before, "web", "shared", ["db"])
    assert caught.value.override_helps
    assert caught.value.line == 4
    assert b"      shared:\n        aliases:\n          - db\n" in override_for(before, "web", "shared", ["db"])
