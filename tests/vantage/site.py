"""The lab that the contract is run in: one peer, a silent one, and a source of every kind of image."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netdoctor.model import HOST, Container, Topology
from netdoctor.vantage.choose import Vantages
from netdoctor.vantage.interface import Vantage

from . import peer
from .contract import EMBEDDED, Stand

PROGRAM = Path(peer.__file__).read_text("utf-8")
LISTENING = "import signal, socket; one = socket.create_server(('0.0.0.0', 8080)); signal.pause()"
COMMANDS = {
    "busybox": ["httpd", "-f", "-p", "8080", "-h", "/tmp"],
    "python": ["python3", "-c", LISTENING],
    "scratch": None,
}
NETNS_CANNOT: frozenset[str] = frozenset()
ONE_STREAM_CANNOT = frozenset({"half-close", "datagram", "reset"})
CANNOT = {
    ("exec", "busybox"): ONE_STREAM_CANNOT,
    ("exec", "bash"): ONE_STREAM_CANNOT | {"ping"},
    ("exec", "perl"): frozenset({"ping"}),
    ("exec", "node"): frozenset({"ping"}),
}
PODMAN_CANNOT = {("exec", "busybox"): frozenset({"ping"})}
"""Podman's containers may not open raw sockets, which that ping wants."""
STREAMS = {("exec", "busybox"): 8, ("exec", "bash"): 8}


@dataclass(frozen=True)
class Site:
    """Ids and addresses; ``sources`` maps an image to (container id, its address on the shared network)."""

    peer: str
    silent: str | None
    free: str
    sources: dict[str, tuple[str, str]]
    nameserver: str = EMBEDDED

    @property
    def podman(self) -> bool:
        return self.nameserver != EMBEDDED

    def stand(self, vantage: Vantage, image: str) -> Stand:
        key = (vantage.name, image)
        return Stand(
            vantage,
            self.peer,
            self.silent,
            self.free,
            "peer",
            (self.sources[image][1],),
            (8080,),
            CANNOT.get(key, frozenset()) | (PODMAN_CANNOT.get(key, frozenset()) if self.podman else frozenset()),
            STREAMS.get(key, 40),
            self.nameserver,
        )

    def from_the_host(self, vantage: Vantage) -> Stand:
        """The host reaches every bridge, ICC off or not, and asks no embedded nameserver."""
        cannot = frozenset({"closing"})
        return Stand(vantage, self.peer, None, self.free, None, ("127.0.0.1",), (), cannot)


LENT = {"bash": ("bash", "tee", "sleep"), "perl": ("perl",), "node": ("node",)}


def build(lab: Any, images: Sequence[str] = ("busybox", "python", "scratch"), folder: Path | None = None) -> Site:
    """``images`` may name a tool of LENT; its source is made in ``folder``."""
    shared, apart = lab.network("shared"), lab.network("iccoff", icc=False)
    target = lab.container("python", networks=[shared], aliases=["peer"], command=["python3", "-c", PROGRAM])
    silent = lab.container("python", networks=[apart], command=["python3", "-c", PROGRAM])
    sources = {}
    for image in images:
        if image in LENT:
            assert folder is not None
            made = with_tools(lab, folder / image, LENT[image], [shared, apart])
        else:
            made = lab.container(image, networks=[shared, apart], command=COMMANDS[image], word=f"from-{image}")
        lab.wait_for_listener(made, 8080)
        sources[image] = (made.id, lab.address(made, shared))
    lab.wait_for_listener(target, *peer.TCP)
    lab.image("probe")
    nameserver, dropping = EMBEDDED, lab.address(silent, apart)
    if lab.engine.is_podman:
        # It has no network on which members cannot reach each other, and names are the gateway's affair: that one for
        # each network.
        nameserver, dropping = str(lab.endpoint(target, shared)["Gateway"]), None
    return Site(lab.address(target, shared), dropping, lab.free_address(shared), sources, nameserver)


def with_tools(lab: Any, folder: Path, tools: tuple[str, ...], networks: list[Any]) -> Any:
    """A shell-less container that has just these of this machine's programs on its PATH."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    for tool in tools:
        found = shutil.which(tool, path="/usr/bin:/bin")
        if found is None:
            pytest.skip(f"this machine has no {tool} to lend")
        if not Path(os.environ.get("NETDOCTOR_ENGINE_ROOT", "/"), found.lstrip("/")).exists():
            pytest.skip(f"the engine's root file system has no {tool} to lend")
        (folder / tool).symlink_to(found)
    lent = [
        f"{path}:{path}:ro" for path in ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives") if Path(path).exists()
    ]
    return lab.container(
        "scratch", networks=networks, binds=[*lent, f"{folder}:/tools:ro"], env={"PATH": "/tools"}, word=tools[0]
    )


def container(topology: Topology, id_: str) -> Container:
    found = topology.container(id_)
    assert found is not None
    return found


__all__ = ["HOST", "Site", "Vantages", "build", "container"]
