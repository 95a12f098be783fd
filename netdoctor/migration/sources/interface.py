"""What a source of vectors must be able to do: a file that can be read again, or a live index.

Both are one loop's input. A *file* source has a fixed order and a fingerprint: its plan is made by reading all of it.
A *live* source cannot promise that: its plan is made from its list of ids (kept on disk, :class:`Listing`) and a
sample, the list fixes the order for every later run, and what does not fit any more is reported where it is met.

One more source is one module of this folder: a :class:`SourceKind` added to :data:`SOURCES`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, Union, runtime_checkable

from netdoctor.errors import UsageError
from netdoctor.migration.listing import Listing
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.unpack import head_of
from netdoctor.registry import Registry
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.migration.address import Address
    from netdoctor.vantage.interface import Vantage

Cursor: TypeAlias = Union[bool, int, float, str, list["Cursor"], dict[str, "Cursor"], None]  # noqa: UP007  # recursive
"""A place between two records. Opaque; JSON keeps it; only the kind that gave it can read it. None: the start."""


def place_in_file(cursor: Cursor) -> tuple[int, int]:
    """Number and byte offset out of a cursor ``[number, offset]``, which is what sources of one text file give.

    Raises MalformedExport for any other: the plan is of something else.
    """
    if isinstance(cursor, list) and len(cursor) == 2:
        number, offset = cursor
        if isinstance(number, int) and isinstance(offset, int) and number > 0 and offset >= 0:
            return number, offset
    raise MalformedExport("The plan's places are of another kind of source.", hint="make the plan again")


class Source(Protocol):
    """An opened source. Reading it twice from the start gives the same records in the same order.

    Thread-compatible: one reader at a time.
    """

    @property
    def label(self) -> str:
        """What people call it: the file's name."""

    @property
    def size(self) -> int:
        """Bytes; 0 where that means nothing."""

    @property
    def live(self) -> bool:
        """True: it is a :class:`LiveSource`."""

    def stamp(self) -> str:
        """Changes when the source may have changed; cheap (size and time of a file). Live: names the index."""

    def digest(self) -> str:
        """Fingerprint of the content as last read from its start to its end. Live: the same as :meth:`stamp`."""

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        """The records from ``start`` on, in bounded memory. A fatal BadRecord is the last thing yielded.

        Numbers go on where they would have been: a record has the same number wherever reading began.
        """

    def cursor(self, record: Record) -> Cursor:
        """A place at or shortly before a record that :meth:`records` has just yielded; bounded in size.

        "Shortly": reading from there comes to the record without more than a page (row group, thousand records) of
        others before it.
        """


@runtime_checkable
class Resumable(Source, Protocol):
    """A file source whose plan pass need not begin at its first record again."""

    @property
    def reading(self) -> str:
        """What is read of it depends on this, beside its content: options."""

    def fingerprint(self) -> None:
        """Make :meth:`digest` known from the bytes alone. Leaves it be where they cannot be read."""


@runtime_checkable
class LiveSource(Source, Protocol):
    """An index that others may change while it is read. ``live`` is True.

    :meth:`follow` is called once, before :meth:`records`: record ``n`` (from 1) is the list's entry ``n - 1``, and one
    that is gone by then is a BadRecord with that number, reported after it was asked for once more. What is not in
    the list is not migrated. A cursor is simply a record's number: ``records(500)`` begins with the list's entry 499.
    Numbers ascend; every entry gives a Record or a BadRecord. ``records`` may be closed half-way, and must then stop
    its threads. Without ``follow`` it lists for itself while it reads (an export, which has no plan).
    """

    @property
    def metric(self) -> Metric | None:
        """How the index measures; None when it does not say."""

    def ids(self) -> Iterator[tuple[str, str]]:
        """(Namespace, id) of everything, each once, namespaces one after another, in a repeatable order."""

    def sample(self, count: int) -> Iterator[Record | BadRecord]:
        """At most ``count`` records, of every namespace some: dimension and number kinds are guessed from them."""

    def follow(self, listing: Listing) -> None:
        """Read these, in this order."""

    def cost(self, ids: int) -> str:
        """What reading ``ids`` records costs beside time (read units, money), in a sentence; "" for nothing."""

    def notes(self) -> tuple[str, ...]:
        """What a report must add after reading: sentences. Cheap, may be asked at any time."""

    def close(self) -> None:
        """Never raises."""


class IdGroup(NamedTuple):
    """Some ``ids`` of one namespace as an index lists them, and the place ``after`` them, where a listing goes on.

    ``again``: what was given of this namespace is void, it is listed from its start; then there are no ids.
    """

    namespace: str
    ids: list[str]
    after: Cursor
    again: bool = False


@runtime_checkable
class Listable(LiveSource, Protocol):
    """A live source whose listing can be gone on with by another process."""

    def groups(self, after: Cursor = None) -> Iterator[IdGroup]:
        """What :meth:`ids` gives, group by group, from a place on that an earlier listing came to.

        Together with what was listed up to there every id comes once.
        Raises MalformedExport for a place of another kind.
        """

    def remember(self, ids: Iterable[tuple[str, str]]) -> None:
        """An earlier process has listed these, from the first on: :meth:`sample` chooses as if it was this one."""


Reach: TypeAlias = "Callable[[str], tuple[Address, Vantage]]"
"""For a host name, ``host:port`` or URL: its address, and where to dial it from."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a live source needs beside its name. Keys come from the environment or a file, never from arguments."""

    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    """``--source-option NAME=VALUE``: what only one kind knows, like an index's host."""
    api_key_file: Path | None = None
    namespaces: tuple[str, ...] = ()
    """Only these; empty: all."""
    kind: str = ""
    """The source's kind by its registered name; empty: it is recognised."""
    reach: Reach | None = None
    """How a server is reached that is not to be reached from here (from inside a container's network)."""


NO_ACCESS = Access()


class SourceKind(Protocol):
    """One kind of source, registered by name. ``options``, where it has that: the names of its ``--source-option``."""

    name: str

    def recognises(self, given: str, head: bytes | None) -> bool:
        """Whether this kind can read what was named on the command line.

        ``head`` are a file's first 4 KiB; None: it is no file (a folder, or an address like ``pinecone:INDEX``).
        """

    def open(self, given: str, access: Access) -> Source:
        """Raises a NetdoctorError when it cannot be read. A live one may connect here, but reads nothing yet."""


SOURCES: Registry[SourceKind] = Registry("netdoctor.migration.sources")

DEFAULT = "export-json"
"""Opens what is empty or no text, and says so."""


def suited(layout: Layout, source: Source, metric: Metric | None = None) -> Layout:
    """The mapping as the source needs it: its numbers as they stand, where it knows integers from floats (``exact``).

    ``metric``: what was asked for; None: the live source's own, where it has one.
    """
    own = source.metric if isinstance(source, LiveSource) else None
    return replace(layout, metric=metric or own or layout.metric, exact=bool(getattr(source, "exact", False)))


def open_source(given: str | Path, access: Access = NO_ACCESS) -> Source:
    """The source of that name, by its kind. Raises UsageError when it cannot be read."""
    kind = kind_of(given, access)
    options = options_of(kind)
    unknown = sorted(set(access.options) - options) if options is not None else []
    if unknown:
        own = ", ".join(sorted(options or ()))
        raise UsageError(
            f"The source {kind.name} has no option {unknown[0]!r}.", hint=f"it has: {own}" if own else "it has none"
        )
    source = kind.open(str(given), access)
    if access.namespaces and not source.live:
        raise UsageError(
            "--namespace chooses what is read of a live index; a file is migrated as a whole.",
            hint="export only that namespace, or migrate all and drop the other collections",
        )
    return source


def options_of(kind: SourceKind) -> frozenset[str] | None:
    """None: it looks at them by itself."""
    return getattr(kind, "options", None)


def kind_of(given: str | Path, access: Access = NO_ACCESS) -> SourceKind:
    """The kind that was asked for, or that recognises what is named. Raises UsageError."""
    path = Path(given)
    head: bytes | None = None
    try:
        path.stat()
    except (OSError, ValueError) as error:
        # A URL is no file, either; what cannot be a file by its name would not be one further down.
        if not isinstance(error, OSError) or error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            shown = plain(str(path)[:100])
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"The export {shown} cannot be read: {why}.", hint="name the export file first") from error
    if path.exists() and not path.is_file() and not path.is_dir():
        # A pipe or a device ends where it ends, and cannot be read twice.
        raise UsageError(f"The export {path} cannot be read: it is no file.", hint="name the export file first")
    if path.is_file():
        try:
            head = head_of(path)
        except OSError as error:
            raise UsageError(
                f"The export {path} cannot be read: {error.strerror or error}.", hint="name the export file first"
            ) from error
    if access.kind:
        if access.kind not in SOURCES:
            raise UsageError(f"There is no source {access.kind!r}.", hint=f"sources: {', '.join(SOURCES.names())}")
        return SOURCES.get(access.kind)
    for kind in SOURCES:
        if kind.recognises(str(given), head):
            return kind
    if head is None and not path.is_dir():
        why = "No such file or directory" if not path.exists() else "it is no file"
        raise UsageError(f"The export {path} cannot be read: {why}.", hint="name the export file first")
    if head is not None and (not head or b"\x00" in head[:4] or head.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return SOURCES.get(DEFAULT)  # empty, or UTF-16: it says so
    raise UsageError(
        f"{path} is not recognised as one of the sources: {', '.join(SOURCES.names())}.",
        hint="name its kind with --source, if it is one of them",
    )
