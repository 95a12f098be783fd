"""For good, on a real engine: the project goes down and up again and is still green; undo makes it red again."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .live import PORT

pytestmark = pytest.mark.docker

FILE = """\
version: "3.8"

services:
  # the store of the vectors
  qdrant:
    image: {image}
    command: ["httpd", "-f", "-p", "8080", "-h", "/etc"]   # a stand-in
    environment:
      DB_PASSWORD: hunter2-never-shown
    stop_grace_period: 1s
"""


@dataclass
class Stack:
    project: str
    file: Path
    app: str
    shared: Any
    lab: Any

    def compose(self, *words: str) -> None:
        command = ["docker-compose", "-p", self.project, "-f", str(self.file), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

    @property
    def qdrant(self) -> str:
        return f"{self.project}/qdrant"

    @property
    def names(self) -> tuple[str, str]:
        return self.app, f"{self.container}:{PORT}/hosts"

    @property
    def container(self) -> str:
        """Compose v1 writes project_service_1, later ones project-service-1."""
        labels = [f"com.docker.compose.project={self.project}", "com.docker.compose.service=qdrant"]
        (found,) = self.lab.api.containers(all=True, filters={"label": labels})
        return str(found["Names"][0]).lstrip("/")

    def ready(self) -> None:
        from types import SimpleNamespace

        found = self.lab.api.inspect_container(self.container)
        self.lab.wait_for_listener(SimpleNamespace(id=found["Id"], name="qdrant"), PORT)


@pytest.fixture
def stack(lab, tmp_path):
    if shutil.which("docker-compose") is None:
        pytest.skip("no docker-compose")
    folder = tmp_path / "stack"
    folder.mkdir()
    file = folder / "docker-compose.yml"
    file.write_text(FILE.format(image=lab.image("busybox")))
    shared = lab.network("shared")
    lab.container(networks=[shared], word="bystander")
    app = lab.container(networks=[shared], word="app")
    made = Stack(f"fixx-{uuid.uuid4().hex[:8]}", file, app.name, shared, lab)
    try:
        made.compose("up", "-d")
        made.ready()
        yield made
    finally:
        made.compose("down", "-v")


def test_red_fix_green_down_and_up_still_green_undo_red(stack, netdoctor):
    original = stack.file.read_bytes()
    assert netdoctor("check", *stack.names).status == 1
    said = netdoctor("fix", *stack.names, "--persist", "--yes")
    assert said.status == 0, said
    assert "hunter2" not in said.out + said.err
    assert "written and read back" in " ".join(said.out.split())
    patched = stack.file.read_text()
    assert patched.startswith(original.decode().rstrip("\n")), "only lines were added"
    assert netdoctor("check", *stack.names).status == 0
    stack.compose("down")
    stack.compose("up", "-d")
    stack.ready()
    assert netdoctor("check", *stack.names).status == 0, "it survives a recreation"
    undone = netdoctor("undo", "--yes")
    assert undone.status == 0, undone
    assert stack.file.read_bytes() == original
    assert netdoctor("check", *stack.names).status == 1
    stack.compose("up", "-d")
    stack.ready()
    assert netdoctor("check", *stack.names).status == 1


def test_the_dry_run_s_diff_is_taken_by_git_and_nothing_is_written(stack, netdoctor, tmp_path):
    original = stack.file.read_bytes()
    said = netdoctor("fix", *stack.names, "--persist", "--dry-run")
    assert stack.file.read_bytes() == original
    subprocess.run(["git", "apply", "-"], input=said.out.encode(), cwd=stack.file.parent, check=True, timeout=20)
    applied = stack.file.read_bytes()
    stack.file.write_bytes(original)
    assert netdoctor("fix", *stack.names, "--persist", "--yes").status == 0
    assert stack.file.read_bytes() == applied
    netdoctor("undo", "--yes")


def test_first_live_then_for_good_in_a_second_run(stack, netdoctor):
    first = netdoctor("fix", *stack.names, "--yes")
    assert first.status == 0
    assert "--persist" in first.out
    second = netdoctor("fix", *stack.names, "--persist", "--yes")
    assert second.status == 0, second
    assert stack.shared.name in stack.file.read_text()
    third = netdoctor("fix", *stack.names, "--persist", "--yes")
    assert third.status == 0
    assert "says it already" in " ".join(third.out.split())
    assert netdoctor("undo", "--yes").status == 0
    assert stack.shared.name not in stack.file.read_text()


def test_a_read_only_file_is_fixed_live_and_the_lines_are_given(stack, netdoctor):
    stack.file.chmod(0o444)
    original = stack.file.read_bytes()
    said = netdoctor("fix", *stack.names, "--persist", "--yes")
    assert said.status == 1
    assert "LIVE fixed. NOT permanent: paste this" in said.out
    assert f"+      - {stack.shared.name}" in said.out
    assert stack.file.read_bytes() == original
    assert netdoctor("check", *stack.names).status == 0
    stack.file.chmod(0o644)
    netdoctor("undo", "--yes")


def test_a_file_that_is_gone_is_said_so(stack, netdoctor):
    text = stack.file.read_bytes()
    stack.file.unlink()
    try:
        said = netdoctor("fix", *stack.names, "--persist", "--yes")
        assert said.status == 1
        assert "is not on this machine" in " ".join(said.out.split())
        assert "LIVE fixed. NOT permanent: paste this" in said.out
        netdoctor("undo", "--yes")
    finally:
        stack.file.write_bytes(text)


def test_an_undo_after_the_file_was_edited_keeps_the_edit_and_prints_the_way_back(stack, netdoctor):
    netdoctor("fix", *stack.names, "--persist", "--yes")
    theirs = stack.file.read_bytes() + b"# mine\n"
    stack.file.write_bytes(theirs)
    said = netdoctor("undo", "--yes")
    assert said.status == 1
    assert stack.file.read_bytes() == theirs
    assert f"-      - {stack.shared.name}" in said.out
    assert netdoctor("check", *stack.names).status == 1, "the live part is taken back"


def test_a_name_that_was_lost_comes_back_by_a_reconnect_and_is_written_as_an_alias(stack, netdoctor, lab):
    """The caller uses a name that nobody carries: with leave to interrupt, the target gets it, also in its file."""
    own = f"{stack.project}_default"
    network = next(each for each in lab.api.networks() if each["Name"] == own)
    from types import SimpleNamespace

    caller = lab.container(
        networks=[SimpleNamespace(id=network["Id"], name=own)],
        word="caller",
        env={"STORE_URL": f"http://qdrant-old:{PORT}/hosts"},
    )
    try:
        names = (caller.name, stack.qdrant)
        held = netdoctor("fix", *names, "--yes")
        assert held.status == 1
        assert "--disruptive" in held.out
        said = netdoctor("fix", *names, "--disruptive", "--persist", "--yes")
        assert said.status == 0, said
        assert "- qdrant-old" in stack.file.read_text()
        assert netdoctor("undo", "--yes").status == 0
        assert "qdrant-old" not in stack.file.read_text()
        assert netdoctor("check", *names).status == 1
    finally:
        lab.api.remove_container(caller.id, force=True)
        lab.keep(caller)


@pytest.mark.parametrize("style", ["v2", "coolify"])
def test_labels_as_compose_v2_and_as_coolify_write_them(lab, netdoctor, tmp_path, style):
    file = tmp_path / "compose.yaml"
    original = b"services:\n  qdrant:\n    image: x\n"
    file.write_bytes(original)
    labels = {
        "com.docker.compose.project": "vectors",
        "com.docker.compose.service": "qdrant",
        "com.docker.compose.version": "2.29.1",
        "com.docker.compose.project.working_dir": str(tmp_path),
        "com.docker.compose.project.config_files": str(file),
        **({"coolify.managed": "true", "coolify.type": "service"} if style == "coolify" else {}),
    }
    shared, own = lab.network("shared"), lab.network("zz-own")
    lab.container(networks=[shared], word="bystander")
    app = lab.container(networks=[shared], word="app")
    qdrant = lab.container(
        networks=[own], word="qdrant", command=["httpd", "-f", "-p", "8080", "-h", "/etc"], labels=labels
    )
    lab.wait_for_listener(qdrant, PORT)
    said = netdoctor("fix", app.name, f"{qdrant.name}:8080/hosts", "--network", shared.name, "--persist", "--yes")
    if style == "v2":
        assert said.status == 0, said
        assert shared.name.encode() in file.read_bytes()
    else:
        assert said.status == 1, said
        assert "Coolify writes this container's compose file anew" in " ".join(said.out.split())
        assert file.read_bytes() == original
    assert netdoctor("undo", "--yes").status == 0
    assert file.read_bytes() == original


def test_an_override_file_is_read_by_compose_itself_and_undone(stack, netdoctor):
    original = stack.file.read_bytes()
    said = netdoctor("fix", *stack.names, "--persist", "--override", "--yes")
    override = stack.file.with_name("docker-compose.override.yml")
    # The fixture names the file with -f, as Compose v1 and v2 alike record it: netdoctor cannot know, and Compose finds
    # both by itself.
    assert said.status == 0, said
    assert stack.file.read_bytes() == original
    assert stack.shared.name in override.read_text()
    again = netdoctor("fix", *stack.names, "--persist", "--yes")
    assert "says it already" in " ".join(again.out.split()), "it counts before it was read"
    up = ["docker-compose", "-p", stack.project, "up", "-d"]
    subprocess.run(up, cwd=stack.file.parent, check=True, capture_output=True, timeout=120)
    stack.ready()
    assert netdoctor("check", *stack.names).status == 0, "made anew, and still there"
    assert netdoctor("undo", "--yes").status == 0
    assert not override.exists()
    assert stack.file.read_bytes() == original
    assert netdoctor("check", *stack.names).status == 1


def test_the_dry_run_s_override_is_taken_by_git(stack, netdoctor):
    said = netdoctor("fix", *stack.names, "--persist", "--override", "--dry-run")
    override = stack.file.with_name("docker-compose.override.yml")
    assert not override.exists()
    subprocess.run(["git", "apply", "-"], input=said.out.encode(), cwd=stack.file.parent, check=True, timeout=20)
    assert stack.shared.name in override.read_text()


def test_files_that_are_named_otherwise_get_an_override_and_the_exact_command_to_type(stack, netdoctor):
    stack.compose("down")
    stack.file = stack.file.rename(stack.file.with_name("prod.yml"))
    stack.compose("up", "-d")
    stack.ready()
    said = netdoctor("fix", *stack.names, "--persist", "--override", "--yes")
    assert said.status == 1, "it is not permanent before that command is used"
    command = next(line for line in said.out.splitlines() if "prod.override.yml up -d" in line)
    words = command.split()
    words = ["docker-compose", *words[words.index("-p") :]]
    assert netdoctor("check", *stack.names).status == 0
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    stack.ready()
    assert netdoctor("check", *stack.names).status == 0
    again = netdoctor("fix", *stack.names, "--persist", "--override", "--yes")
    assert again.status == 0, again
    assert netdoctor("undo", "--yes").status == 0
    assert not stack.file.with_name("prod.override.yml").exists()


def test_a_link_is_followed_and_stays_a_link(stack, netdoctor, tmp_path):
    real = tmp_path / "real.yml"
    stack.file.rename(real)
    stack.file.symlink_to(real)
    real.chmod(0o640)
    original = real.read_bytes()
    assert netdoctor("fix", *stack.names, "--persist", "--yes").status == 0
    assert stack.file.is_symlink()
    assert stack.shared.name in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    assert netdoctor("undo", "--yes").status == 0
    assert stack.file.is_symlink()
    assert real.read_bytes() == original


def test_against_an_engine_elsewhere_only_the_very_file_that_made_it_is_edited(stack):
    """The path of a label may be another machine's; the hash on the container says whether this file is it."""
    from netdoctor.fixes.persist import plan_permanence
    from netdoctor.fixes.second_opinion import made_from
    from netdoctor.model import Membership

    labels = stack.lab.api.inspect_container(stack.container)["Config"]["Labels"]
    made = labels["com.docker.compose.config-hash"]
    if not made_from([stack.file], stack.file.parent, "qdrant", stack.project, made):
        pytest.skip("another Compose made it than the one that netdoctor asks")
    seen = stack.lab.topology()
    (one,) = [c for c in seen.containers if c.name == stack.container]
    wanted = [Membership(one.id, stack.shared.name, ("qdrant",))]
    assert plan_permanence(wanted, seen, elsewhere=True).patches
    stack.file.write_text(stack.file.read_text().replace("hunter2", "hunter3"))
    (paste,) = plan_permanence(wanted, seen, elsewhere=True).pastes
    assert "not certain" in paste.why
    assert plan_permanence(wanted, seen).patches, "on this machine the path decides"
