"""All collections of one server, and their aliases, under one folder."""

from __future__ import annotations

import json
import os
import shutil
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .collection import META, Collection
from .config import check_name, new_config
from .errors import AlreadyExists, BadInput, NotFound, engine_errors

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


class Store:
    """Opens whatever the folder holds; `close` flushes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = RLock()
        self._collections: dict[str, Collection] = {}
        self._aliases: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for meta in sorted(folder.glob(f"*/{META}")):
            collection = Collection.load(meta.parent)
            self._collections[collection.name] = collection
        if self._alias_file.exists():
            self._aliases = json.loads(self._alias_file.read_text())

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._collections)

    def exists(self, name: str) -> bool:
        with self._lock:
            return name in self._collections or name in self._aliases

    def get(self, name: str) -> Collection:
        """The collection of that name or alias."""
        with self._lock:
            found = self._collections.get(name) or self._collections.get(self._aliases.get(name, ""))
        if found is None:
            raise NotFound(f"Not found: Collection `{name}` doesn't exist!")
        return found

    def create(self, name: str, body: Json) -> None:
        check_name(name)
        with self._lock:
            if self.exists(name):
                raise AlreadyExists(f"Wrong input: Collection `{name}` already exists!")
            with engine_errors():
                config = new_config(body)
            folder = self.folder / uuid4().hex
            try:
                self._collections[name] = Collection.create(name, folder, config)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    def delete(self, name: str) -> bool:
        with self._lock:
            found = self._collections.pop(name, None)
            if found is None:
                return False
            self._aliases = {alias: target for alias, target in self._aliases.items() if target != name}
            self._write_aliases()
        found.close()
        shutil.rmtree(found.folder, ignore_errors=True)
        return True

    def adopt(self, collection: Collection) -> None:
        """In the place of the one of that name, which ends."""
        with self._lock:
            before = self._collections.get(collection.name)
            self._collections[collection.name] = collection
        if before is not None:
            before.close()
            shutil.rmtree(before.folder, ignore_errors=True)

    def aliases(self, name: str | None = None) -> list[Json]:
        with self._lock:
            return [
                {"alias_name": alias, "collection_name": target}
                for alias, target in sorted(self._aliases.items())
                if name is None or target == name
            ]

    def change_aliases(self, actions: list[Json]) -> None:
        """All of the actions, or none."""
        with self._lock:
            changed = dict(self._aliases)
            for action in actions:
                self._change_alias(changed, action)
            self._aliases = changed
            self._write_aliases()

    def close(self) -> None:
        with self._lock:
            for collection in self._collections.values():
                collection.close()

    def _change_alias(self, aliases: dict[str, str], action: Json) -> None:
        if create := action.get("create_alias"):
            self.get(create["collection_name"])
            aliases[create["alias_name"]] = create["collection_name"]
        elif delete := action.get("delete_alias"):
            aliases.pop(delete["alias_name"], None)
        elif rename := action.get("rename_alias"):
            if rename["old_alias_name"] not in aliases:
                raise NotFound(f"Not found: Alias {rename['old_alias_name']} does not exists!")
            aliases[rename["new_alias_name"]] = aliases.pop(rename["old_alias_name"])
        else:
            raise BadInput("Format error in JSON body: data did not match any variant of untagged enum AliasOperations")

    @property
    def _alias_file(self) -> Path:
        return self.folder / "aliases.json"

    def _write_aliases(self) -> None:
        scratch = self._alias_file.with_suffix(".new")
        scratch.write_text(json.dumps(self._aliases))
        os.replace(scratch, self._alias_file)
