"""``netdoctor enter`` on a real engine: this machine's programs in a container's network, and a helper's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from somebody import as_nobody
from vantage import peer

from .conftest import ROOT, Ended, in_a_child, settings

pytestmark = pytest.mark.docker
PROGRAM = ["python3", "-c", Path(peer.__file__).read_text("utf-8")]
CONNECT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as near:
    near.sendall(b"hello")
    print(near.recv(5, socket.MSG_WAITALL).decode())
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="entering a network namespace needs root")


@dataclass(frozen=True)
class Place:
    lab: Any
    net: Any
    app: Any


@pytest.fixture(scope="module")
def place(module_lab):
    """A target that only the app's network knows by name, and an app with nothing in its image."""
    lab = module_lab
    net = lab.network()
    target = lab.container("python", networks=[net], aliases=["target"], command=PROGRAM, word="target")
    app = lab.container("scratch", networks=[net], word="app", extra_hosts={"by-hand": "192.0.2.7"})
    lab.wait_for_listener(target, *peer.TCP)
    return Place(lab, net, app)


def enter(*words: str, **how) -> Ended:
    return in_a_child("enter", *words, **how)


@needs_root
def test_a_program_of_this_machine_reaches_the_target_by_its_name(place):
    ended = enter(place.app.name, "--", sys.executable, "-c", CONNECT, "target", str(peer.ECHO))
    assert (ended.status, ended.out, ended.err) == (0, "hello\n", "")


@needs_root
def test_names_and_interfaces_are_the_containers_and_files_are_this_machines(place):
    assert enter(place.app.name, "--", "getent", "hosts", "by-hand").out.split() == ["192.0.2.7", "by-hand"]
    assert "nameserver 127.0.0.11" in enter(place.app.name, "--", "cat", "/etc/resolv.conf").out
    assert set(enter(place.app.name, "--", "ls", "/sys/class/net").out.split()) == {"eth0", "lo"}
    assert enter(place.app.name, "--", "cat", str(ROOT / "LICENSE")).out == (ROOT / "LICENSE").read_text("utf-8")
    assert enter(place.app.name, "--", "printenv", "NETDOCTOR_CONTAINER").out.strip() == place.app.name


@needs_root
def test_nothing_of_this_machine_is_changed_by_it(place):
    before = Path("/etc/resolv.conf").read_bytes(), laid_over()
    assert enter(place.app.name, "--", "true").status == 0
    assert (Path("/etc/resolv.conf").read_bytes(), laid_over()) == before


def laid_over() -> list[str]:
    """This machine's mounts where enter makes its own; engines and containers come and go elsewhere."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    ours = re.compile(r"/(etc/.*|sys|mnt|tmp|run|media|(var/)?run/nscd)")
    return sorted(" ".join(each[3:5]) for each in mounts if ours.fullmatch(each[4]))


@needs_root
@pytest.mark.parametrize(
    ("command", "status"), [(["sh", "-c", "exit 3"], 3), (["false"], 1), (["/etc"], 126), (["no-such-program"], 127)]
)
def test_the_exit_status_is_the_commands_own(place, command, status):
    argv = [sys.executable, "-m", "netdoctor", "enter", place.app.name, "--", *command]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=settings())
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == (status > 100), done.stderr


@needs_root
def test_a_signal_reaches_the_command_itself(place):
    argv = [sys.executable, "-m", "netdoctor", "enter", place.app.name, "--", "sleep", "60"]
    with subprocess.Popen(argv, env=settings()) as process:
        comm = Path(f"/proc/{process.pid}/comm")
        deadline = time.monotonic() + 20
        while comm.read_text().strip() != "sleep" and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT


def test_a_helper_runs_what_its_image_has_with_our_stdin_and_its_exit_status(place):
    program = "import sys; print(sys.stdin.read().upper()); print('aside', file=sys.stderr); sys.exit(7)"
    argv = [sys.executable, "-m", "netdoctor", "--vantage", "sidecar", "enter", place.app.name, "--", "python3", "-c"]
    done = subprocess.run(
        [*argv, program], input=b"words", capture_output=True, timeout=60, check=False, env=settings()
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, b"WORDS\n", b"aside\n")
    spoken = enter(
        place.app.name, "python3", "-c", CONNECT, "target", str(peer.ECHO), env={"NETDOCTOR_VANTAGE": "sidecar"}
    )
    assert (spoken.status, spoken.out) == (0, "hello\n")
    assert not place.lab.api.containers(all=True, filters={"label": f"netdoctor.for={place.app.id}"})


def test_a_member_of_the_docker_group_gets_a_helper_and_is_told_why(place, engine):
    socket = engine.host.socket_path
    if os.geteuid() != 0 or shutil.which("setpriv") is None or socket is None:
        pytest.skip("becoming another user needs root and setpriv")
    words = ("python3", "-c", CONNECT, "target", str(peer.ECHO))
    ended = enter(place.app.name, *words, before=as_nobody(socket.stat().st_gid), cwd="/")
    assert (ended.status, ended.out) == (0, "hello\n")
    assert "needs root" in ended.err


def test_what_the_helpers_image_lacks_is_said_with_the_other_way(place):
    ended = enter(place.app.name, "no-such-program", env={"NETDOCTOR_VANTAGE": "sidecar"})
    assert (ended.status, ended.out) == (3, "")
    assert "no-such-program is no program of the helper's image" in ended.err
    assert "sudo" in ended.err
    assert not place.lab.api.containers(all=True, filters={"label": f"netdoctor.for={place.app.id}"})


@needs_root
def test_a_program_that_nobody_reads_any_more_ends_quietly(place):
    script = f"{sys.executable} -m netdoctor enter {place.app.name} -- yes | head -n 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, check=False, env=settings())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"y\n", b"")


@needs_root
@pytest.mark.parametrize("given", [b"", b"line\n" * 100_000], ids=["nothing", "a lot"])
def test_what_is_piped_in_arrives_whole_without_a_terminal(place, given):
    argv = [sys.executable, "-m", "netdoctor", "enter", place.app.name, "--", "cat"]
    done = subprocess.run(
        argv, input=given, capture_output=True, timeout=60, check=False, env=settings(), start_new_session=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, given, b"")


@needs_root
def test_without_a_command_it_is_a_shell_which_reads_what_is_piped_in(place):
    argv = [sys.executable, "-m", "netdoctor", "enter", place.app.name]
    script = b"echo in $NETDOCTOR_CONTAINER; exit 9\n"
    done = subprocess.run(
        argv, input=script, capture_output=True, timeout=60, check=False, env=settings(SHELL="/bin/sh")
    )
    assert (done.returncode, done.stdout.decode(), done.stderr) == (9, f"in {place.app.name}\n", b"")


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare here")
def test_no_folder_has_to_be_writable(place):
    """As in a container that is read-only."""
    argv = [sys.executable, "-m", "netdoctor", "--vantage", "netns", "enter", place.app.name, "--", "echo", "in"]
    script = 'mount -o remount,ro,bind / || exit 77; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *argv],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=settings(),
    )
    if done.returncode == 77:
        pytest.skip("the root file system cannot be mounted read-only here")
    assert (done.returncode, done.stdout) == (0, "in\n"), done


@needs_root
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl_looks_names_up_with_the_containers_resolver_and_in_its_hosts_file(place):
    """An alias that only that network has, and a name that stands in that one hosts file."""
    lab = place.lab
    web = lab.container("busybox", networks=[place.net], aliases=["web-alias"], command=["httpd", "-f", "-p", "8080"])
    lab.wait_for_listener(web, 8080)
    hosts = {"only-here": lab.address(web, place.net)}
    app = lab.container("scratch", networks=[place.net], word="knows", extra_hosts=hosts)
    for name in ("web-alias", "only-here"):
        words = ("curl", "-sS", "--max-time", "10", "-o", os.devnull, "-w", "%{http_code}", f"http://{name}:8080/")
        ended = enter(app.name, "--", *words)
        assert (ended.status, ended.out, ended.err) == (0, "404", ""), name
        outside = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert outside.returncode == 6, "this machine itself knows no such name"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_helper_that_reads_nothing_is_gone_when_we_are_told_to_end(place, number):
    argv = [sys.executable, "-m", "netdoctor", "--vantage", "sidecar", "enter", place.app.name, "--"]
    program = "print('here', flush=True); import time; time.sleep(600)"
    with subprocess.Popen([*argv, "python3", "-c", program], stdout=subprocess.PIPE, env=settings()) as process:
        assert process.stdout.readline() == b"here\n"
        process.send_signal(number)
        assert process.wait(20) == -number
    assert not place.lab.api.containers(all=True, filters={"label": f"netdoctor.for={place.app.id}"})


def test_a_file_that_is_no_program_is_one_sentence(place):
    ended = enter(place.app.name, "/etc/passwd", env={"NETDOCTOR_VANTAGE": "sidecar"})
    assert (ended.status, ended.out) == (3, "")
    assert "/etc/passwd is no program of the helper's image" in ended.err
    assert "runc" not in ended.err


@pytest.mark.parametrize(
    ("words", "said"), [(("",), "empty COMMAND"), (("--vantage", "netns", "--", "true"), "--vantage stands behind")]
)
def test_a_slip_of_the_command_is_wrong_usage(place, words, said):
    ended = enter(place.app.name, *words)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert f"{place.app.name} -- COMMAND" in ended.err


def test_somebody_without_any_right_is_told_which_one_it_takes(place, engine):
    socket = engine.host.socket_path
    if os.geteuid() != 0 or shutil.which("setpriv") is None or socket is None:
        pytest.skip("becoming another user needs root and setpriv")
    ended = enter(place.app.name, "--", "true", before=as_nobody(65534), cwd="/")
    assert (ended.status, ended.out) == (3, "")
    assert "ND903" in ended.err


def test_a_container_that_does_not_run_cannot_be_entered(place):
    stopped = place.lab.container(networks=[place.net], start=False, word="stopped")
    ended = enter(stopped.name, "true")
    assert ended.status == 3
    assert "not running" in ended.err
    assert f"docker start {stopped.name}" in ended.err


def test_exec_is_not_what_enter_does(place):
    ended = enter(place.app.name, "true", env={"NETDOCTOR_VANTAGE": "exec"})
    assert ended.status == 2
    assert f"docker exec -it {place.app.name}" in ended.err
