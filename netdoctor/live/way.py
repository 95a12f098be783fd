"""The way from inside one container to a target, found anew when a container was restarted or recreated."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass

from netdoctor.edges.arguments import edge_between
from netdoctor.errors import NetdoctorError, NoVantage, UsageError
from netdoctor.exits import Exit
from netdoctor.model import HOST, Edge, Topology
from netdoctor.terminal import plain
from netdoctor.vantage.choose import Vantages
from netdoctor.vantage.interface import CannotAsk, DialFailed, Stream, Vantage
from netdoctor.vantage.lookup import LookupFailed, look_up


class NoWay(NetdoctorError):
    """The target cannot be reached from there now."""

    status = Exit.FINDINGS


@dataclass(frozen=True, slots=True)
class Names:
    """Both ends as they were typed; ``target`` is NAME[:PORT], a URL or an address."""

    source: str
    target: str

    @property
    def check(self) -> str:
        """The command that says why."""
        return f"netdoctor check {plain(self.source)} {plain(self.target)}"


class Way:
    """Thread-safe. ``look`` reads the engine; ``stand`` makes a run's vantages for a topology."""

    def __init__(
        self, names: Names, look: Callable[[], Topology], stand: Callable[[Topology], Vantages], *, timeout: float = 4.0
    ) -> None:
        self._names = names
        self._look = look
        self._stand = stand
        self._timeout = timeout
        self._lock = threading.Lock()
        self._standing: _Standing | None = None
        self._closed = False

    def open(self) -> _Standing:
        """Stand there. Raises NotFound, Ambiguous, UsageError, NoVantage, NoWay, EngineUnreachable."""
        with self._lock:
            return self._open()

    def dial(self) -> Stream:
        """A connection to the target; once more from a fresh look where an end has changed. Raises NoWay, and what
        :meth:`open` raises."""
        standing = self.open()
        try:
            return self._dial(standing)
        except NoWay:
            if not self._look_again(standing):
                raise
        return self._dial(self.open())

    def close(self) -> None:
        """Give the vantages back. Never raises; may be called twice."""
        with self._lock:
            self._closed = True
            standing, self._standing = self._standing, None
        if standing is not None:
            standing.vantages.close()

    def _open(self) -> _Standing:
        if self._closed:
            raise NoWay("The way is closed.")
        if self._standing is None:
            topology = self._look()
            edge = edge_between(topology, self._names.source, self._names.target)
            if edge.port is None:
                raise UsageError(
                    f"No port of {plain(self._names.target)} is known.", hint="Give one: NAME:PORT, like qdrant:6333."
                )
            vantages = self._stand(topology)
            try:
                vantage = vantages.at(edge.source)
            except CannotAsk as refused:
                vantages.close()
                raise NoVantage(
                    f"Cannot stand inside {plain(self._names.source)}: {refused.reason}.",
                    hint=f"netdoctor check {plain(self._names.source)}",
                ) from refused
            except BaseException:
                vantages.close()
                raise
            self._standing = _Standing(topology, edge, edge.port, vantages, vantage)
        return self._standing

    def _dial(self, standing: _Standing) -> Stream:
        try:
            address = standing.address(plain(self._names.source))
        except LookupFailed as failed:
            raise NoWay(failed.message, hint=failed.hint, status=failed.status) from failed
        if address is None:
            name = plain(standing.edge.name or self._names.target)
            raise NoWay(f"{plain(self._names.source)} does not know the name {name}.", hint=self._names.check)
        try:
            return standing.vantage.dial(address, standing.port, self._timeout)
        except DialFailed as failed:
            words = failed.outcome.value.replace("_", " ")
            raise NoWay(
                f"{plain(self._names.source)} cannot connect to {plain(self._names.target)} "
                f"({address} port {standing.port}): {words}.",
                hint=self._names.check,
            ) from failed
        except CannotAsk as refused:
            raise NoWay(
                f"Nothing can be asked from inside {plain(self._names.source)}: {refused.reason}.",
                hint=self._names.check,
                status=Exit.UNKNOWN,
            ) from refused

    def _look_again(self, stale: _Standing) -> bool:
        """Whether an end is another one now; then nobody stands there any more, and the next one looks anew."""
        ends = [end for end in (stale.edge.source, stale.edge.target) if end.kind == "container"]
        if not any(stale.vantages.changed(end) for end in ends):
            return False
        with self._lock:
            if self._standing is stale:
                self._standing = None
        # Streams that run through it end with it: their container is gone, or has a new network namespace.
        stale.vantages.close()
        return True


@dataclass(frozen=True, slots=True)
class _Standing:
    topology: Topology
    edge: Edge
    port: int
    vantages: Vantages
    vantage: Vantage

    def address(self, who: str) -> str | None:
        """Where the target is now, as the source would find it; else on a network that both are on.

        Raises LookupFailed where neither is known.
        """
        name = self.edge.name
        if name is None:
            return self._shared()
        if _is_ip(name):
            return name
        try:
            found = look_up(self.vantage, name, who=who) if self.edge.source != HOST else None
        except LookupFailed:
            shared = self._shared()
            if shared is None:
                raise
            return shared
        return found if found is not None else self._shared()

    def _shared(self) -> str | None:
        source, target = (self.topology.container(end) for end in (self.edge.source, self.edge.target))
        if target is None:
            return None
        if source is not None and self.topology.network_owner(source) == self.topology.network_owner(target):
            return "127.0.0.1"
        endpoints = self.topology.endpoints_of(target)
        if source is not None:
            shared = {network.id for network in self.topology.shared_networks(source, target)}
            endpoints = tuple(each for each in endpoints if each.network in shared)
        return next((address for each in endpoints for address in each.addresses), None)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
