"""``ssh://``: a local socket; each connection is ``ssh host docker system dial-stdio``, as the docker CLI does it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from netdoctor.engine.hosts import EngineHost
from netdoctor.errors import EngineUnreachable, UsageError

CHUNK = 1 << 16


class Tunnel:
    """A unix socket in a folder of ours (0700). Each accepted connection runs one ssh; all end with :meth:`close`."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self._folder = Path(tempfile.mkdtemp(prefix="netdoctor-ssh-"))
        self.socket = self._folder / "engine.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.socket))
        self._listener.listen(64)
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False
        threading.Thread(target=self._accept, name="netdoctor-ssh", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            if self._closed:
                connection.close()
                return
            child = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._children.add(child)
        assert child.stdin is not None
        assert child.stdout is not None
        stdin, stdout = child.stdin, child.stdout

        def upstream() -> None:
            with contextlib.suppress(OSError, ValueError):
                while data := connection.recv(CHUNK):
                    stdin.write(data)
                    stdin.flush()
            with contextlib.suppress(OSError):
                stdin.close()

        sender = threading.Thread(target=upstream, daemon=True)
        sender.start()
        with contextlib.suppress(OSError, ValueError):
            while data := stdout.read1(CHUNK):  # type: ignore[attr-defined]
                connection.sendall(data)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        sender.join(timeout=1)
        self._end(child)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(OSError):
            child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=2)
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        with self._lock:
            self._children.discard(child)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            children = list(self._children)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for child in children:
            self._end(child)
        shutil.rmtree(self._folder, ignore_errors=True)


def ssh_command(url: str) -> list[str]:
    """``ssh://user@host:port`` as an argument list. Raises UsageError for no host, or one that looks like an option."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no ssh address: {error}.", hint="Use ssh://user@host[:port].") from error
    if not host or host.startswith("-") or (parts.username or "").startswith("-"):
        raise UsageError(f"{url!r} is no ssh address.", hint="Use ssh://user@host[:port].")
    if parts.password:
        raise UsageError("An ssh address cannot carry a password.", hint="Use an ssh key or an agent.")
    argv = ["ssh", "-o", "ConnectTimeout=30", "-T"]
    if parts.username:
        argv += ["-l", parts.username]
    if port:
        argv += ["-p", str(port)]
    return [*argv, "--", host, "docker", "system", "dial-stdio"]


def open_tunnel(host: EngineHost) -> Tunnel:
    """Raises EngineUnreachable when there is no ssh client here."""
    if shutil.which("ssh") is None:
        raise EngineUnreachable(
            f"{host.url} needs an ssh client, and there is none on PATH.", hint="Install openssh-client."
        )
    return Tunnel(ssh_command(host.url))
