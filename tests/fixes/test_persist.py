"""The right file, by Compose v1 and v2 labels; written whole, read back, or the exact text to paste."""

from __future__ import annotations

from dataclasses import replace

import yaml

from netdoctor.fixes.journal import StepState
from netdoctor.fixes.persist import Declared, Paste, Patch, compose_files, plan_permanence
from netdoctor.model import Membership

from .build import APP, COOLIFY, OWN, QDRANT, container, endpoint, topology
from .persisting import COMPOSE, labelled, only, written


def planned(one, *, others=(), aliases=("qdrant",)):
    where = topology(COOLIFY, OWN, APP, one, *others)
    return plan_permanence([Membership(one.id, "coolify", aliases)], where)


def test_compose_v1_names_files_relative_to_the_working_directory(folder):
    assert compose_files(labelled(folder)).found == (folder / "docker-compose.yml",)


def test_compose_v1_names_a_file_as_it_was_typed_in_a_folder_above(folder):
    file = folder / "docker-compose.yml"
    assert compose_files(labelled(folder, f"{folder.name}/docker-compose.yml")).found == (file,)
    elsewhere = compose_files(labelled(folder, "other/docker-compose.yml"))
    assert (elsewhere.found, len(elsewhere.missing)) == ((), 1)


def test_compose_v2_names_them_absolutely(folder):
    one = labelled(folder, str(folder / "docker-compose.yml"))
    assert compose_files(one).found == (folder / "docker-compose.yml",)


def test_a_path_with_a_comma_is_one_file_when_it_exists(folder):
    (folder / "a,b.yml").write_bytes(COMPOSE)
    assert compose_files(labelled(folder, "a,b.yml")).found == (folder / "a,b.yml",)


def test_default_is_kept_and_only_lines_are_added(folder, tmp_path):
    patch = only(planned(labelled(folder)))
    assert isinstance(patch, Patch)
    assert patch.edit.added_lines_only
    (done, failed), journal = written(planned(labelled(folder)), tmp_path)
    assert (len(done), failed) == (1, ())
    text = (folder / "docker-compose.yml").read_text()
    assert text.startswith(COMPOSE.decode())
    assert yaml.safe_load(text)["services"]["qdrant"]["networks"] == ["default", "coolify"]
    assert yaml.safe_load(text)["networks"] == {"coolify": {"external": True}}
    assert journal.transactions()[0].files[0].state is StepState.DONE
    assert journal.transactions()[0].files[0].original == COMPOSE


def test_a_second_time_the_file_says_it_already(folder, tmp_path):
    written(planned(labelled(folder)), tmp_path)
    assert only(planned(labelled(folder))) == Declared("qdrant", str(folder / "docker-compose.yml"))


def test_of_several_files_the_one_that_lists_the_networks_is_patched(folder):
    (folder / "prod.yml").write_bytes(b"services:\n  qdrant:\n    networks: [default]\n")
    patch = only(planned(labelled(folder, "docker-compose.yml,prod.yml")))
    assert patch.path == str(folder / "prod.yml")
    assert "default" not in patch.diff.replace("[default", "")


def test_a_name_with_a_variable_is_compared_with_the_project_s_own_variables(folder):
    (folder / "docker-compose.yml").write_bytes(
        b"services:\n  qdrant:\n    networks: [shared]\nnetworks:\n  shared:\n    external: true\n    name: ${NET}\n"
    )
    (folder / ".env").write_text("# of ours\nNET=coolify\n")
    assert isinstance(only(planned(labelled(folder))), Declared)


def test_a_file_that_is_not_on_this_machine_is_said_so_and_the_lines_are_given(folder):
    one = labelled("/artifacts/gone", "docker-compose.yml")
    paste = only(planned(one))
    assert isinstance(paste, Paste)
    assert "not on this machine (/artifacts/gone/docker-compose.yml)" in paste.why
    assert yaml.safe_load(paste.text)["services"]["qdrant"]["networks"] == ["default", "coolify"]


def test_when_one_of_several_files_is_missing_none_is_patched(folder):
    assert isinstance(only(planned(labelled(folder, "docker-compose.yml,gone.yml"))), Paste)


def test_a_file_that_cannot_be_edited_exactly_is_refused_with_its_line_and_an_override(folder):
    (folder / "docker-compose.yml").write_bytes(b"services:\n  a: &a\n    image: x\n  qdrant: *a\n")
    paste = only(planned(labelled(folder)))
    assert isinstance(paste, Paste)
    assert "line" in paste.why
    assert "compose.override.yaml" in paste.text
    assert (folder / "docker-compose.yml").read_bytes().startswith(b"services:\n  a: &a")


def test_a_read_only_file_gives_the_diff_to_paste(folder):
    file = folder / "docker-compose.yml"
    file.chmod(0o444)
    paste = only(planned(labelled(folder)))
    assert isinstance(paste, Paste)
    assert "read-only" in paste.why
    assert "+      - coolify" in paste.text


def test_a_file_changed_between_plan_and_write_is_left_alone(folder, tmp_path):
    permanent = planned(labelled(folder))
    theirs = COMPOSE + b"    # theirs\n"
    (folder / "docker-compose.yml").write_bytes(theirs)
    (done, failed), _ = written(permanent, tmp_path)
    assert done == ()
    assert "changed by somebody else" in failed[0].why
    assert (folder / "docker-compose.yml").read_bytes() == theirs


def test_a_service_name_that_is_taken_on_the_network_is_not_made_permanent(folder):
    """Compose gives the service name as an alias on every network, asked or not."""
    thief = replace(container("thief"), endpoints=(endpoint(COOLIFY, "thief", "qdrant"),))
    paste = only(planned(labelled(folder), others=(thief,)))
    assert isinstance(paste, Paste)
    assert "where another container has it" in paste.why


def test_a_platform_s_file_is_never_touched(folder):
    one = labelled(folder, **{"coolify.managed": "true", "coolify.type": "service"})
    paste = only(planned(one))
    assert isinstance(paste, Paste)
    assert paste.platform == "Coolify"
    assert (folder / "docker-compose.yml").read_bytes() == COMPOSE


def test_two_services_of_one_file_are_patched_one_after_the_other(folder, tmp_path):
    (folder / "docker-compose.yml").write_bytes(b"services:\n  qdrant:\n    image: x\n  web:\n    image: y\n")
    web = replace(container("web", OWN, service="web", project="qdrant"))
    web = replace(web, labels={**labelled(folder).labels, "com.docker.compose.service": "web"})
    where = topology(COOLIFY, OWN, APP, labelled(folder), web)
    both = plan_permanence([Membership(QDRANT.id, "coolify"), Membership(web.id, "coolify")], where)
    (done, failed), _ = written(both, tmp_path)
    assert (len(done), failed) == (2, ())
    read = yaml.safe_load((folder / "docker-compose.yml").read_text())
    assert {name: body["networks"] for name, body in read["services"].items()} == {
        "qdrant": ["default", "coolify"],
        "web": ["default", "coolify"],
    }


def test_when_the_first_of_two_edits_is_not_made_the_second_is_all_the_same(folder, tmp_path):
    """Its fix was rolled back; the other was planned on top of it."""
    (folder / "docker-compose.yml").write_bytes(b"services:\n  qdrant:\n    image: x\n  web:\n    image: y\n")
    web = replace(container("web", OWN, service="web", project="qdrant"))
    web = replace(web, labels={**labelled(folder).labels, "com.docker.compose.service": "web"})
    where = topology(COOLIFY, OWN, APP, labelled(folder), web)
    both = plan_permanence([Membership(QDRANT.id, "coolify"), Membership(web.id, "coolify")], where)
    (done, failed), journal = written(replace(both, patches=both.patches[1:]), tmp_path)
    assert (len(done), failed) == (1, ())
    read = yaml.safe_load((folder / "docker-compose.yml").read_text())
    assert read["services"] == {"qdrant": {"image": "x"}, "web": {"image": "y", "networks": ["default", "coolify"]}}
    assert read["networks"] == {"coolify": {"external": True}}
    assert journal.transactions()[0].files[0].original == b"services:\n  qdrant:\n    image: x\n  web:\n    image: y\n"


def test_when_compose_itself_objects_the_file_is_not_edited(folder, monkeypatch):
    from netdoctor.fixes import persist

    monkeypatch.setattr(persist, "objection", lambda *_: "the set of services changed")
    paste = only(planned(labelled(folder)))
    assert isinstance(paste, Paste)
    assert "Compose would read it differently (the set of services changed)" in paste.why


def test_compose_is_asked_with_the_planned_text_and_its_objection_is_heard(folder, tmp_path, monkeypatch):
    """A compose command that says no to the edited text: what a file that only Compose understands may cause."""
    from netdoctor.fixes import second_opinion

    fake = tmp_path / "fake-compose"
    fake.write_text('#!/bin/sh\nread=$(cat)\ncase "$read" in *coolify*) exit 1;; esac\necho "$read"\n')
    fake.chmod(0o755)
    monkeypatch.setattr(second_opinion, "compose_command", lambda: (str(fake),))
    paste = only(planned(labelled(folder)))
    assert isinstance(paste, Paste)
    assert "compose rejects the file after the edit" in paste.why


def test_a_further_alias_goes_into_the_file(folder):
    patch = only(planned(labelled(folder), aliases=("qdrant", "vectors")))
    assert "+          - vectors" in patch.diff


def test_against_an_engine_elsewhere_a_file_that_nobody_vouches_for_is_left_alone(folder, monkeypatch):
    from netdoctor.fixes import persist

    where = topology(COOLIFY, OWN, APP, labelled(folder))
    for said, kind in ((True, Patch), (False, Paste), (None, Paste)):
        monkeypatch.setattr(persist, "made_from", lambda *_, said=said: said)
        found = plan_permanence([Membership(QDRANT.id, "coolify")], where, elsewhere=True)
        assert isinstance(only(found), kind)
