"""Whatever the SDK, the kernel or something that is no engine does, one sentence of ours comes out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from fake_engine import Answer, Script, fake_engine
from somebody import as_nobody

from netdoctor.engine.client import Engine, open_engine
from netdoctor.engine.hosts import EngineHost
from netdoctor.errors import EngineRefused, EngineUnreachable, Gone, NetdoctorError, PermissionRefused
from netdoctor.exits import Exit

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def socket_path(tmp_path):
    return tmp_path / "e.sock"


def host(path) -> EngineHost:
    return EngineHost(f"unix://{path}", "--host")


def inspected(container, name):
    """As little as an inspect may say."""
    state, settings = {"Status": "running", "Running": True}, {"Networks": {}}
    more = {"State": state, "Config": {}, "HostConfig": {"NetworkMode": "none"}, "NetworkSettings": settings}
    return {"Id": container, "Name": name, **more}


def asked(path, script, *, timeout=5.0):
    """What reading everything from that engine raises."""
    with fake_engine(path, script), pytest.raises(NetdoctorError) as caught, Engine(host(path), timeout=timeout) as e:
        e.version, e.networks(), e.containers(), e.info
    assert "Traceback" not in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


def test_a_missing_socket_is_named_with_who_said_it(socket_path):
    with pytest.raises(EngineUnreachable) as caught:
        open_engine(host(socket_path))
    error = caught.value
    assert error.message == f"No Docker Engine at unix://{socket_path} (from --host): the socket does not exist."
    assert (error.code, error.status) == ("ND902", Exit.UNKNOWN)
    assert "-H or --context" in error.hint


def test_a_socket_that_nobody_listens_on_says_connection_refused(socket_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))
    with pytest.raises(EngineUnreachable, match=r"does not answer: connection refused$"):
        open_engine(host(socket_path))


def test_a_closed_tcp_port_says_connection_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(EngineUnreachable, match=rf"tcp://127\.0\.0\.1:{port}.*connection refused"):
        open_engine(EngineHost(f"tcp://127.0.0.1:{port}", "DOCKER_HOST"))


@pytest.mark.parametrize("url", ["tcp://:0", "tcp://[", "tcp://host:notaport", "http://", "tcp://host:99999"])
def test_an_address_that_cannot_be_one_is_an_error_of_ours(url):
    with pytest.raises(NetdoctorError) as caught:
        open_engine(EngineHost(url, "--host"))
    assert url in caught.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
@pytest.mark.parametrize("closed", ["socket", "folder"])
def test_a_socket_without_rights_names_the_socket_and_the_group(closed):
    """The folder may be closed too: then not even the socket's existence can be seen."""
    code = (
        "from netdoctor.engine.client import open_engine; from netdoctor.engine.hosts import EngineHost\n"
        "import sys\n"
        "from netdoctor.errors import PermissionRefused\n"
        "try: open_engine(EngineHost(sys.argv[1], '--host'))\n"
        "except PermissionRefused as error: print(error.message, '|', error.hint)\n"
    )
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        Path(folder).chmod(0o755 if closed == "socket" else 0o700)
        path = f"{folder}/engine.sock"
        server.bind(path)
        server.listen()
        Path(path).chmod(0o660)
        said = subprocess.run(
[*as_nobody(), sys.executable, "-c", code, f"unix://{path}"],
            capture_output=True, text=True, timeout=30, check=False, cwd="/",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert said.stderr == ""
    message, _, hint = said.stdout.strip().partition(" | ")
    assert message == f"You may not use the Docker Engine at unix://{path}: permission denied on its socket."
    assert path in hint and "sudo" in hint


@pytest.mark.parametrize("path", ["/version", "/networks", "/containers/json", "/info"])
def test_an_answer_cut_in_the_middle(socket_path, path):
    body = b'[{"Id": "aaaa", "Name": "bbbb"}]' + b" " * 200
    error = asked(socket_path, Script(special={path: Answer(body, cut=12)}))
    assert isinstance(error, EngineUnreachable)
    assert "broke off its answer" in error.message
    assert error.hint == "Check it with: docker version"


@pytest.mark.parametrize("body", [b"hello", b"<html>", b"", b"{", b"\xff\xfe"])
def test_an_answer_that_is_no_json(socket_path, body):
    error = asked(socket_path, Script(special={"*": Answer(body)}))
    assert isinstance(error, EngineUnreachable)
    assert "is no Docker Engine" in error.message


@pytest.mark.parametrize("body", [{}, [], None, 5, "text", {"ApiVersion": None}])
def test_json_that_no_engine_says(socket_path, body):
    error = asked(socket_path, Script(special={"*": Answer(body)}))
    assert isinstance(error, EngineUnreachable)


def test_something_that_speaks_no_http(socket_path):
    error = asked(socket_path, Script(special={"*": Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n")}))
    assert isinstance(error, EngineUnreachable)


def test_a_connection_closed_without_a_word(socket_path):
    error = asked(socket_path, Script(special={"*": Answer(raw=b"")}))
    assert isinstance(error, EngineUnreachable)


def test_an_engine_that_never_answers_is_given_up_in_time(socket_path):
    began = time.monotonic()
    error = asked(socket_path, Script(special={"*": Answer({}, late=30)}), timeout=1.0)
    assert time.monotonic() - began < 10
    assert isinstance(error, EngineUnreachable)
    assert "timed out" in error.message


def test_a_slow_engine_is_waited_for(socket_path):
    script = Script(special={"/networks": Answer([], late=0.7)})
    with fake_engine(socket_path, script), Engine(host(socket_path), timeout=5) as engine:
        assert engine.networks() == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, EngineRefused), (404, Gone), (409, EngineRefused), (500, EngineRefused), (503, EngineRefused)],
)
def test_what_the_engine_says_is_in_the_message(socket_path, status, kind):
    error = asked(socket_path, Script(special={"/networks": Answer({"message": "no, because"}, status)}))
    assert type(error) is kind
    assert error.message == "Could not list the networks: no, because"


def test_an_authorisation_plugin_that_refuses_is_a_permission(socket_path):
    said = {"message": "authorization denied by plugin: permission missing"}
    assert isinstance(asked(socket_path, Script(special={"/networks": Answer(said, 403)})), PermissionRefused)


def test_secrets_in_the_engines_words_are_redacted(socket_path):
    said = {"message": "cannot reach http://user:hunter2@proxy:3128"}
    assert "hunter2" not in asked(socket_path, Script(special={"/networks": Answer(said, 500)})).message


def test_a_container_that_vanishes_between_listing_and_inspect_is_left_out(socket_path):
    stays, goes = inspected("a" * 64, "/stays"), inspected("b" * 64, "/goes")
    gone = Answer({"message": f"No such container: {'b' * 64}"}, 404)
    lists = iter([[{"Id": "a" * 64}, {"Id": "b" * 64}], [{"Id": "a" * 64}]])
    special = {f"/containers/{'b' * 64}/json": gone, "/containers/json": lambda: Answer(next(lists))}
    script = Script([stays, goes], special=special)
    with fake_engine(socket_path, script), Engine(host(socket_path)) as engine:
        assert [each["Name"] for each in engine.containers()] == ["/stays"]


def test_many_threads_ask_one_engine(socket_path):
    script = Script([inspected(f"{n:064x}", f"/c{n}") for n in range(40)])
    with fake_engine(socket_path, script), Engine(host(socket_path)) as engine:
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(len(engine.containers()))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert found == [40] * 4


@pytest.mark.parametrize("podman", [False, True])
def test_an_engine_is_known_again_though_podman_makes_up_an_id_each_time(socket_path, podman):
    parts = [{"Name": "Podman Engine" if podman else "Engine", "Version": "4.3.1"}]
    version = {"Version": "4.3.1", "ApiVersion": "1.41", "MinAPIVersion": "1.24", "Components": parts}
    known = set()
    for made_up in ("one", "two") if podman else ("one", "one"):
        script = Script(special={"/info": Answer({"ID": made_up})}, version=version)
        with fake_engine(socket_path, script), Engine(host(socket_path)) as engine:
            known.add(engine.id)
        socket_path.unlink(missing_ok=True)
    assert known == ({f"unix://{socket_path}"} if podman else {"one"})
