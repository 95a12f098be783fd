"""Finds plug-ins by walking a folder, so that one more rule, probe or format edits no existing file.

A room owns a ``Registry``; each module of the room registers itself when it is imported; ``load`` imports
them all, once. Names are unique: a second registration of a name is a programming error, found at start-up.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind, by name, in the order of their names."""

    def __init__(self, package: str) -> None:
        self.package = package
        self._things: dict[str, T] = {}
        self._homes: dict[str, str] = {}
        self._loaded = False

    def add(self, name: str, thing: T, *, home: str) -> T:
        """Register ``thing``; ``home`` is the module that defines it."""
        if name in self._things:
            raise ValueError(f"{name!r} is registered by {self._homes[name]} and again by {home}")
        self._things[name] = thing
        self._homes[name] = home
        return thing

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator form of :meth:`add`."""

        def decorate(thing: T) -> T:
            return self.add(name, thing, home=getattr(thing, "__module__", self.package))

        return decorate

    def load(self) -> None:
        """Import every public module of the package once."""
        if self._loaded:
            return
        package = importlib.import_module(self.package)
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
            if not info.name.startswith("_"):
                importlib.import_module(f"{self.package}.{info.name}")
        self._loaded = True

    def names(self) -> tuple[str, ...]:
        self.load()
        return tuple(sorted(self._things))

    def home(self, name: str) -> str:
        """The module that registered ``name``."""
        self.load()
        return self._homes[name]

    def get(self, name: str) -> T:
        """Raises KeyError."""
        if name not in self:
            raise KeyError(name)
        return self._things[name]

    def __contains__(self, name: str) -> bool:
        if not self._loaded and name not in self._things:
            self._try_its_module(name)
        if name not in self._things:
            self.load()
        return name in self._things

    def _try_its_module(self, name: str) -> None:
        """Where a module bears the thing's name, the others need not be imported to find it."""
        home = f"{self.package}.{name}"
        if not name.isidentifier() or name.startswith("_"):
            return
        try:
            importlib.import_module(home)
        except ModuleNotFoundError as error:
            if error.name != home:
                raise

    def __iter__(self) -> Iterator[T]:
        self.load()
        return iter([self._things[name] for name in sorted(self._things)])
