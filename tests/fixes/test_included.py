"""A service that is written in an included file is edited there, and Compose is asked before and after."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import yaml

from netdoctor.fixes import persist, second_opinion
from netdoctor.fixes.included import included
from netdoctor.fixes.permanent import Declared, Paste, Patch
from netdoctor.fixes.persist import plan_permanence
from netdoctor.model import Membership

from .build import APP, COOLIFY, OWN, topology
from .persisting import COMPOSE, labelled, only, written

MAIN = b"include:\n  - sub/db.yaml\nservices:\n  web:\n    image: y\n"


@pytest.fixture
def project(folder):
    (folder / "docker-compose.yml").write_bytes(MAIN)
    (folder / "sub").mkdir()
    (folder / "sub" / "db.yaml").write_bytes(COMPOSE)
    return folder


def planned(folder, **more):
    one = labelled(folder)
    return plan_permanence([Membership(one.id, "coolify")], topology(COOLIFY, OWN, APP, one), **more)


def test_the_file_that_defines_the_service_is_edited_and_the_one_that_includes_it_is_not(project, tmp_path):
    (done, left), _ = written(planned(project), tmp_path)
    assert (len(done), left) == (1, ())
    text = (project / "sub" / "db.yaml").read_bytes()
    assert text.startswith(COMPOSE)
    assert yaml.safe_load(text)["services"]["qdrant"]["networks"] == ["default", "coolify"]
    assert (project / "docker-compose.yml").read_bytes() == MAIN
    assert isinstance(only(planned(project)), Declared)


def test_two_services_of_one_included_file_are_edited_one_after_the_other(project, tmp_path):
    (project / "sub" / "db.yaml").write_bytes(COMPOSE + b"  more:\n    image: z\n")
    one = labelled(project)
    other = replace(one, id="other", name="more", labels={**one.labels, "com.docker.compose.service": "more"})
    wanted = [Membership(each.id, "coolify") for each in (one, other)]
    (done, left), _ = written(plan_permanence(wanted, topology(COOLIFY, OWN, APP, one, other)), tmp_path)
    assert (len(done), left) == (2, ())


def test_files_are_followed_in_every_spelling_and_only_here(folder):
    (folder / "a.yml").write_bytes(b"include: [b.yml]\n")
    (folder / "b.yml").write_bytes(b"include:\n- a.yml\n- path: [c.yml, c2.yml]\n- path: d.yml\n  env_file: x\n")
    for name in ("c", "c2", "d"):
        (folder / f"{name}.yml").write_bytes(b"services: {}\n")
    (folder / "docker-compose.yml").write_bytes(
        b"include:\n- a.yml\n- gone.yml\n- ${WHERE}/x.yml\n- oci://reg.test/x\n- git@host.test:x\n- {path: {}}\n"
        b"- []\n- 7\n"
    )
    found = [[path.name for path in group] for group in included([folder / "docker-compose.yml"])]
    assert found == [["a.yml"], ["b.yml"], ["c.yml", "c2.yml"], ["d.yml"]]


def test_a_service_that_is_nowhere_is_said_so(project):
    (project / "sub" / "db.yaml").write_bytes(b"services:\n  other:\n    image: x\n")
    paste = only(planned(project))
    assert isinstance(paste, Paste)
    assert "includes other files" in paste.why


def test_an_included_file_that_must_not_be_edited_is_refused(project):
    (project / "sub" / "db.yaml").write_bytes(b"services:\n  a: &a\n    image: x\n  qdrant: *a\n")
    assert "The included file is not edited" in only(planned(project)).why


def test_when_compose_objects_afterwards_the_file_is_put_back(project, tmp_path, monkeypatch):
    monkeypatch.setattr(persist, "config_of", lambda *_: {"services": {}})
    monkeypatch.setattr(persist, "objection_since", lambda *_: "another section changed")
    (done, (paste,)), journal = written(planned(project), tmp_path)
    assert done == ()
    assert "another section changed" in paste.why
    assert (project / "sub" / "db.yaml").read_bytes() == COMPOSE
    assert journal.transactions()[0].files_standing == ()


def test_compose_itself_is_asked_before_and_after(project, tmp_path):
    if not second_opinion.compose_command() or shutil.which("docker-compose") is None:
        pytest.skip("no compose command")
    patch = only(planned(project))
    assert isinstance(patch, Patch)
    before = second_opinion.config_of(patch.asked_with, patch.asked_in)
    if isinstance(before, str):
        pytest.skip("this Compose knows no include")
    (project / "sub" / "db.yaml").write_bytes(patch.edit.result)
    ask = (before, patch.asked_with, patch.asked_in, "qdrant", "coolify")
    assert second_opinion.objection_since(*ask) is None
    (project / "sub" / "db.yaml").write_bytes(patch.edit.result.replace(b"qdrant/qdrant", b"other"))
    assert "setting" in second_opinion.objection_since(*ask)
