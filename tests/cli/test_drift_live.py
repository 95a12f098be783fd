"""``netdoctor check --drift`` beside a real Compose project."""

from __future__ import annotations

import shutil
import subprocess
import uuid

import pytest

from netdoctor.cli.main import run

FILE = """\
services:
  app:
    image: {image}
    command: ["sleep", "3600"]
    networks: [front, back]
networks: {{front: {{}}, back: {{}}}}
"""


@pytest.mark.docker
def test_a_network_left_by_hand_is_drift_until_it_is_deployed_again(lab, tmp_path, capsys):
    if shutil.which("docker-compose") is None:
        pytest.skip("no docker-compose")
    project = f"ndfault{uuid.uuid4().hex[:8]}"
    file = tmp_path / "compose.yaml"
    file.write_text(FILE.format(image=lab.image("busybox")))

    def compose(*words):
        command = ["docker-compose", "-p", project, "-f", str(file), *words]
        subprocess.run(command, capture_output=True, timeout=120, check=True)

    def drift(*more):
        status = int(run(["check", "--drift", "--project", project, "--fail-on", "warning", *more]))
        return status, capsys.readouterr().out

    try:
        compose("up", "-d")
        status, said = drift()
        assert (status, "no drift seen" in said) == (0, True), said
        (app,) = lab.api.containers(filters={"label": f"com.docker.compose.project={project}"})
        lab.api.disconnect_container_from_network(app["Id"], f"{project}_back")
        status, said = drift()
        assert status == 1, said
        assert f"is not on {project}_back, which the file declares" in " ".join(said.split())
        assert int(run(["check", "--drift", "--project", project])) == 0, "a warning fails only who asks for it"
        capsys.readouterr()
        file.rename(tmp_path / "elsewhere.yaml")
        status, said = drift()
        assert status == 3, said
        assert "not compared" in said
        (tmp_path / "elsewhere.yaml").rename(file)
    finally:
        compose("down", "-t", "0")


def test_drift_asks_about_projects_and_not_about_containers():
    for words in (["app"], ["--all"], ["--bundle", "x"]):
        assert int(run(["check", "--drift", *words])) == 2
