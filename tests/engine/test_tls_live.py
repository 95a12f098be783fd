"""``tcp://`` with TLS on both sides: the vantages' contract, and one sentence for every wrong certificate.

A relay on loopback ends the TLS and passes everything on to the engine's socket, as an engine with --tlsverify would.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from cli.conftest import in_a_child
from vantage import site
from vantage.contract import CHECKS, Stand

from netdoctor.engine.client import open_engine
from netdoctor.engine.hosts import resolve_host
from netdoctor.topology.engine import read_topology
from netdoctor.vantage.choose import Vantages

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Guarded:
    url: str
    mine: Path
    stranger: Path

    def environment(self, folder: Path | None = None) -> dict[str, str]:
        return {"DOCKER_HOST": self.url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder or self.mine)}


def certificates(folder: Path, authority: trustme.CA, trusted: trustme.CA) -> Path:
    """As the docker CLI wants them: who we are, by ``authority``, and whom we trust."""
    folder.mkdir()
    me = authority.issue_cert("client@example.org")
    trusted.cert_pem.write_to_path(str(folder / "ca.pem"))
    me.private_key_pem.write_to_path(str(folder / "key.pem"))
    for blob in me.cert_chain_pems:
        blob.write_to_path(str(folder / "cert.pem"), append=True)
    return folder


def pump(source: Any, sink: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        while data := source.recv(65536):
            sink.sendall(data)
    # TLS has no half-close: the end of one direction is the end of both, as in an engine.
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relay(context: ssl.SSLContext, path: str) -> Iterator[int]:
    open_: list[socket.socket] = []

    def one(near: socket.socket) -> None:
        try:
            guarded = context.wrap_socket(near, server_side=True)
        except OSError:
            near.close()
            return
        with guarded, socket.socket(socket.AF_UNIX) as far:
            far.connect(path)
            open_.append(guarded)
            back = threading.Thread(target=pump, args=(far, guarded))
            back.start()
            pump(guarded, far)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = []

        def accept() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=one, args=(near,), daemon=True))
                threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(10)
            for each in open_:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)


@pytest.fixture(scope="module")
def guarded(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    if engine.host.socket_path is None:
        pytest.skip("the engine is not reached by a socket of this machine")
    folder = tmp_path_factory.mktemp("tls")
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    mine = certificates(folder / "mine", authority, authority)
    stranger = certificates(folder / "stranger", other, authority)
    certificates(folder / "deceived", authority, other)
    with relay(context, str(engine.host.socket_path)) as port:
        yield Guarded(f"tcp://127.0.0.1:{port}", mine, stranger)


@pytest.fixture(scope="module")
def place(module_lab: Any) -> site.Site:
    return site.build(module_lab, ["python"])


@pytest.fixture(scope="module", params=["sidecar", "exec"])
def stand(request: Any, guarded: Guarded, place: site.Site) -> Iterator[Stand]:
    with open_engine(resolve_host(environment=guarded.environment())) as engine:
        topology = read_topology(engine)
        with Vantages(engine, topology, preference=request.param) as vantages:
            yield place.stand(vantages.at(site.container(topology, place.sources["python"][0]).ref), "python")
    label = f"netdoctor.for={place.sources['python'][0]}"
    with open_engine(resolve_host(environment=guarded.environment())) as engine:
        assert not engine.api.containers(all=True, filters={"label": label})


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_contract(stand: Stand, name: str) -> None:
    CHECKS[name](stand)


def test_a_stranger_is_refused_in_one_sentence(guarded):
    ended = in_a_child(env=guarded.environment(guarded.stranger))
    assert (ended.status, ended.out) == (3, "")
    assert guarded.url in ended.err


def test_an_engine_of_another_authority_is_not_trusted(guarded):
    ended = in_a_child(env=guarded.environment(guarded.mine.parent / "deceived"))
    assert ended.status == 3
    assert "certificate" in ended.err.lower()


def test_speaking_plainly_to_it_is_one_sentence(guarded):
    ended = in_a_child("-H", guarded.url)
    assert ended.status == 3
    assert guarded.url in ended.err
    assert len(ended.err.strip().splitlines()) <= 3


def test_certificates_that_are_not_there_are_named(guarded, tmp_path):
    ended = in_a_child(env=guarded.environment(tmp_path))
    assert ended.status == 2
    assert "cert.pem" in ended.err
