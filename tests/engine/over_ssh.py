"""An engine reached over ssh to loopback: a server of our own, keys of our own, nobody's configuration touched."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import ssh_server


@dataclass(frozen=True)
class Remote:
    """``environment``: with it, ``ssh`` finds the keys. ``stranger``: the same with a key that nobody let in."""

    url: str
    environment: dict[str, str]
    stranger: dict[str, str]


@contextlib.contextmanager
def over_ssh(folder: Path) -> Iterator[Remote]:
    """Skips where there is no ssh client or no docker command to be run at the other end."""
    for name in ("ssh", "ssh-keygen", "docker"):
        if shutil.which(name) is None:
            pytest.skip(f"needs {name}")
    for name in ("host", "mine", "other"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(made, check=True, timeout=30, stdin=subprocess.DEVNULL)
    argv = [sys.executable, ssh_server.__file__, str(folder / "host"), str(folder / "mine.pub")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            host = (folder / "host.pub").read_text("ascii").rsplit(" ", 1)[0]
            (folder / "known").write_text(f"[127.0.0.1]:{port} {host}\n", "ascii")
            yield Remote(f"ssh://127.0.0.1:{port}", _environment(folder, "mine"), _environment(folder, "other"))
        finally:
            server.stdin.close()
            server.wait(20)


def _environment(folder: Path, key: str) -> dict[str, str]:
    """An ``ssh`` before the real one on PATH, which reads a configuration of ours only."""
    bin_ = folder / f"bin-{key}"
    bin_.mkdir()
    config = folder / f"config-{key}"
    config.write_text(
        f"Host *\n  IdentityFile {folder / key}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        f"  UserKnownHostsFile {folder / 'known'}\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n",
        "utf-8",
    )
    wrapper = bin_ / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {config} "$@"\n', "utf-8")
    wrapper.chmod(0o755)
    return {"PATH": f"{bin_}:{os.environ['PATH']}"}
