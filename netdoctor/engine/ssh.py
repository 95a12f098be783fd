"""``ssh://``: a local socket; each connection is ``ssh host docker system dial-stdio``, as the docker CLI does it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from netdoctor.commands import find_command
from netdoctor.engine.hosts import EngineHost
from netdoctor.errors import EngineUnreachable, UsageError

CHUNK = 1 << 16
PREFIX = "netdoctor-ssh-"
SETTLED = 60.0
"""Seconds after which a folder whose socket nobody answers was left by a run that was killed."""


class Tunnel:
    """A unix socket in a folder of ours (0700). Each accepted connection runs one ssh; all end with :meth:`close`.

    ``last_words``: what an ssh said before it failed, empty while none has.
    """

    def __init__(self, argv: list[str]) -> None:
        """Raises OSError where no folder for temporary files can be written, or its path is too long for a socket."""
        self.argv = argv
        self.last_words = ""
        sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.socket = self._folder / "engine.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(str(self.socket))
        except OSError:
            self._listener.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
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
            try:
                child = subprocess.Popen(
                    self.argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                self.last_words = f"{self.argv[0]} could not be run: {error.strerror}"
                connection.close()
                return
            self._children.add(child)
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        stdin, stdout, stderr = child.stdin, child.stdout, child.stderr
        listener = threading.Thread(target=self._listen, args=(stderr,), daemon=True)
        listener.start()

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
        # Whoever is told of the broken connection will ask why: the words have to be here by then.
        listener.join(timeout=1)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        sender.join(timeout=1)
        self._end(child)

    def _listen(self, stderr: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := stderr.readline(4096):
                said = line.decode("utf-8", "replace").strip()
                # A banner is no reason; the last line is.
                self.last_words = said or self.last_words

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(OSError):
            child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=2)
        for pipe in (child.stdin, child.stdout, child.stderr):
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


def sweep() -> None:
    """Remove the folders of our own runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            state = folder.lstat()
            if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
                continue
            if time.time() - state.st_mtime < SETTLED:
                continue
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
                try:
                    knock.connect(str(folder / "engine.sock"))
                except (ConnectionRefusedError, FileNotFoundError):
                    shutil.rmtree(folder, ignore_errors=True)


def ssh_command(url: str) -> list[str]:
    """``ssh://user@host:port`` as an argument list. Raises UsageError for no host, or one that looks like an option."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(
            f"{url!r} is no ssh address: {error}.", hint="Use ssh://host[:port], with USER@ before the host."
        ) from error
    if not host or host.startswith("-") or (parts.username or "").startswith("-"):
        raise UsageError(f"{url!r} is no ssh address.", hint="Use ssh://host[:port], with USER@ before the host.")
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
    ssh = find_command("ssh")
    if ssh is None:
        raise EngineUnreachable(
            f"{host.url} needs an ssh client, and there is none on PATH.", hint="Install openssh-client."
        )
    argv = [ssh, *ssh_command(host.url)[1:]]
    try:
        return Tunnel(argv)
    except OSError as error:
        raise EngineUnreachable(
            f"{host.url} needs a socket in a folder for temporary files, and none can be made: "
            f"{error.strerror or error}.",
            hint="Name a writable folder with a short path: TMPDIR=/tmp netdoctor ...",
        ) from error
