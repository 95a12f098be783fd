"""What was changed, with its inverse, as transactions: read back from the journal's records after any kind of end."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import uuid4

from netdoctor.compose_edit import Insertion
from netdoctor.fixes.codec import operation_from_json, operation_to_json
from netdoctor.fixes.snapshot import Snapshot
from netdoctor.fixes.store import JournalError, Record, Store
from netdoctor.model import Operation


class StepState(Enum):
    INTENDED = "intended"
    """Written before the engine was asked: may or may not have happened."""
    DONE = "done"
    NOT_DONE = "not_done"
    """The engine refused, or there was nothing to do."""
    REVERTED = "reverted"


class End(Enum):
    OPEN = "open"
    """It was killed, or it could not be rolled back: somebody has to finish or revert it."""
    KEPT = "kept"
    ROLLED_BACK = "rolled_back"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class JournalStep:
    operation: Operation
    inverse: Operation
    state: StepState = StepState.INTENDED
    made: str | None = None
    """The id of the network that it created."""

    @property
    def may_stand(self) -> bool:
        return self.state in (StepState.INTENDED, StepState.DONE)


@dataclass(frozen=True, slots=True)
class FileChange:
    """A compose file that was patched: its bytes before, the digest after, the inserted text."""

    path: str
    original: bytes
    result_digest: str
    insertions: tuple[Insertion, ...]
    state: StepState = StepState.INTENDED
    created: bool = False
    """There was no such file before: taking it back means that there is none again."""


@dataclass(frozen=True, slots=True)
class PanelChange:
    """What a platform keeps about a stack was changed over its API: as it was, as it was to be, as it read back.

    The three are ``{"text": str, "flags": {name: bool}}``; ``after`` is None until it was read back.
    """

    platform: str
    """Its registered name: ``coolify``."""
    address: str
    """The panel's URL, without credentials."""
    resource: str
    """What the platform's API calls it: ``services/<uuid>``."""
    title: str
    before: Mapping[str, Any]
    wanted: Mapping[str, Any]
    after: Mapping[str, Any] | None = None
    state: StepState = StepState.INTENDED


@dataclass(frozen=True, slots=True)
class Transaction:
    id: str
    at: str
    title: str
    planned: tuple[Operation, ...] = ()
    before: tuple[Snapshot, ...] = ()
    after: tuple[Snapshot, ...] = ()
    baseline: Mapping[str, Any] | None = None
    """What ``confirm`` needs to judge it later."""
    inside: Mapping[str, Mapping[str, str]] | None = None
    """resolv.conf and hosts of each touched container as they were: container id, path, text."""
    steps: tuple[JournalStep, ...] = ()
    files: tuple[FileChange, ...] = ()
    panels: tuple[PanelChange, ...] = ()
    end: End = End.OPEN

    @property
    def standing(self) -> tuple[tuple[int, JournalStep], ...]:
        """Steps that are, or may be, in effect, with their numbers."""
        return tuple((number, step) for number, step in enumerate(self.steps) if step.may_stand)

    @property
    def files_standing(self) -> tuple[tuple[int, FileChange], ...]:
        """Files that are, or may be, patched, with their numbers."""
        found = enumerate(self.files)
        return tuple((n, each) for n, each in found if each.state in (StepState.INTENDED, StepState.DONE))

    @property
    def panels_standing(self) -> tuple[tuple[int, PanelChange], ...]:
        """Changes over a platform's API that are, or may be, in effect, with their numbers."""
        found = enumerate(self.panels)
        return tuple((n, each) for n, each in found if each.state in (StepState.INTENDED, StepState.DONE))


class Journal:
    """Transactions over a :class:`Store`. Reading needs no lock; writing is done inside ``locked``."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises JournalBusy, JournalError."""
        with self.store.locked():
            yield

    def transactions(self) -> tuple[Transaction, ...]:
        """All of them, oldest first. Raises JournalError."""
        return fold(self.store.read())

    def interrupted(self) -> Transaction | None:
        """The newest one without an end whose changes may stand."""
        return next((t for t in reversed(self.transactions()) if t.end is End.OPEN and t.standing), None)

    def left_behind(self) -> Transaction | None:
        """The interrupted one, when nobody is in the middle of it. Raises JournalBusy when somebody is."""
        if self.interrupted() is None:
            return None
        with self.locked():
            return self.interrupted()

    def in_effect(self) -> tuple[Transaction, ...]:
        """Those that are in effect, interrupted or kept, the newest first."""
        return tuple(
            t
            for t in reversed(self.transactions())
            if t.end in (End.KEPT, End.OPEN) and (t.standing or t.files_standing or t.panels_standing)
        )

    def begin(
        self,
        title: str,
        planned: Sequence[Operation],
        before: Sequence[Snapshot],
        baseline: Mapping[str, Any],
        inside: Mapping[str, Mapping[str, str]],
    ) -> str:
        """Open a transaction; returns its id."""
        made = uuid4().hex[:12]
        self.store.append(
            {
                "do": "begin",
                "id": made,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "title": title,
                "planned": [operation_to_json(operation) for operation in planned],
                "before": [snapshot.to_json() for snapshot in before],
                "baseline": dict(baseline),
                "inside": {container: dict(files) for container, files in inside.items()},
            }
        )
        return made

    def intend(self, transaction: str, number: int, operation: Operation, inverse: Operation) -> None:
        """Before the engine is asked."""
        self.store.append(
            {
                "do": "intent",
                "id": transaction,
                "step": number,
                "operation": operation_to_json(operation),
                "inverse": operation_to_json(inverse),
            }
        )

    def mark(self, transaction: str, number: int, state: StepState, *, made: str | None = None) -> None:
        """After the engine was asked and looked at again."""
        self.store.append({"do": "step", "id": transaction, "step": number, "state": state.value, "made": made})

    def intend_file(
        self,
        transaction: str,
        path: str,
        original: bytes,
        result: bytes,
        insertions: Sequence[Insertion],
        *,
        created: bool = False,
    ) -> None:
        """Before a file is replaced, or made."""
        self.store.append(
            {
                "do": "file",
                "id": transaction,
                "path": path,
                "original": base64.b64encode(original).decode(),
                "result": digest(result),
                "insertions": [insertion.as_json() for insertion in insertions],
                **({"created": True} if created else {}),
            }
        )

    def mark_file(self, transaction: str, number: int, state: StepState) -> None:
        """``number``: its place among the transaction's files."""
        self.store.append({"do": "file_state", "id": transaction, "file": number, "state": state.value})

    def intend_panel(self, transaction: str, change: PanelChange) -> None:
        """Before a platform's API is asked to change anything."""
        self.store.append(
            {
                "do": "panel",
                "id": transaction,
                "platform": change.platform,
                "address": change.address,
                "resource": change.resource,
                "title": change.title,
                "before": dict(change.before),
                "wanted": dict(change.wanted),
            }
        )

    def mark_panel(
        self, transaction: str, number: int, state: StepState, after: Mapping[str, Any] | None = None
    ) -> None:
        """``number``: its place among the transaction's panels. ``after``: as the platform has it now."""
        self.store.append(
            {
                "do": "panel_state",
                "id": transaction,
                "panel": number,
                "state": state.value,
                "after": dict(after) if after is not None else None,
            }
        )

    def end(self, transaction: str, end: End, after: Sequence[Snapshot] = ()) -> None:
        self.store.append(
            {"do": "end", "id": transaction, "end": end.value, "after": [snapshot.to_json() for snapshot in after]}
        )


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fold(records: Iterable[Record]) -> tuple[Transaction, ...]:
    """Records to transactions. Raises JournalError for a record that makes no sense."""
    found: dict[str, Transaction] = {}
    for record in records:
        try:
            name = str(record["id"])
            found[name] = _begun(record) if record["do"] == "begin" else _told(found[name], record)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise JournalError(
                f"The journal holds a record that makes no sense ({str(record.get('do'))[:20]}: {error}).",
                hint="Nothing was changed. Move the journal away to start a new one.",
            ) from error
    return tuple(found.values())


def _begun(record: Record) -> Transaction:
    return Transaction(
        str(record["id"]),
        str(record["at"]),
        str(record["title"]),
        tuple(operation_from_json(each) for each in record["planned"]),
        tuple(Snapshot.from_json(each) for each in record["before"]),
        baseline=record["baseline"],
        inside=record["inside"],
    )


def _told(so_far: Transaction, record: Record) -> Transaction:
    match record["do"]:
        case "intent":
            if record["step"] != len(so_far.steps):
                raise ValueError("steps out of order")
            made = JournalStep(operation_from_json(record["operation"]), operation_from_json(record["inverse"]))
            return replace(so_far, steps=(*so_far.steps, made))
        case "step":
            steps = list(so_far.steps)
            old = steps[int(record["step"])]
            steps[int(record["step"])] = replace(old, state=StepState(record["state"]), made=record["made"] or old.made)
            return replace(so_far, steps=tuple(steps))
        case "file":
            change = FileChange(
                str(record["path"]),
                base64.b64decode(record["original"], validate=True),
                str(record["result"]),
                tuple(Insertion.from_json(each) for each in record["insertions"]),
                created=bool(record.get("created")),
            )
            return replace(so_far, files=(*so_far.files, change))
        case "file_state":
            files = list(so_far.files)
            files[int(record["file"])] = replace(files[int(record["file"])], state=StepState(record["state"]))
            return replace(so_far, files=tuple(files))
        case "panel":
            over_its_api = PanelChange(
                str(record["platform"]),
                str(record["address"]),
                str(record["resource"]),
                str(record["title"]),
                dict(record["before"]),
                dict(record["wanted"]),
            )
            return replace(so_far, panels=(*so_far.panels, over_its_api))
        case "panel_state":
            panels = list(so_far.panels)
            number = int(record["panel"])
            now = record["after"] if record["after"] is not None else panels[number].after
            panels[number] = replace(panels[number], state=StepState(record["state"]), after=now)
            return replace(so_far, panels=tuple(panels))
        case "end":
            after = tuple(Snapshot.from_json(each) for each in record["after"])
            return replace(so_far, end=End(record["end"]), after=after or so_far.after)
        case other:
            raise ValueError(f"unknown record {other!r}")
