"""An engine behind TLS on loopback: a relay that ends the TLS as an engine with ``--tlsverify`` does, and who may pass.

All certificates are made for the one test and forgotten with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@dataclass(frozen=True)
class Guarded:
    """An engine's address and the folders of those who come: ours, and several that have no business there."""

    url: str
    mine: Path
    stranger: Path
    """Known to another authority than the engine's."""
    deceived: Path
    """Trusts another authority than the engine's."""
    expired: Path

    def environment(self, folder: Path | None = None) -> dict[str, str]:
        return {"DOCKER_HOST": self.url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder or self.mine)}


def certificates(folder: Path, authority: trustme.CA, trusted: trustme.CA, ends: datetime | None = None) -> Path:
    """As the docker CLI wants them: who we are, by ``authority``, and whom we trust."""
    folder.mkdir()
    me = authority.issue_cert("client@example.org", not_after=ends)
    trusted.cert_pem.write_to_path(str(folder / "ca.pem"))
    me.private_key_pem.write_to_path(str(folder / "key.pem"))
    for blob in me.cert_chain_pems:
        blob.write_to_path(str(folder / "cert.pem"), append=True)
    return folder


def docker_context(config: Path, name: str, url: str, certificates: Path | None) -> dict[str, str]:
    """A context as ``docker context create`` leaves it behind, made current: the environment that finds it."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    endpoint = {"Host": url, "SkipTLSVerify": False}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}), "utf-8")
    if certificates is not None:
        shutil.copytree(certificates, config / "contexts" / "tls" / digest / "docker")
    (config / "config.json").write_text(json.dumps({"currentContext": name}), "utf-8")
    return {"DOCKER_CONFIG": str(config)}


def server_context(authority: trustme.CA, ends: datetime | None = None, name: str = "127.0.0.1") -> ssl.SSLContext:
    """An engine's: it wants a certificate of the same authority from whoever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=ends).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextlib.contextmanager
def over_tls(folder: Path, path: str) -> Iterator[Guarded]:
    authority, other = trustme.CA(), trustme.CA()
    mine = certificates(folder / "mine", authority, authority)
    stranger = certificates(folder / "stranger", other, authority)
    deceived = certificates(folder / "deceived", authority, other)
    expired = certificates(folder / "expired", authority, authority, YESTERDAY)
    with relay(server_context(authority), path) as port:
        yield Guarded(f"tcp://127.0.0.1:{port}", mine, stranger, deceived, expired)


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
    """Its port."""
    open_: list[socket.socket] = []

    def one(near: socket.socket) -> None:
        try:
            guarded = context.wrap_socket(near, server_side=True)
        except OSError:
            near.close()
            return
        with guarded, socket.socket(socket.AF_UNIX) as far:
            try:
                far.connect(path)
            except OSError:
                return
            open_.append(guarded)
            back = threading.Thread(target=pump, args=(far, guarded))
            back.start()
            pump(guarded, far)
            back.join()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
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
