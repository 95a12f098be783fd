"""The lab that the contract is run in: one peer, a silent one, and a source of every kind of image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netdoctor.model import HOST, Container, Topology
from netdoctor.vantage.choose import Vantages
from netdoctor.vantage.interface import Vantage

from . import peer
from .contract import Stand

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
STREAMS = {("exec", "busybox"): 8, ("exec", "bash"): 8}


@dataclass(frozen=True)
class Site:
    """Ids and addresses; ``sources`` maps an image to (container id, its address on the shared network)."""

    peer: str
    silent: str
    free: str
    sources: dict[str, tuple[str, str]]

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
            CANNOT.get(key, frozenset()),
            STREAMS.get(key, 40),
        )

    def from_the_host(self, vantage: Vantage) -> Stand:
        """The host reaches every bridge, ICC off or not, and asks no embedded nameserver."""
        cannot = frozenset({"closing"})
        return Stand(vantage, self.peer, None, self.free, None, ("127.0.0.1",), (), cannot)


def build(lab: Any, images: tuple[str, ...] = ("busybox", "python", "scratch")) -> Site:
    shared, apart = lab.network("shared"), lab.network("iccoff", icc=False)
    target = lab.container("python", networks=[shared], aliases=["peer"], command=["python3", "-c", PROGRAM])
    silent = lab.container("python", networks=[apart], command=["python3", "-c", PROGRAM])
    sources = {}
    for image in images:
        made = lab.container(image, networks=[shared, apart], command=COMMANDS[image], word=f"from-{image}")
        lab.wait_for_listener(made, 8080)
        sources[image] = (made.id, lab.address(made, shared))
    lab.wait_for_listener(target, *peer.TCP)
    lab.image("probe")
    return Site(lab.address(target, shared), lab.address(silent, apart), lab.free_address(shared), sources)


def container(topology: Topology, id_: str) -> Container:
    found = topology.container(id_)
    assert found is not None
    return found


__all__ = ["HOST", "Site", "Vantages", "build", "container"]
