"""``--override``: a file beside the compose file, which stays as it is; merged where there is one; or refused."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace

import pytest
import yaml

from netdoctor.fixes import overrides, persist
from netdoctor.fixes.permanent import Declared, Paste, Patch
from netdoctor.fixes.persist import plan_permanence
from netdoctor.model import Membership

from .build import APP, COOLIFY, OWN, topology
from .persisting import COMPOSE, labelled, only, written

BORN = "2020-01-01T00:00:00.5Z"


def planned(*ones, aliases=("qdrant",)):
    where = topology(COOLIFY, OWN, APP, *ones)
    return plan_permanence([Membership(one.id, "coolify", aliases) for one in ones], where, override=True)


def made_at(one, when=BORN):
    return replace(one, created=when)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No compose command: what it says is asked for in tests of its own."""
    monkeypatch.setattr(overrides, "objection_to_override", lambda *_: None)
    monkeypatch.setattr(overrides, "objection", lambda *_: None)
    monkeypatch.setattr(persist, "found_by_itself", lambda *_: None)


def test_the_compose_file_is_untouched_and_the_override_has_its_mode(folder, tmp_path):
    (folder / "docker-compose.yml").chmod(0o640)
    (done, left), journal = written(planned(labelled(folder)), tmp_path)
    assert (len(done), left) == (1, ())
    assert (folder / "docker-compose.yml").read_bytes() == COMPOSE
    made = folder / "docker-compose.override.yml"
    assert yaml.safe_load(made.read_bytes())["services"]["qdrant"]["networks"] == ["default", "coolify"]
    assert made.stat().st_mode & 0o777 == 0o640
    assert journal.transactions()[0].files[0].created
    assert "new file mode" in done[0].diff


@pytest.mark.parametrize(
    ("base", "override"),
    [("compose.yaml", "compose.override.yaml"), ("docker-compose.yaml", "docker-compose.override.yaml")],
)
def test_it_is_named_as_compose_looks_for_it(folder, base, override):
    (folder / "docker-compose.yml").rename(folder / base)
    assert only(planned(labelled(folder, base))).path == str(folder / override)


def test_two_services_share_one_new_file(folder, tmp_path):
    (folder / "docker-compose.yml").write_bytes(COMPOSE + b"  web:\n    image: y\n")
    one = labelled(folder)
    web = replace(one, id="web-id", name="web", labels={**one.labels, "com.docker.compose.service": "web"})
    (done, left), _ = written(planned(one, web), tmp_path)
    assert (len(done), left) == (2, ())
    read = yaml.safe_load((folder / "docker-compose.override.yml").read_bytes())
    assert set(read["services"]) == {"qdrant", "web"}


def test_one_that_is_there_and_read_is_added_to(folder, tmp_path):
    theirs = b"services:\n  qdrant:\n    environment:\n      A: b   # mine\n"
    (folder / "docker-compose.override.yml").write_bytes(theirs)
    one = labelled(folder, "docker-compose.yml,docker-compose.override.yml")
    (done, left), journal = written(planned(one), tmp_path)
    assert (len(done), left) == (1, ())
    text = (folder / "docker-compose.override.yml").read_bytes()
    assert text.startswith(theirs)
    assert yaml.safe_load(text)["services"]["qdrant"]["networks"] == ["default", "coolify"]
    assert not journal.transactions()[0].files[0].created


def test_one_made_since_the_container_will_be_read_the_next_time_and_counts(folder):
    (folder / "docker-compose.override.yml").write_bytes(
        b"services:\n  qdrant:\n    networks: [default, coolify]\nnetworks:\n  coolify:\n    external: true\n"
    )
    assert isinstance(only(planned(made_at(labelled(folder)))), Declared)
    one = made_at(labelled(folder))
    plain = plan_permanence([Membership(one.id, "coolify")], topology(COOLIFY, OWN, one))
    assert isinstance(only(plain), Declared), "without --override just the same"


def test_one_that_was_there_and_was_not_read_is_left_alone(folder):
    file = folder / "docker-compose.override.yml"
    file.write_bytes(b"services:\n  other:\n    image: z\n")
    os.utime(file, (1, 1))
    paste = only(planned(made_at(labelled(folder))))
    assert isinstance(paste, Paste)
    assert "Compose did not read it" in paste.why


def test_files_that_were_named_need_the_new_one_to_be_named_and_that_is_not_permanent_yet(folder, tmp_path):
    (folder / "prod.yml").write_bytes(COMPOSE)
    one = labelled(folder, "prod.yml", **{"com.docker.compose.version": "2.29.1"})
    (done, (paste,)), _ = written(planned(one), tmp_path)
    assert done[0].path == str(folder / "prod.override.yml")
    assert "its own list of files" in paste.why
    words = shlex.split(paste.text)
    assert words == [
        "docker",
        "compose",
        "-p",
        "qdrant",
        "-f",
        str(folder / "prod.yml"),
        "-f",
        done[0].path,
        "up",
        "-d",
    ]


def test_a_list_of_files_in_dot_env_counts_as_named(folder):
    (folder / ".env").write_text("COMPOSE_FILE=docker-compose.yml\n")
    assert only(planned(labelled(folder))).named


def test_when_compose_does_not_find_it_by_itself_it_is_not_permanent(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(persist, "found_by_itself", lambda *_: False)
    (done, (paste,)), _ = written(planned(labelled(folder)), tmp_path)
    assert len(done) == 1
    assert "does not show it" in paste.why


def test_when_compose_objects_nothing_is_planned(folder, monkeypatch):
    monkeypatch.setattr(overrides, "objection_to_override", lambda *_: "the set of services changed")
    assert "would read it differently" in only(planned(labelled(folder))).why


def test_a_folder_that_cannot_be_written_gives_the_lines(folder, monkeypatch):
    monkeypatch.setattr(overrides, "can_create", lambda _: "the folder is not writable")
    paste = only(planned(labelled(folder)))
    assert isinstance(paste, Paste)
    assert yaml.safe_load(paste.text)["networks"] == {"coolify": {"external": True}}


def test_what_must_not_be_edited_in_place_can_be_overridden(folder):
    (folder / "docker-compose.yml").write_bytes(b"services:\n  a: &a\n    image: x\n  qdrant: *a\n")
    assert isinstance(only(planned(labelled(folder))), Patch)
    paste = only(
        plan_permanence([Membership(labelled(folder).id, "coolify")], topology(COOLIFY, OWN, labelled(folder)))
    )
    assert "--override" in paste.why


def test_somebody_else_makes_the_file_between_plan_and_write(folder, tmp_path):
    plan = planned(labelled(folder))
    (folder / "docker-compose.override.yml").write_bytes(b"# theirs\n")
    (done, (paste,)), _ = written(plan, tmp_path)
    assert done == ()
    assert "something is there already" in paste.why
    assert (folder / "docker-compose.override.yml").read_bytes() == b"# theirs\n"
