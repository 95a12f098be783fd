"""What is wrong between us and an engine behind TLS is said in one sentence: whose certificate, which file.

The servers are real ones on loopback; behind them stands nobody, since nothing of it comes that far.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from netdoctor.engine import tls
from netdoctor.engine.client import open_engine
from netdoctor.engine.hosts import EngineHost, resolve_host
from netdoctor.engine.tls import explained, papers
from netdoctor.errors import EngineUnreachable, NetdoctorError, PermissionRefused, UsageError

from .over_tls import YESTERDAY, Guarded, certificates, docker_context, over_tls, relay, server_context

PLAIN = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Nobody but the relay itself answers."""
    with over_tls(tmp_path_factory.mktemp("tls"), "/nonexistent") as found:
        yield found


@contextlib.contextmanager
def answering(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that talks so to whoever comes: its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    with near, contextlib.suppress(OSError):
                        near.settimeout(5)
                        talk(near)

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join(10)


def at(url: str, folder: Path | None, *, verify: bool = True) -> EngineHost:
    return EngineHost(url, "DOCKER_HOST", tls=folder, tls_verify=verify)


def refusal(host: EngineHost) -> NetdoctorError:
    """What the user is told."""
    with pytest.raises(NetdoctorError) as caught:
        open_engine(host)
    error = caught.value
    assert error.hint
    assert "\n" not in error.message
    assert "_ssl" not in error.message and "SSL" not in error.message
    return error


def test_a_stranger_and_one_who_has_expired_are_told_that_they_are_refused(guarded):
    error = refusal(at(guarded.url, guarded.stranger))
    assert isinstance(error, PermissionRefused)
    assert f"refuses {guarded.stranger / 'cert.pem'}" in error.message
    error = refusal(at(guarded.url, guarded.expired))
    assert isinstance(error, PermissionRefused)
    assert f"refuses {guarded.expired / 'cert.pem'}: certificate has expired" in error.message


def test_one_without_a_certificate_is_told_that_it_wants_one(guarded, tmp_path):
    (tmp_path / "ca.pem").write_bytes((guarded.mine / "ca.pem").read_bytes())
    error = refusal(at(guarded.url, tmp_path))
    assert isinstance(error, PermissionRefused)
    assert f"wants a client certificate, and there is no cert.pem in {tmp_path}" in error.message
    # The authority unknown, and nobody to verify it for.
    assert "wants a client certificate" in refusal(at(guarded.url, tmp_path / "nowhere", verify=False)).message


def test_an_engine_of_another_authority_is_not_trusted(guarded):
    error = refusal(at(guarded.url, guarded.deceived))
    assert isinstance(error, EngineUnreachable)
    assert f"is by nobody whom {guarded.deceived / 'ca.pem'} trusts" in error.message


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"ends": YESTERDAY}, "has expired"),
        ({"name": "engine.example.org"}, "is not made for 127.0.0.1"),
    ],
)
def test_what_is_wrong_with_the_engines_own_certificate_is_named(tmp_path, made, said):
    authority = trustme.CA()
    mine = certificates(tmp_path / "mine", authority, authority)
    with relay(server_context(authority, **made), "/nonexistent") as port:
        error = refusal(at(f"tcp://127.0.0.1:{port}", mine))
    assert isinstance(error, EngineUnreachable)
    assert f"The TLS certificate of the Docker Engine at tcp://127.0.0.1:{port} (from DOCKER_HOST) {said}." in (
        error.message
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_speaking_plainly_to_tls_and_tls_to_a_plain_port(guarded, version):
    authority = trustme.CA()
    context = server_context(authority)
    context.minimum_version = context.maximum_version = version
    with relay(context, "/nonexistent") as port:
        error = refusal(at(f"tcp://127.0.0.1:{port}", None))
    assert "speaks TLS, and was spoken to without" in error.message
    assert "DOCKER_CERT_PATH" in error.hint
    with answering(lambda near: (near.recv(100), near.sendall(PLAIN))) as url:
        error = refusal(at(url, guarded.mine))
    assert "does not speak TLS" in error.message
    assert "DOCKER_TLS_VERIFY" in error.hint


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_older_tls_refuses_in_the_same_words(tmp_path, version):
    authority = trustme.CA()
    context = server_context(authority)
    context.minimum_version = context.maximum_version = version
    old = certificates(tmp_path / "old", authority, authority, YESTERDAY)
    with relay(context, "/nonexistent") as port:
        assert "certificate has expired" in refusal(at(f"tcp://127.0.0.1:{port}", old)).message
        for name in ("cert.pem", "key.pem"):
            (old / name).unlink()
        assert "wants a client certificate" in refusal(at(f"tcp://127.0.0.1:{port}", old)).message


def test_who_is_no_engine_and_speaks_plainly_is_not_said_to_speak_tls():
    with answering(lambda near: (near.recv(100), near.sendall(b"SSH-2.0-x\r\n"))) as url:
        assert "TLS" not in refusal(at(url, None)).message
    assert explained(at("unix:///nonexistent", None)) is None
    assert explained(at("tcp://127.0.0.1:9", None)) is None


def test_somebody_who_says_nothing_does_not_hold_us_for_long(guarded, monkeypatch):
    monkeypatch.setattr(tls, "PATIENCE", 0.2)
    before = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        assert explained(at(url, guarded.mine)) is None
        assert explained(at(url, None)) is None
    assert time.monotonic() - before < 20


def copy(folder: Path, guarded: Guarded, **instead: bytes) -> Path:
    folder.mkdir()
    for name in ("ca", "cert", "key"):
        (folder / f"{name}.pem").write_bytes(instead.get(name, (guarded.mine / f"{name}.pem").read_bytes()))
    return folder


@pytest.mark.parametrize("name", ["ca", "cert", "key"])
def test_a_file_that_is_none_is_named(guarded, tmp_path, name):
    folder = copy(tmp_path / "papers", guarded, **{name: b"\0nothing"})
    error = refusal(at(guarded.url, folder))
    assert isinstance(error, UsageError)
    assert error.message == f"{folder / name}.pem is no certificate or key in PEM."


def test_a_key_of_somebody_else_is_named(guarded, tmp_path):
    folder = copy(tmp_path / "papers", guarded, key=(guarded.stranger / "key.pem").read_bytes())
    error = refusal(at(guarded.url, folder))
    assert isinstance(error, UsageError)
    assert error.message == f"{folder / 'key.pem'} is not the key of {folder / 'cert.pem'}."


def test_a_locked_key_is_no_reason_to_wait_for_a_password(guarded, tmp_path):
    from cryptography.hazmat.primitives import serialization as kept

    key = kept.load_pem_private_key((guarded.mine / "key.pem").read_bytes(), None)
    locked = key.private_bytes(kept.Encoding.PEM, kept.PrivateFormat.PKCS8, kept.BestAvailableEncryption(b"x"))
    folder = copy(tmp_path / "papers", guarded, key=locked)
    error = refusal(at(guarded.url, folder))
    assert isinstance(error, UsageError)
    assert "locked with a password" in error.message
    assert "openssl pkey" in error.hint


def test_a_context_is_told_how_it_gets_its_files(guarded, tmp_path):
    env = docker_context(tmp_path / "docker", "far", guarded.url, guarded.deceived)
    error = refusal(resolve_host(environment=env))
    assert "(from context far)" in error.message
    assert f"docker context update far --docker host={guarded.url},ca=" in error.hint


def test_the_folder_is_read_as_the_docker_command_reads_it(guarded, tmp_path):
    host = at(guarded.url, guarded.mine)
    assert papers(host).own == (guarded.mine / "cert.pem", guarded.mine / "key.pem")
    assert papers(host).ca == guarded.mine / "ca.pem"
    assert papers(replace(host, tls_verify=False)).ca is None
    assert papers(replace(host, tls=tmp_path, tls_verify=False)).own is None
    assert papers(replace(host, tls=tmp_path, system_roots=True)).ca is None
    with pytest.raises(UsageError, match=r"no cert\.pem and no key\.pem and no ca\.pem"):
        papers(replace(host, tls=tmp_path))


def test_a_certificate_that_is_not_verified_is_not_warned_of_for_each_connection(guarded):
    """In a child, where nobody has turned any warning off before."""
    import sys

    program = (
        "import sys; from pathlib import Path; from netdoctor.engine.tls import sdk_settings\n"
        "from netdoctor.engine.hosts import EngineHost\n"
        f"sdk_settings(EngineHost({guarded.url!r}, tls=Path({str(guarded.mine)!r})))\n"
        "import warnings, urllib3\n"
        "warnings.warn('unverified', urllib3.exceptions.InsecureRequestWarning)\n"
        "warnings.warn('another')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "unverified" not in done.stderr
    assert "another" in done.stderr
