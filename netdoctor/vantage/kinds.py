"""How each kind of vantage is come by, and why it may be impossible. Cheapest first."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass

from netdoctor.commands import as_root
from netdoctor.engine.client import Engine
from netdoctor.errors import Gone, NetdoctorError
from netdoctor.model import Container
from netdoctor.vantage.interface import CannotAsk, Vantage
from netdoctor.vantage.process import ContainerProcess, NotProven, prove


class Impossible(Exception):
    """This kind cannot stand there. ``reason`` completes "<kind>: ..."; ``hint`` is how to get it."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Site:
    """Where a vantage is wanted, and what may be used for it."""

    engine: Engine
    container: Container
    probe_images: tuple[str, ...]
    """Images that can be a helper, the preferred one first."""
    pulled_image: str | None
    """What may be fetched when the engine has none of them; None: nothing."""

    def read_file(self, path: str) -> str:
        """A file of the container through the engine. Raises CannotAsk."""
        try:
            return self.engine.read_file(self.container.id, path).decode("utf-8", "replace")
        except NetdoctorError as error:
            raise CannotAsk(error.message) from error

    def process(self) -> ContainerProcess:
        """Its main process, proven. Raises NotProven, Impossible."""
        return prove(self.container, self._identity)

    def still_the_same(self) -> None:
        """Raises CannotAsk when the container has ended or been restarted since the topology was taken."""
        state = self.container.state
        try:
            now = self._identity()
        except (Impossible, NetdoctorError) as error:
            raise CannotAsk(str(error)) from error
        if state is None or now != (state.pid, state.started_at):
            raise CannotAsk(f"{self.container.name} ended or was restarted while it was asked")

    def _identity(self) -> tuple[int | None, str | None]:
        try:
            state = self.engine.inspect_container(self.container.id).get("State") or {}
        except Gone:
            raise Impossible(f"{self.container.name} has been removed in the meantime") from None
        return state.get("Pid") or None, state.get("StartedAt") or None


Kind = Callable[[Site], Vantage]


def netns(site: Site) -> Vantage:
    from netdoctor.vantage.netns import NetnsVantage

    if not site.engine.on_this_machine:
        raise Impossible("the engine runs on another machine", "run netdoctor on the engine's machine")
    try:
        process = site.process()
    except NotProven as error:
        raise Impossible(str(error)) from error
    try:
        return NetnsVantage(site.container, process, site.read_file)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            raise Impossible("entering a network namespace needs root", as_root("...")) from error
        raise Impossible(f"the namespace cannot be entered: {error.strerror}") from error


def _sidecar(site: Site) -> Vantage:
    from netdoctor.vantage.sidecar import sidecar

    return sidecar(site)


def _exec(site: Site) -> Vantage:
    from netdoctor.vantage.exec import exec_

    return exec_(site)


KINDS: dict[str, Kind] = {"netns": netns, "sidecar": _sidecar, "exec": _exec}
"""In the order ``auto`` tries them."""
