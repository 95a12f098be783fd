"""Telling the platform that owns a stack, over its API: read, edit with our own editor, write, read back, compare.

These APIs have no lock and no version to compare: the text is read once more right before it is written, and a change
by somebody else refuses the write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from netdoctor.compose_edit import EditRefused, plan_join, same_meaning
from netdoctor.fixes.journal import Journal, PanelChange, StepState
from netdoctor.fixes.permanent import Declared, PanelPatch, Paste, Permanent
from netdoctor.model import Container, Membership
from netdoctor.platforms._http import PanelError, PanelUnsure
from netdoctor.platforms.interface import PLATFORMS, Api, Ask, Held, Permanence, Platform, name_of
from netdoctor.terminal import plain

_LOOKS = 3
_PAUSE = 2.0
"""Seconds between two looks at a panel that did not say whether a change arrived."""

_ALREADY_SAID = ("On ", "The service's default route", "Compose creates service")
"""Notices of the editor that are said better by the plan of the live fix, or by what the platform does."""


class Panel(Ask, Protocol):
    """An opened panel."""

    address: str


OpenPanel = Callable[[str, Platform, str | None], Panel]
"""Registered name, platform, the address it has to be (None: the user's). Raises UsageError where nothing is known."""


@dataclass(slots=True)
class Panels:
    """The panels of one run."""

    open: OpenPanel
    disruptive: bool = False
    sleep: Callable[[float], None] = time.sleep
    _written: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """What this run has left at a panel: platform, resource -> state."""

    def plan(
        self,
        container: Container,
        membership: Membership,
        platform: Platform,
        permanence: Permanence,
        planned: Sequence[PanelPatch],
    ) -> PanelPatch | Declared | Paste:
        """What the platform has to be told. Nothing is changed. Raises UsageError."""

        def by_hand(why: str) -> Paste:
            return Paste(container.name, membership, permanence.platform, why, permanence.text)

        api = platform.api
        if api is None or not api.serves(container):
            return by_hand(f"{permanence.why} There is no call of an API for it.")
        if api.interrupts and not self.disruptive:
            return by_hand(f"{permanence.why} Told over its API, it makes containers anew at once: add --disruptive.")
        name = name_of(platform)
        ask = self.open(name, platform, None)
        try:
            held = api.find(ask, container)
            pending = next(
                (p for p in reversed(planned) if (p.platform, p.now.resource) == (name, held.resource)), None
            )
            now = held if pending is None else replace(held, **_fields(pending.wanted))
            wanted, notes = _wanted(api, now, container, membership)
        except PanelError as error:
            return by_hand(f"{error.message} {error.hint}".strip())
        except EditRefused as refused:
            return by_hand(f"Its compose text is not edited: {plain(str(refused))}. {plain(refused.next_step)}")
        if wanted.state == now.state:
            return Declared(container.name, f"{held.title} in {platform.title}")
        return PanelPatch(
            container.name,
            membership,
            name,
            platform.title,
            ask.address,
            container.service or container.name,
            now,
            wanted,
            by_hand(permanence.why),
            (*notes, *_warnings(api, platform, now, wanted)),
            held,
            api.interrupts,
        )

    def write(self, patch: PanelPatch, container: Container, journal: Journal, transaction: str) -> None:
        """Tell it, journalled; read back. Raises PanelError when that did not end as planned."""
        platform = PLATFORMS.get(patch.platform)
        api = _api(platform)
        ask = self.open(patch.platform, platform, patch.address)
        resource = patch.now.resource
        current = api.read(ask, resource)
        wanted = patch.wanted
        if current.state != patch.now.state:
            ours = self._written.get((patch.platform, resource))
            if current.state not in (ours, patch.read.state if patch.read is not None else None):
                raise PanelError(
                    f"{patch.where} was changed by somebody else meanwhile. Nothing was written.",
                    hint="Run netdoctor fix --persist --apply again.",
                )
            # With our own earlier change of this run as the platform laid it out, or without it.
            try:
                wanted, _ = _wanted(api, current, container, patch.membership)
            except EditRefused as refused:
                raise PanelError(f"{patch.where} is not edited: {plain(str(refused))}.") from refused
        number = next(len(t.panels) for t in journal.transactions() if t.id == transaction)
        title = f"{patch.now.title} in {patch.owner}"
        change = PanelChange(patch.platform, patch.address, resource, title, current.state, wanted.state)
        journal.intend_panel(transaction, change)
        unsure: PanelUnsure | None = None
        try:
            api.write(ask, current, wanted)
        except PanelUnsure as error:
            unsure = error
        except PanelError:
            journal.mark_panel(transaction, number, StepState.NOT_DONE)
            raise
        try:
            after = self._look(api, ask, resource, wanted.state, unsure)
        except PanelError as error:
            raise PanelError(
                f"{patch.where} was told, and could not be read back: {error.message}",
                hint="Look at it there. netdoctor undo puts back what it was.",
            ) from error
        if after == current.state:
            if unsure is not None:
                raise PanelError(
                    f"{unsure.message} Nobody said whether the change arrived; it does not show there now.",
                    hint="Look again in a minute: netdoctor undo takes it back if it arrived.",
                )
            journal.mark_panel(transaction, number, StepState.NOT_DONE)
            raise PanelError(f"{patch.where} said yes and changed nothing.", hint=f"Do it in {patch.owner} by hand.")
        journal.mark_panel(transaction, number, StepState.DONE, after)
        self._written[patch.platform, resource] = after
        if not alike(api, after, wanted.state):
            raise PanelError(
                f"{patch.where} does not read back as it was told.",
                hint="Look at it there. netdoctor undo puts back what it was.",
            )

    def take_back(self, change: PanelChange) -> str:
        """For ``undo``: what it had before, when it still has what it was told. Raises PanelError, UsageError."""
        platform = PLATFORMS.get(change.platform)
        api = _api(platform)
        ask = self.open(change.platform, platform, change.address)
        where = change.title
        current = api.read(ask, change.resource)
        if alike(api, current.state, change.before):
            return ""
        if not alike(api, current.state, change.after or change.wanted):
            raise PanelError(
                f"{where} was changed since. Nothing was changed.",
                hint="Take the lines out there, then take the fix off the list with: netdoctor undo --forget",
            )
        unsure: PanelUnsure | None = None
        try:
            api.write(ask, current, replace(current, **_fields_of(change.before)))
        except PanelUnsure as error:
            unsure = error
        after = self._look(api, ask, change.resource, change.before, unsure)
        if not alike(api, after, change.before):
            raise PanelError(f"{where} does not read back as it was before.", hint="Look at it there.") from unsure
        return api.afterwards(change.resource)

    def _look(
        self, api: Api, ask: Ask, resource: str, hoped: Mapping[str, Any], unsure: PanelUnsure | None
    ) -> dict[str, Any]:
        """What it has now; looked at more than once when nobody said whether a change arrived."""
        now = api.read(ask, resource).state
        for _ in range(_LOOKS - 1 if unsure is not None else 0):
            if alike(api, now, hoped):
                break
            self.sleep(_PAUSE)
            now = api.read(ask, resource).state
        return now


def write_panels(
    permanent: Permanent,
    find: Callable[[str], Container | None],
    panels: Panels | None,
    journal: Journal,
    transaction: str,
) -> tuple[tuple[PanelPatch, ...], tuple[Paste, ...]]:
    """Tell every platform; returns what was told and read back, and what is left to the user."""
    told: list[PanelPatch] = []
    left: list[Paste] = []
    for patch in permanent.panels:
        container = find(patch.membership.container)
        if panels is None or container is None:
            left.append(patch.by_hand)
            continue
        try:
            panels.write(patch, container, journal, transaction)
            told.append(patch)
        except PanelError as error:
            left.append(replace(patch.by_hand, why=f"{error.message} {error.hint}".strip()))
    return tuple(told), tuple(left)


def alike(api: Api, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two states are the same, as far as this platform keeps what it is told."""
    if one.get("flags") != other.get("flags"):
        return False
    was, now = one.get("text"), other.get("text")
    if was == now or not api.redraws or not isinstance(was, str) or not isinstance(now, str):
        return bool(was == now)
    return same_meaning(was.encode("utf-8", "surrogatepass"), now.encode("utf-8", "surrogatepass"))


def _wanted(api: Api, now: Held, container: Container, membership: Membership) -> tuple[Held, tuple[str, ...]]:
    """Raises EditRefused, PanelError."""
    flags = api.switch(now, container, membership)
    if flags:
        return replace(now, flags={**now.flags, **flags}), ()
    if now.text is None:
        raise PanelError(
            f"The compose text of {now.title} is not kept there: it comes from a repository.",
            hint="Add the lines in the repository.",
        )
    service = container.service or container.name
    aliases = [alias for alias in membership.aliases if alias not in (service, container.name)]
    edit = plan_join(
        now.text.encode("utf-8", "surrogatepass"), service, membership.network, aliases, project=container.project
    )
    notices = tuple(each for each in edit.notices if not each.startswith(_ALREADY_SAID))
    return replace(now, text=edit.result.decode()), notices


def _warnings(api: Api, platform: Platform, now: Held, wanted: Held) -> tuple[str, ...]:
    said = []
    if api.redraws and now.text != wanted.text:
        lost = ", and its comments are lost" if now.text is not None and "#" in now.text else ""
        said.append(f"{platform.title} lays the text out anew when it is told over its API{lost}.")
    if api.interrupts:
        said.append(f"{platform.title} deploys the stack at once: its changed containers are made anew.")
    else:
        said.append(api.afterwards(now.resource))
    return tuple(said)


def _api(platform: Platform) -> Api:
    api = platform.api
    if api is None:
        raise PanelError(f"{platform.title} has no API that could be told.")
    return api


def _fields(held: Held) -> dict[str, Any]:
    return {"text": held.text, "flags": held.flags}


def _fields_of(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": state["text"], "flags": dict(state["flags"])}
