"""Which vantage for which container: asked for by name, or the cheapest that works."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from netdoctor.engine.client import Engine
from netdoctor.errors import EngineUnreachable, Gone, NetdoctorError, NoVantage, UsageError
from netdoctor.model import HOST, Container, Ref, State, Topology
from netdoctor.vantage.interface import CannotAsk, Vantage
from netdoctor.vantage.kinds import KINDS, Impossible, Site

log = logging.getLogger(__name__)

PREFERENCES = ("auto", *KINDS)
PROBE_IMAGES = ("netdoctor-lab/probe:1", "python:3-alpine", "python:3-slim", "python:3")
"""Any image with python3 can be a helper: the first of these that the engine has, where none is named."""
PULLED_IMAGE = "python:3-alpine"
"""The one to fetch when pulling is allowed; the smallest."""
PROBE_IMAGE_VARIABLE = "NETDOCTOR_PROBE_IMAGE"
OTHER_TRACE = {"exec": "docker exec", "sidecar": "a helper container"}


@dataclass(slots=True)
class _Slot:
    """One place. Filled once, whatever came of it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    vantage: Vantage | None = None
    refused: NetdoctorError | None = None


class Vantages:
    """The vantages of one run: at most one per network namespace, made when first asked for. Thread-safe."""

    def __init__(
        self,
        engine: Engine,
        topology: Topology,
        *,
        preference: str = "auto",
        probe_image: str | None = None,
        allow_pull: bool = False,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        """``preference``: auto, or one kind by name. ``notice`` is told, once each, what was not possible and why.

        Raises UsageError for an unknown preference.
        """
        if preference not in PREFERENCES:
            raise UsageError(f"There is no vantage {preference!r}.", hint=f"Choose one of: {', '.join(PREFERENCES)}.")
        self._engine = engine
        self._topology = topology
        self._kinds = tuple(KINDS) if preference == "auto" else (preference,)
        named = probe_image or os.environ.get(PROBE_IMAGE_VARIABLE)
        self._probe_images = (named,) if named else PROBE_IMAGES
        self._pulled_image = named or PULLED_IMAGE
        self._allow_pull = allow_pull
        self._notice = notice
        self._noticed: set[str] = set()
        self._used: dict[str, None] = {}
        self._lock = threading.Lock()
        self._slots: dict[Ref, _Slot] = {}
        self._closed = threading.Event()
        self._lost: EngineUnreachable | None = None

    def at(self, ref: Ref) -> Vantage:
        """The vantage of that container, or of this machine (``HOST``).

        Raises CannotAsk when nobody could stand there (not running, outside Docker), NoVantage when no kind of
        vantage is possible, with the reason for each.
        """
        place = ref.whole
        if place == HOST:
            return self._filled(HOST, self._host)
        if place.kind != "container":
            raise CannotAsk(f"{place.id} is outside Docker; only containers and this machine can be asked from")
        container = self._topology.container(place)
        if container is None:
            raise CannotAsk(f"container {place.id[:12]} is not in this topology")
        reason = _not_running(container)
        if reason:
            raise CannotAsk(reason)
        return self._filled(self._namespace_of(container), lambda: self._stand_in(container))

    def site(self, container: Container) -> Site:
        """What a vantage in that container could be made of. Raises CannotAsk where it does not run."""
        reason = _not_running(container)
        if reason:
            raise CannotAsk(reason)
        return Site(self._engine, container, self._probe_images, self._pulled_image if self._allow_pull else None)

    def changed(self, ref: Ref) -> str | None:
        """Asks the engine again: what has changed about that container since the topology was taken, or None.

        An engine that does not answer counts as a change, since nothing is known then.
        """
        container = self._topology.container(ref.whole)
        if container is None:
            return None
        from netdoctor.topology.engine import read_container

        networks = self._topology.networks
        try:
            entry = self._engine.inspect_container(container.id)
        except Gone:
            return f"{container.name} has been removed"
        except NetdoctorError as error:
            return f"{container.name} cannot be inspected again: {error.message}"
        now = read_container(entry, {each.id: each for each in networks}, {each.name: each for each in networks})
        return _difference(container, now)

    def listed(self, network: str) -> list[tuple[str, str, tuple[str, ...]]]:
        """Whom that network lists itself (``Engine.listed``)."""
        return self._engine.listed(network)

    def used(self) -> tuple[str, ...]:
        """What left a trace on the engine and belongs in the report: an exec, a helper container."""
        with self._lock:
            return tuple(self._used)

    def close(self) -> None:
        """Close every vantage. Never raises; may be called twice."""
        with self._lock:
            self._closed.set()
            slots = list(self._slots.values())
            self._slots.clear()
        for slot in slots:
            with slot.lock:
                vantage, slot.vantage = slot.vantage, None
            if vantage is not None:
                vantage.close()

    def __enter__(self) -> Vantages:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _filled(self, key: Ref, make: Callable[[], Vantage]) -> Vantage:
        with self._lock:
            if self._closed.is_set():
                raise CannotAsk("the vantages of this run are closed")
            slot = self._slots.setdefault(key, _Slot())
        with slot.lock:
            if self._closed.is_set():
                raise CannotAsk("the vantages of this run are closed")
            if self._lost is not None and slot.vantage is None:
                raise self._lost
            if slot.refused is not None:
                raise slot.refused
            if slot.vantage is None:
                try:
                    slot.vantage = make()
                except NoVantage as error:
                    slot.refused = error
                    raise
                except EngineUnreachable as error:
                    # Waited for once: whoever asks next, here or elsewhere, would wait as long for the same.
                    self._lost = error
                    raise
            return slot.vantage

    def _host(self) -> Vantage:
        from netdoctor.vantage.host import HostVantage, contained

        if not self._engine.on_this_machine:
            raise CannotAsk(f"the engine at {self._engine.host.url} runs on another machine; this one is not its host")
        host = HostVantage()
        reason = contained(self._topology, host.addresses())
        if reason:
            raise CannotAsk(reason)
        return host

    def _namespace_of(self, container: Container) -> Ref:
        """One vantage serves all containers that share a namespace (and with it resolv.conf and hosts)."""
        owner = self._topology.network_owner(container)
        if owner is None or _not_running(owner) is not None or _left_behind(container, owner):
            return container.ref
        return owner.ref

    def _stand_in(self, container: Container) -> Vantage:
        site = self.site(container)
        refusals: list[tuple[str, Impossible]] = []
        for kind in self._kinds:
            try:
                vantage = KINDS[kind](site)
            except Impossible as refused:
                log.debug("%s: no %s: %s", container.name, kind, refused.reason)
                refusals.append((kind, refused))
                continue
            if refusals:
                self._tell(refusals, vantage.name)
            self._note_use(container, vantage)
            return vantage
        hints = dict.fromkeys(refused.hint for _, refused in refusals if refused.hint)
        raise NoVantage(
            f"Nothing can be asked from inside {container.name}: "
            + "; ".join(f"{kind}: {refused.reason}" for kind, refused in refusals)
            + ".",
            hint=" Or: ".join(hints),
        )

    def _tell(self, refusals: list[tuple[str, Impossible]], taken: str) -> None:
        for kind, refused in refusals:
            text = f"{kind} is not possible ({refused.reason}); using {taken}"
            if refused.hint:
                text += f". Better: {refused.hint}"
            with self._lock:
                if text in self._noticed:
                    continue
                self._noticed.add(text)
            if self._notice is not None:
                self._notice(text)

    def _note_use(self, container: Container, vantage: Vantage) -> None:
        how = OTHER_TRACE.get(vantage.name)
        if how is None:
            return
        detail = getattr(vantage, "detail", "")
        with self._lock:
            self._used[f"{container.name} was asked through {how}{f' ({detail})' if detail else ''}"] = None


def _left_behind(container: Container, owner: Container) -> bool:
    """The owner was restarted after it: the borrower still stands in the old namespace, which holds nothing now."""
    if container.id == owner.id or container.state is None or owner.state is None:
        return False
    try:
        began = datetime.fromisoformat(container.state.started_at or "")
        again = datetime.fromisoformat(owner.state.started_at or "")
    except ValueError:
        return False
    return again > began


def _not_running(container: Container) -> str | None:
    state = container.state
    if state is None:
        return f"whether {container.name} runs is not known from this source"
    if state.restarting:
        return f"{container.name} is restarting"
    if not state.running:
        return f"{container.name} is not running ({state.status})"
    return None


def _difference(before: Container, now: Container) -> str | None:
    was, state = before.state or State("unknown"), now.state or State("unknown")
    if _not_running(now) is not None and _not_running(before) is None:
        return _not_running(now)
    if (was.pid, was.started_at) != (state.pid, state.started_at):
        return f"{before.name} was restarted"
    if was.paused != state.paused:
        return f"{before.name} was {'paused' if state.paused else 'resumed'}"
    old = {(each.network, each.ipv4, each.ipv6, each.aliases) for each in before.endpoints}
    new = {(each.network, each.ipv4, each.ipv6, each.aliases) for each in now.endpoints}
    if old != new:
        return f"{before.name}'s networks or addresses changed"
    return None
