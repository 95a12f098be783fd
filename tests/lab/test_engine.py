"""compose/engine.sh finds an engine, starts one of its own, and stops nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "compose" / "engine.sh"
COMPOSE = SCRIPT.with_name("compose.sh")

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="needs root and unshare",
)


def engine(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *arguments],
        env={**os.environ, "NETDOCTOR_NO_INSTALL": "1", **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with the usual tools and nothing of Docker."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "sed", "cut", "cat", "id", "stat", "mkdir", "flock", "realpath", "dirname", "timeout", "rm"):
        found = next(folder for folder in ("/usr/bin", "/bin") if Path(folder, name).exists())
        (tools / name).symlink_to(Path(found, name))
    return str(tools)


def test_an_engine_that_does_not_answer_is_named_with_its_socket(tmp_path: Path) -> None:
    missing = tmp_path / "no.sock"
    found = engine("find", DOCKER_HOST=f"unix://{missing}")
    assert (found.returncode, found.stdout) == (1, "")
    assert f"there is no socket {missing}" in found.stderr


def test_nothing_is_started_in_place_of_an_engine_that_the_user_chose(tmp_path: Path) -> None:
    found = engine("ensure", DOCKER_HOST=f"unix://{tmp_path}/no.sock", NETDOCTOR_LAB_STATE=str(tmp_path / "state"))
    assert (found.returncode, found.stdout) == (1, "")
    assert "unset DOCKER_HOST" in found.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install")
def test_without_docker_and_without_leave_to_install_it_says_what_is_missing(tmp_path: Path, bare_path: str) -> None:
    environment = {"PATH": bare_path, "NETDOCTOR_LAB_STATE": str(tmp_path / "state"), "DOCKER_HOST": ""}
    assert "there is no docker client here" in engine("find", **environment).stderr
    found = engine("ensure", **environment)
    assert (found.returncode, found.stdout) == (1, "")
    assert "needs the Debian packages: docker.io (NETDOCTOR_NO_INSTALL forbids installing them)" in found.stderr


def test_compose_is_named_when_it_may_not_be_installed(bare_path: str) -> None:
    environment = {**os.environ, "PATH": bare_path, "NETDOCTOR_NO_INSTALL": "1"}
    found = subprocess.run([str(COMPOSE), "--which"], env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "docker-compose" in found.stderr


def test_a_wrong_verb_is_wrong_usage() -> None:
    found = engine("begin")
    assert found.returncode == 2
    assert "engine.sh [--private DIR] ensure" in found.stderr


@pytest.fixture
def private() -> Iterator[str]:
    """A folder (with a short path) for a private engine that is stopped whatever happens."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        try:
            yield f"{folder}/e"
        finally:
            engine("--private", f"{folder}/e", "stop")


def running(pid: int) -> bool:
    """Zombies are gone: where the first process reaps nobody, they stay listed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start an engine")
def test_a_private_engine_is_started_once_used_and_leaves_nothing(private: str) -> None:
    started = engine("--private", private, "ensure")
    assert (started.returncode, started.stdout) == (0, f"unix://{private}/d.sock\n"), started.stderr
    pid = int(Path(private, "state", "engine").read_text().split()[0])
    assert engine("--private", private, "ensure").stdout == started.stdout
    assert int(Path(private, "state", "engine").read_text().split()[0]) == pid
    assert "started by this script" in engine("--private", private, "status").stdout
    assert engine("--private", private, "find").returncode == 0
    client = ["docker", "--host", f"unix://{private}/d.sock"]
    assert (
        subprocess.run([*client, "network", "create", "lab-inside"], capture_output=True, check=False).returncode == 0
    )
    outside = subprocess.run(["docker", "network", "inspect", "lab-inside"], capture_output=True, check=False)
    assert outside.returncode != 0

    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    group = words[words.index(b"--cgroup-parent") + 1].decode()
    assert engine("--private", private, "stop").returncode == 0
    assert not running(pid)
    assert not Path(private).exists()
    assert private not in Path("/proc/mounts").read_text()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/{group}"))
    assert engine("--private", private, "find").returncode == 1


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start an engine")
def test_stop_leaves_an_engine_alone_that_it_did_not_start(private: str, tmp_path: Path) -> None:
    engine("--private", private, "ensure")
    pid = int(Path(private, "state", "engine").read_text().split()[0])
    host = f"unix://{private}/d.sock"
    stranger = {"DOCKER_HOST": host, "NETDOCTOR_LAB_STATE": str(tmp_path / "other")}
    assert "not started by this script" in engine("status", **stranger).stdout
    assert "no engine of ours" in engine("stop", **stranger).stderr
    time.sleep(0.2)
    assert running(pid)
    assert engine("find", **stranger).stdout == f"{host}\n"


IN_A_WORLD_OF_ITS_OWN = ["unshare", "--net", "--mount", "bash", "-eu", "-c"]
"""Its own network and mounts: what happens there cannot reach this machine's engine or interfaces."""


@needs_namespaces
def test_a_record_that_names_another_process_changes_nothing(tmp_path: Path) -> None:
    """Neither the process with that number nor the bridge of the engine that is not ours."""
    sleeper = subprocess.Popen(["sleep", "60"])
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "engine").write_text(f"{sleeper.pid} 1\n")
    script = 'python3 "$(dirname "$0")/netif.py" add-bridge docker0; "$0" stop; grep docker0 /proc/net/dev'
    try:
        found = subprocess.run(
            [*IN_A_WORLD_OF_ITS_OWN, script, str(SCRIPT)],
            env={**os.environ, "NETDOCTOR_LAB_STATE": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        assert "no engine of ours" in found.stderr
        assert "docker0" in found.stdout
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


@needs_namespaces
@pytest.mark.docker
def test_the_default_engine_is_started_and_takes_its_bridge_and_its_rules_with_it() -> None:
    script = """
        mount -t tmpfs tmpfs /run
        mkdir -p "$1/data" /run/lock
        mount --bind "$1/data" /var/lib/docker
        iptables -P FORWARD ACCEPT
        echo 0 > /proc/sys/net/ipv4/ip_forward
        "$0" ensure
        "$0" status
        grep docker0 /proc/net/dev
        "$0" stop
        bridges=$(grep -c docker0 /proc/net/dev) || true
        rules=$(iptables-save | grep -ci docker) || true
        echo "after: $bridges $rules $(cat /proc/sys/net/ipv4/ip_forward)"
        iptables -S FORWARD | head -1
        ! "$0" find
    """
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        found = subprocess.run(
            [*IN_A_WORLD_OF_ITS_OWN, script, str(SCRIPT), folder],
            env={**{k: v for k, v in os.environ.items() if k != "DOCKER_HOST"}, "NETDOCTOR_NO_INSTALL": "1"},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0] == "unix:///var/run/docker.sock"
    assert "started by this script" in lines[1]
    assert "docker0" in lines[2]
    assert lines[3:5] == ["after: 0 0 0", "-P FORWARD ACCEPT"]


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start an engine")
def test_an_engine_that_cannot_start_is_reported_with_its_own_words(private: str) -> None:
    """A file where the engine wants a folder."""
    Path(private).mkdir()
    Path(private, "data").write_text("in the way")
    found = engine("--private", private, "ensure", NETDOCTOR_LAB_START_SECONDS="15")
    assert (found.returncode, found.stdout) == (1, "")
    assert "no Docker Engine could be started here" in found.stderr
    assert "data" in found.stderr
