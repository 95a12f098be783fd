"""What is shown of a compose file is a diff that git takes, and holds no secret."""

from __future__ import annotations

import subprocess

import pytest

from netdoctor.compose_edit import plan_join
from netdoctor.fixes.diffs import masked, shown_diff

SECRET = "hunter2-do-not-show"
FILE = f"""\
services:
  db:
    image: postgres
    networks:
      - back
    environment:
      POSTGRES_PASSWORD: {SECRET}
      DATABASE_URL: postgres://u:{SECRET}@db/x
  web:
    image: web
networks:
  back: {{}}
"""


def applied(tmp_path, old, new, path="srv/compose.yml"):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_bytes(old)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=20)
    diff = shown_diff(old, new, file)
    assert f"+++ b/{path}" in diff
    subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=tmp_path, check=True, timeout=20)
    return diff, file.read_bytes()


@pytest.mark.parametrize("service", ["db", "web"])
def test_git_applies_it_although_the_secrets_around_it_are_left_out(tmp_path, service):
    edit = plan_join(FILE.encode(), service, "coolify")
    diff, result = applied(tmp_path, edit.original, edit.result)
    assert result == edit.result
    assert SECRET not in diff


def test_a_secret_as_the_last_line_before_the_addition_is_left_out(tmp_path):
    text = f"services:\n  db:\n    image: x\n    environment:\n      - API_KEY={SECRET}\n"
    edit = plan_join(text.encode(), "db", "coolify")
    diff, result = applied(tmp_path, edit.original, edit.result)
    assert SECRET not in diff
    assert result == edit.result


def test_without_a_final_newline(tmp_path):
    text = f"services:\n  db:\n    image: x\n    environment:\n      TOKEN: {SECRET}\n  web:\n    image: y"
    edit = plan_join(text.encode(), "db", "coolify")
    diff, result = applied(tmp_path, edit.original, edit.result)
    assert SECRET not in diff
    assert result == edit.result


def test_outside_a_repository_it_applies_in_the_file_s_own_folder(tmp_path):
    edit = plan_join(FILE.encode(), "web", "coolify")
    file = tmp_path / "compose.yml"
    file.write_bytes(edit.original)
    diff = shown_diff(edit.original, edit.result, file)
    subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=tmp_path, check=True, timeout=20)
    assert file.read_bytes() == edit.result


@pytest.mark.parametrize(
    "line",
    ["      PASSWORD: abc\n", "      - SECRET_KEY=abc\n", "  'api_key': abc\r\n", "x: http://u:abc@h/\n"],
)
def test_lines_with_secrets_are_masked(line):
    assert "abc" not in masked(line)
    assert masked(line).endswith(line[len(line.rstrip()) :])


@pytest.mark.parametrize("line", ["    image: x\n", "      PASSWORD: ${PASSWORD}\n", "\n", "    secrets:\n"])
def test_other_lines_are_left_alone(line):
    assert masked(line) == line
