"""``netdoctor lint``: files in, a report out, exit statuses as of ``check``; an engine is never asked."""

from __future__ import annotations

import importlib.resources
import json
import os
import textwrap
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from netdoctor.formats.interface import FORMATS
from netdoctor.rules.registry import RULES

from .conftest import in_a_child, netdoctor

SCHEMA = Draft202012Validator(
    json.loads(importlib.resources.files("netdoctor.formats").joinpath("report-1.schema.json").read_text("utf-8"))
)
GOOD = """\
services:
  app: {image: app, environment: {DB_URL: "postgres://db:5432/x"}}
  db: {image: postgres}
"""
BAD = """\
services:
  app:
    image: app
    environment:
      DB_URL: "postgres://user:hunter2@db:5432/x"
    networks: [proxy]
  db: {image: postgres}
networks:
  proxy: {external: true}
"""
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/engine.sock"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**files: str) -> Path:
        for name, text in files.items():
            file = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text), "utf-8")
        return tmp_path

    return write


def test_files_without_a_contradiction_pass_and_nobody_says_reachable(here):
    here(compose_DOT_yaml=GOOD)
    ended = netdoctor("lint", env=NO_ENGINE)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "2 services, 1 declared connection: no contradiction in these files\n"


def test_a_contradiction_fails_and_is_shown_with_file_line_and_column(here):
    here(shop__compose_DOT_yaml=BAD)
    ended = netdoctor("lint", "shop/compose.yaml", env=NO_ENGINE)
    assert ended.status == 1
    assert ended.out.startswith("ND103 ")
    assert "\n  shop/compose.yaml:6:5\n" in ended.out
    assert ended.out.endswith("Next: netdoctor explain ND103\n")
    assert "hunter2" not in ended.out + ended.err


def test_json_has_the_place_of_each_finding_and_fits_the_schema(here):
    here(compose_DOT_yaml=BAD)
    ended = netdoctor("lint", "--format", "json")
    document = json.loads(ended.out)
    SCHEMA.validate(document)
    (finding,) = document["findings"]
    assert finding["place"] == {"file": "compose.yaml", "line": 6, "column": 5}
    assert document["verdict"] == "broken"
    assert [edge["reason"] for edge in document["edges"]] == ["the files contradict this"]
    assert "hunter2" not in ended.out


@pytest.mark.parametrize("form", FORMATS.names())
def test_every_format_renders_files(here, form):
    here(compose_DOT_yaml=BAD)
    ended = netdoctor("lint", "--format", form)
    assert ended.status == 1
    assert "ND103" in ended.out
    assert "hunter2" not in ended.out
    if form in ("github", "sarif", "markdown"):
        assert "compose.yaml" in ended.out


def test_several_f_are_one_project_and_files_are_several(here):
    here(compose_DOT_yaml=BAD, fix_DOT_yaml="services:\n  app: {networks: [default]}\n")
    assert netdoctor("lint", "-f", "compose.yaml", "-f", "fix.yaml").status == 0
    ended = netdoctor("lint", "compose.yaml", "fix.yaml")
    assert ended.status == 2
    assert ended.err.startswith("netdoctor: fix.yaml:2: service 'app' has neither an image nor a build")


def test_f_before_the_verb_means_the_same(here):
    here(a_DOT_yaml=BAD)
    assert netdoctor("-f", "a.yaml", "lint").status == 1


def test_the_incident_over_two_files(here):
    here(app__compose_DOT_yaml="""\
        services:
          app: {image: app, environment: {QDRANT_URL: "http://qdrant:6333"}, networks: [coolify]}
        networks: {coolify: {external: true}}
        """, qdrant__compose_DOT_yaml="services:\n  qdrant: {image: qdrant/qdrant}\n")  # fmt: skip
    ended = netdoctor("lint", "app/compose.yaml", "qdrant/compose.yaml", "--format", "json")
    (finding,) = json.loads(ended.out)["findings"]
    assert (ended.status, finding["code"], finding["place"]["file"]) == (1, "ND101", "app/compose.yaml")


def test_without_files_composes_own_lookup_decides(here):
    here(compose_DOT_yaml=BAD, compose_DOT_override_DOT_yml="services:\n  app: {networks: [default]}\n")
    assert netdoctor("lint").status == 0


def test_no_file_at_all_is_wrong_usage(here):
    here()
    ended = netdoctor("lint")
    assert ended.status == 2
    assert "no compose file here" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("form", FORMATS.names())
def test_an_unreadable_file_is_an_error_in_every_format_and_never_health(here, form):
    here(compose_DOT_yaml="services:\n  app: {image: a}\n  app: {image: b}\n")
    ended = netdoctor("lint", "--format", form)
    assert ended.status == 2
    assert "compose.yaml:3: the key 'app' is there twice in one mapping" in ended.err
    assert "no contradiction" not in ended.out
    if form == "json":
        document = json.loads(ended.out)
        SCHEMA.validate(document)
        assert (document["verdict"], document["error"]["status"]) == ("unknown", 2)


def test_one_unreadable_file_among_good_ones_fails_the_run(here):
    here(a__compose_DOT_yaml=GOOD, b__compose_DOT_yaml="a: [\n")
    ended = netdoctor("lint", "a/compose.yaml", "b/compose.yaml")
    assert (ended.status, ended.out) == (2, "")


def test_env_files_and_profiles_are_as_in_compose(here):
    here(compose_DOT_yaml="""\
        services:
          app: {image: app, environment: {DB_URL: "http://${DB}"}, networks: [one]}
          db: {image: db, profiles: [heavy], networks: [two]}
        networks: {one: {}, two: {}}
        """, prod_DOT_env="DB=db\n")  # fmt: skip
    assert netdoctor("lint").status == 0
    assert netdoctor("lint", "--env-file", "prod.env").status == 1
    assert netdoctor("lint", env={"DB": "db"}).status == 1
    other = netdoctor("lint", "--env-file", "prod.env", "--profile", "other")
    assert other.status == 1
    assert "uses the name db in DB_URL, and nothing that these files start" in " ".join(other.out.split())
    missing = netdoctor("lint", "--env-file", "none.env")
    assert missing.status == 2
    assert "none.env:1: the file does not exist" in missing.err


def test_variables_without_a_value_are_told(here):
    here(compose_DOT_yaml="services:\n  app: {image: 'a:${TAG}'}\n")
    assert "note: without a value here, so left empty in compose.yaml: TAG\n" in netdoctor("lint").out


def test_only_skip_fail_on_and_exit_zero(here):
    here(compose_DOT_yaml=BAD)
    assert netdoctor("lint", "--skip", "ND103,ND101").status == 0
    assert netdoctor("lint", "--exit-zero").status == 0
    ended = netdoctor("lint", "--only", "nd101")
    assert ended.status == 1
    assert ended.out.startswith("ND101 ")
    assert netdoctor("lint", "--only", "ND999").status == 2


def test_a_report_can_be_written_beside(here):
    folder = here(compose_DOT_yaml=BAD)
    ended = netdoctor("lint", "--report", "sarif=lint.sarif", "-o", "out.txt")
    assert (ended.status, ended.out) == (1, "")
    found = json.loads((folder / "lint.sarif").read_text("utf-8"))
    (result,) = found["runs"][0]["results"]
    where = result["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"].endswith("compose.yaml")
    assert (where["region"]["startLine"], where["region"]["startColumn"]) == (6, 5)


def test_a_file_from_a_pipe(here):
    here()
    ended = in_a_child("lint", "-", env=NO_ENGINE, input=BAD.encode())
    assert ended.status == 1
    assert "\n  stdin:6:5\n" in ended.out


def test_names_that_would_steer_a_terminal_do_not(here):
    here(compose_DOT_yaml="""\
        services:
          "app\\e[31m": {image: app, environment: {"V\\n\\e]0;x\\a": "http://db:1"}, networks: [one]}
          db: {image: db, networks: [two]}
        networks: {one: {}, two: {name: "t\\u202ewo"}}
        """)  # fmt: skip
    for form in FORMATS.names():
        ended = netdoctor("lint", "--format", form)
        assert ended.status == 1
        assert not {"\x1b", "\x07", "\u202e"} & set(ended.out + ended.err)


def test_neither_docker_nor_a_socket_is_touched(here):
    """The whole run works where the docker package cannot even be imported."""
    folder = here(compose_DOT_yaml=BAD)
    (folder / "blocked").mkdir()
    (folder / "blocked" / "docker.py").write_text("raise ImportError('not here')\n", "utf-8")
    path = os.pathsep.join([str(folder / "blocked"), str(Path(__file__).resolve().parents[2])])
    ended = in_a_child("lint", env={"PYTHONPATH": path, **NO_ENGINE})
    assert ended.status == 1
    assert ended.out.startswith("ND103 ")


def test_a_rule_that_fails_itself_is_no_health(here, monkeypatch):
    def boom(self, case):
        raise RuntimeError("boom")

    here(compose_DOT_yaml=GOOD)
    monkeypatch.setattr(type(RULES.get("ND105")), "judge", boom)
    ended = netdoctor("lint")
    assert ended.status == 3
    assert ended.out == (
        "note: ND105 could not judge: the rule itself failed (RuntimeError: boom)\n"
        "2 services, 1 declared connection: no contradiction found\n"
    )
