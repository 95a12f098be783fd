"""Attach and exec as raw streams: nothing is lost, nothing is mixed up, and a close really detaches."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netdoctor.engine.client import Engine, open_engine
from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.streams import STDERR, STDOUT, attach, file_stat, run_exec, start_exec
from netdoctor.errors import EngineRefused, Gone
from netdoctor.vantage.choose import Vantages

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def python(module_lab: Any) -> str:
    return str(module_lab.container("python", networks=[module_lab.network()]).id)


def everything(stream: Any) -> dict[int, bytes]:
    found = {STDOUT: b"", STDERR: b""}
    while (piece := stream.read(10)) is not None:
        found[piece[0]] += piece[1]
    return found


def test_output_that_comes_with_the_headers_is_not_lost(engine: Engine, python: str) -> None:
    """A program that speaks at once may be read together with the engine's answer."""
    for number in range(15):
        stream = start_exec(engine, python, ["bash", "-c", f"echo out {number}; echo err {number} >&2"])
        try:
            assert everything(stream) == {STDOUT: b"out %d\n" % number, STDERR: b"err %d\n" % number}
        finally:
            stream.close()


def test_exec_gives_both_channels_and_the_exit_status(engine: Engine, python: str) -> None:
    assert run_exec(engine, python, ["bash", "-c", "echo one; echo two >&2; exit 7"], timeout=10) == (
        7,
        "one\n",
        "two\n",
    )


def test_a_program_that_the_image_lacks_is_reported_on_stdout(engine: Engine, python: str) -> None:
    """Not an error of the engine's API: it could be taken for bytes of a peer."""
    code, out, err = run_exec(engine, python, ["no-such-program"], timeout=10)
    assert code in (126, 127)
    assert "no-such-program" in out + err


def test_an_argument_is_an_argument_whatever_is_in_it(engine: Engine, python: str) -> None:
    nasty = "a b;$(touch /tmp/x)`id`\"'\n*"
    assert run_exec(engine, python, ["printf", "%s", nasty], timeout=10) == (0, nasty, "")


def test_a_program_that_takes_too_long_or_says_too_much_is_left(engine: Engine, python: str) -> None:
    with pytest.raises(TimeoutError):
        run_exec(engine, python, ["sleep", "3"], timeout=0.3)
    with pytest.raises(EngineRefused, match="more than expected"):
        run_exec(engine, python, ["head", "-c", "300000", "/dev/zero"], timeout=10, limit=100_000)


def test_a_half_close_ends_the_programs_stdin_and_leaves_its_stdout(engine: Engine, python: str) -> None:
    stream = start_exec(engine, python, ["bash", "-c", "wc -c; echo done >&2"])
    try:
        stream.write(b"x" * 200_000)
        stream.close_write()
        assert everything(stream) == {STDOUT: b"200000\n", STDERR: b"done\n"}
    finally:
        stream.close()


def test_a_slow_answer_outlives_the_clients_own_timeout(engine: Engine, python: str) -> None:
    """The hijacked socket comes with the client's timeout, which is meant for requests."""
    with open_engine(engine.host, timeout=1.0) as impatient:
        assert run_exec(impatient, python, ["bash", "-c", "sleep 2; echo late"], timeout=10) == (0, "late\n", "")


def test_close_wakes_a_reader_and_ends_the_programs_stdin(engine: Engine, python: str, module_lab: Any) -> None:
    before = len(module_lab.api.top(python)["Processes"])
    stream = start_exec(engine, python, ["cat"])
    woken = threading.Event()

    def read() -> None:
        with contextlib.suppress(OSError):
            stream.read()
        woken.set()

    threading.Thread(target=read, daemon=True).start()
    time.sleep(0.2)
    stream.close()
    stream.close()
    assert woken.wait(5)
    module_lab.wait_until(lambda: len(module_lab.api.top(python)["Processes"]) == before, "cat to end", 5)
    with pytest.raises(OSError):
        stream.write(b"x")


def test_what_is_gone_is_gone(engine: Engine) -> None:
    for call in (lambda: attach(engine, "f" * 64), lambda: start_exec(engine, "f" * 64, ["true"])):
        with pytest.raises(Gone):
            call()


def test_a_path_is_looked_up_without_running_anything(engine: Engine, python: str) -> None:
    found = file_stat(engine, python, "/usr/bin/bash")
    assert found is not None
    assert found["name"] == "bash"
    assert file_stat(engine, python, "/usr/bin/no-such-program") is None


@pytest.fixture
def behind_tls(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The same engine over TCP and TLS, as a remote one is reached."""
    if engine.host.socket_path is None or shutil.which("openssl") is None:
        pytest.skip("needs the engine's own socket and openssl")
    names = {"key": tmp_path / "key.pem", "cert": tmp_path / "cert.pem"}
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(names["key"]), "-out", str(names["cert"])),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    # The client library would prefer a bundle named there to the engine's own certificate authority.
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "ca.pem").write_bytes(names["cert"].read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(names["cert"], names["key"])
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=_serve_tls, args=(listener, context, engine.host.socket_path), daemon=True).start()
    host = EngineHost(f"tcp://127.0.0.1:{listener.getsockname()[1]}", "the test", tls=tmp_path, tls_verify=True)
    try:
        with open_engine(host) as found:
            yield found
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _serve_tls(listener: socket.socket, context: ssl.SSLContext, path: Path) -> None:
    """Each connection by itself; all end with the listener."""
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_carry, args=(plain, context, path), daemon=True).start()


def _carry(plain: socket.socket, context: ssl.SSLContext, path: Path) -> None:
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(plain, server_side=True) as near,
        socket.socket(socket.AF_UNIX) as far,
    ):
        far.connect(str(path))
        while True:
            ready = [near] if near.pending() else select.select([near, far], [], [])[0]
            for one, other in ((near, far), (far, near)):
                if one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    other.sendall(data)


@pytest.mark.parametrize("kind", ["sidecar", "exec"])
def test_streams_work_over_tls_where_half_close_travels_in_the_protocol(
    behind_tls: Engine, lab: Any, kind: str
) -> None:
    """Over TLS a shutdown would cut the answer off; the relay's own frame does not."""
    network = lab.network()
    program = (
        "import socket\none = socket.create_server(('0.0.0.0', 7001))\n"
        "while True:\n    c, _ = one.accept()\n    size = 0\n    while d := c.recv(65536): size += len(d)\n"
        "    c.sendall(b'%d' % size)\n    c.close()\n"
    )
    target = lab.container("python", networks=[network], command=["python3", "-c", program])
    source = lab.container("python", networks=[network])
    lab.wait_for_listener(target, 7001)
    lab.image("probe")
    topology = lab.topology()
    with Vantages(behind_tls, topology, preference=kind) as vantages:
        container = topology.container(source.id)
        assert container is not None
        vantage = vantages.at(container.ref)
        for _ in range(3):
            stream = vantage.dial(lab.address(target, network), 7001, 5.0)
            stream.send(b"x" * 1_000_000)
            stream.close_write()
            assert stream.receive(100, 10.0) == b"1000000"
            assert stream.receive(100, 10.0) == b""
            stream.close()
