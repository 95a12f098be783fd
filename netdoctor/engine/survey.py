"""One look at every container of an engine: the list, an inspect of each, and whom that could not be had of.

A container that vanishes in between is not there. One that is there and whose inspect is refused, no inspect at all or
of somebody else is neither there nor gone: it is handed over by name, with the error, so that nobody takes it for gone.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netdoctor.engine.lists import MOST, Broken, listed
from netdoctor.engine.translate import unanswered, unusable
from netdoctor.errors import AnswerUnusable, EngineRefused, EngineUnreachable, Gone, NetdoctorError, PermissionRefused

if TYPE_CHECKING:
    from netdoctor.engine.client import Engine

JSON = dict[str, Any]

HELPER_LABEL = "netdoctor.for"
"""On every helper container: the id of the container whose namespace it uses."""
FEW = 12
"""Containers up to which one connection is quicker than opening more (measured)."""
AGAIN = 3
"""Times that the engine may list a container and say that it does not have it; what has really gone is listed once."""
SILENT = 2
"""Inspects that may get no answer in their time until the engine is what does not answer, and not the container."""
HIDDEN = MOST
"""Containers that cannot be looked at, beyond which it is the engine that shows none."""
_MOST_DENIED = 10_000
"""Containers that come and go while they are looked at, after which what was found is all there is."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Listed, and not to be looked at. ``names``, ``labels``: what the list says of it."""

    id: str
    names: tuple[str, ...]
    labels: Mapping[str, str]
    error: NetdoctorError
    anybody: bool = False
    """Its entry in the list is broken, and does not say what it is called: any name may be its."""


@dataclass(frozen=True, slots=True)
class Survey:
    """``containers``: inspects, in the order of the list."""

    containers: tuple[JSON, ...]
    hidden: tuple[Hidden, ...] = ()


def survey(engine: Engine) -> Survey:
    """Of every container, running or not; vanished ones are left out, helpers are no part of it.

    Raises EngineUnreachable when the engine does not answer, or goes on listing what it says it does not have; and
    the first error when not one container can be looked at.
    """
    look = _Look(engine)
    denied: Counter[str] = Counter()
    listed = look.listed()
    while True:
        look.inspect([each for each in listed if each not in look.found])
        missing = [each for each in listed if each not in look.found and each not in look.errors]
        denied.update(missing)
        if not missing or denied.total() > _MOST_DENIED:
            return look.result(listed)
        if max(denied[each] for each in missing) >= AGAIN:
            raise unusable(engine.host, "list the containers", "it names containers that the engine does not know")
        # Gone in the meantime? Then the next list does not have them either.
        listed = look.listed()


class _Look:
    def __init__(self, engine: Engine) -> None:
        self.found: dict[str, JSON] = {}
        self.errors: dict[str, NetdoctorError] = {}
        self.broken: tuple[Broken, ...] = ()
        """Of the last list."""
        self._engine = engine
        self._silent = 0
        self._lock = threading.Lock()

    def listed(self) -> dict[str, JSON]:
        found = listed(self._engine, "/containers/json", "list the containers", all=1, limit=-1, size=0, trunc_cmd=0)
        # Helpers of a run, this one's or another's, come and go: they are no part of what anybody asks about.
        self.broken = tuple(each for each in found.broken if HELPER_LABEL not in (each.labels or {}))
        doubtful = {each.id for each in self.broken}
        return {
            each["Id"]: each
            for each in found.entries
            if HELPER_LABEL not in (each.get("Labels") or {}) and each["Id"] not in doubtful
        }

    def inspect(self, ids: Sequence[str]) -> None:
        """Those that are still there; whom it cannot be had of is not asked again."""
        ids = [each for each in ids if each not in self.errors]
        if len(ids) <= FEW:
            for each in ids:
                self._one(each)
            return
        pool = ThreadPoolExecutor(max_workers=8)
        try:
            list(pool.map(self._one, ids))
        finally:
            # An engine that fails is not asked for all the others.
            pool.shutdown(cancel_futures=True)

    def _one(self, container: str) -> None:
        try:
            self.found[container] = self._engine.inspect_container(container)
        except Gone:
            return
        except (EngineRefused, PermissionRefused, AnswerUnusable) as error:
            self._keep(container, error)
        except EngineUnreachable as error:
            self._unanswered(error)
            self._keep(container, unanswered(self._engine.host, f"inspect container {container[:12]}"))

    def _keep(self, container: str, error: NetdoctorError) -> None:
        """Without the frames it came through, which hold the answer. Raises it when there are too many."""
        if len(self.errors) >= HIDDEN:
            raise error
        error.__cause__ = error.__context__ = None
        self.errors[container] = error.with_traceback(None)

    def _unanswered(self, error: EngineUnreachable) -> None:
        """One container may be stuck inside the engine; where there is nobody, or it happens again, it is the engine.

        Raises the error.
        """
        with self._lock:
            self._silent += 1
            if "timed out" not in error.message or self._silent >= SILENT:
                raise error

    def result(self, listed: Mapping[str, JSON]) -> Survey:
        containers = tuple(self.found[each] for each in listed if each in self.found)
        hidden = tuple(
            Hidden(id_, tuple(entry.get("Names") or ()), entry.get("Labels") or {}, self.errors[id_])
            for id_, entry in listed.items()
            if id_ in self.errors
        )
        hidden += tuple(
            Hidden(
                # A container's id has no such character.
                each.id or f"#{each.number}",
                each.names or ((f"entry {each.number}",) if each.id is None else ()),
                each.labels or {},
                each.error,
                anybody=each.names is None or each.labels is None,
            )
            for each in self.broken
        )
        if hidden and not containers:
            raise hidden[0].error
        return Survey(containers, hidden)
