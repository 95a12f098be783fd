"""A folder of exports of any kind that is a file, read one after the other in the order of their paths."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from netdoctor.errors import UsageError
from netdoctor.migration.points import default_namespace
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sources._file import stamp_of
from netdoctor.migration.sources.interface import SOURCES, Access, Cursor, Resumable, Source, SourceKind, options_of
from netdoctor.migration.unpack import head_of

_ASIDE = (
    ".crc",
    ".netdoctor.sqlite",
    ".netdoctor.sqlite-wal",
    ".netdoctor.sqlite-shm",
    ".netdoctor.sqlite-journal",
    ".planning",
)
_ABOUT = frozenset({"VDF_META.json"})
_HIDDEN = (".", "_")
_MOST_NAMED = 5
_NAMESPACE = "namespace="


class Folder:
    """Records are counted over all files; offsets are those in their file. Thread-compatible: one reader at a time.

    A file that lies in a folder ``namespace=NAME`` has that namespace, where its records have none themselves.
    """

    def __init__(self, path: Path, access: Access) -> None:
        self._path = path
        self._access = access
        if _is_embedded(path):
            raise UsageError(
                f"{path} is an embedded Qdrant, which cannot be read as a source.",
                hint="name the exports that it was made from, or a server: qdrant://HOST/COLLECTION",
            )
        try:
            listed = _listed(path)
        except OSError as error:
            raise UsageError(
                f"The folder {path} cannot be read: {error.filename}: {error.strerror or error}.",
                hint="make all of it readable, or put a dot before a name that is to be passed over",
            ) from error
        self._files = [(each, _kind_of(each, self._told(each))) for each in listed]
        if not self._files:
            raise UsageError(f"The folder {path} holds no export.", hint="name the folder that the exports are in")
        unknown = [self._told(each) for each, kind in self._files if kind is None]
        if unknown:
            shown = ", ".join(unknown[:_MOST_NAMED]) + (" and others" if len(unknown) > _MOST_NAMED else "")
            raise UsageError(
                f"In the folder {path} there is what is not recognised as one of the sources "
                f"({', '.join(SOURCES.names())}): {shown}.",
                hint="move it elsewhere, or put a dot before its name: such files are passed over",
            )
        self._digests: dict[Path, str] = {}
        self._now: tuple[int, int, Source] | None = None

    @property
    def label(self) -> str:
        return self._path.resolve().name or str(self._path)

    @property
    def size(self) -> int:
        return 0

    @property
    def live(self) -> bool:
        return False

    def stamp(self) -> str:
        """Of all files, their names and order included."""
        told = hashlib.sha256()
        for path in _listed(self._path):
            told.update(f"{self._told(path)!r} {stamp_of(path)}\n".encode())
        return told.hexdigest()[:32]

    def digest(self) -> str:
        told = hashlib.sha256()
        for path, _ in self._files:
            told.update(f"{self._told(path)!r} {self._digests.get(path, '')}\n".encode())
        return told.hexdigest()[:32]

    def cursor(self, record: Record) -> Cursor:
        """``[file, records before it, place in it]``."""
        assert self._now is not None  # of a record that was just read
        index, before, source = self._now
        return [index, before, source.cursor(record._replace(number=record.number - before))]

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        first, before, inner = _place(start, len(self._files))
        for index in range(first, len(self._files)):
            path = self._files[index][0]
            source = self._open(index)
            self._now = (index, before, source)
            namespace = _namespace(path.relative_to(self._path))
            count = 0
            for found in source.records(inner):
                count = found.number
                if isinstance(found, BadRecord):
                    where = f"{found.reason}, in {self._told(path)} (its record {found.number})"
                    # The other files can be read all the same.
                    yield replace(found, number=before + found.number, reason=where, fatal=False)
                elif namespace and not found.namespace:
                    yield found._replace(number=before + found.number, namespace=namespace)
                else:
                    yield found._replace(number=before + found.number)
            if inner is None:
                self._digests[path] = source.digest()
            before, inner = before + count, None

    @property
    def reading(self) -> str:
        return json.dumps([[kind.name for _, kind in self._files if kind], sorted(self._access.options.items())])

    def fingerprint(self) -> None:
        for index, (path, _) in enumerate(self._files):
            source = self._open(index)
            if isinstance(source, Resumable):
                source.fingerprint()
                self._digests[path] = source.digest()

    def _open(self, index: int) -> Source:
        path, kind = self._files[index]
        assert kind is not None
        own = {name: value for name, value in self._access.options.items() if name in (options_of(kind) or ())}
        return kind.open(str(path), replace(self._access, options=own))

    def _told(self, path: Path) -> str:
        return path.relative_to(self._path).as_posix()


def _listed(folder: Path) -> list[Path]:
    """The files in it, at any depth, in the order of their paths' bytes. Links to folders are not followed.

    Raises OSError for a folder that cannot be read: what is in it would be missing, and nobody would know.
    """
    found = []
    for at, folders, files in os.walk(folder, onerror=_refuse):
        here = Path(at)
        folders[:] = [name for name in folders if not name.startswith(_HIDDEN) and not _is_embedded(here / name)]
        for name in files:
            aside = name.startswith(_HIDDEN) or name in _ABOUT or name.endswith(_ASIDE)
            if not aside and (here / name).is_file():
                found.append(here / name)
    return sorted(found, key=lambda path: [part.encode("utf-8", "surrogateescape") for part in path.parts])


def _refuse(error: OSError) -> None:
    raise error


def _is_embedded(folder: Path) -> bool:
    """Whether it is what ``--to ./folder`` makes: it may well lie beside the exports."""
    return (folder / ".lock").is_file() and (folder / "meta.json").is_file()


def _kind_of(path: Path, told: str) -> SourceKind | None:
    try:
        head = head_of(path)
    except OSError as error:
        raise UsageError(f"The export {told} cannot be read: {error.strerror or error}.") from error
    return next((kind for kind in SOURCES if kind.recognises(str(path), head)), None)


def _namespace(path: Path) -> str:
    """As tables partitioned by folders write it."""
    named = [part for part in path.parts[:-1] if part.startswith(_NAMESPACE)]
    return default_namespace(unquote(named[-1].removeprefix(_NAMESPACE))) if named else ""


def _place(start: Cursor, files: int) -> tuple[int, int, Cursor]:
    if start is None:
        return 0, 0, None
    if isinstance(start, list) and len(start) == 3:
        index, before, inner = start
        if isinstance(index, int) and isinstance(before, int) and 0 <= index < files and before >= 0:
            return index, before, inner
    raise MalformedExport("The plan's places are of another kind of source.", hint="make the plan again")


class _Kind:
    name = "folder"

    @property
    def options(self) -> frozenset[str]:
        """Those of what may be in it."""
        others = (options_of(SOURCES.get(name)) for name in SOURCES.names() if name != self.name)
        return frozenset().union(*(each for each in others if each is not None))

    def recognises(self, given: str, head: bytes | None) -> bool:
        return head is None and "://" not in given and Path(given).is_dir()

    def open(self, given: str, access: Access) -> Source:
        return Folder(Path(given), replace(access, kind=""))


SOURCES.add("folder", _Kind(), home=__name__)
