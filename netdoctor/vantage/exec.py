"""``docker exec`` of something the image can run: the last resort, and the only one that runs inside the container.

Which tools the image has is looked up (a stat per candidate, nothing runs); the best of them carries the traffic.
python, node and perl run a relay for many streams; bash and BusyBox nc carry one stream per exec. Every recipe is an
argument list; addresses are arguments of their own. Every recipe ends itself once its stdin has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from netdoctor.engine.client import Engine
from netdoctor.engine.streams import file_stat, start_exec
from netdoctor.errors import EngineRefused, NetdoctorError
from netdoctor.model import Container
from netdoctor.vantage.exec_streams import ONE_STREAM_RECIPES, OneStreamVantage, Recipe
from netdoctor.vantage.interface import Vantage
from netdoctor.vantage.kinds import Impossible, Site
from netdoctor.vantage.process import NotProven
from netdoctor.vantage.programs import text
from netdoctor.vantage.relay import Relay, RelayRefused
from netdoctor.vantage.relayed import RelayedVantage

START = 5.0
"""Seconds that an interpreter may take to say its first word."""
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
QUIET = {"LC_ALL": "C", "NODE_OPTIONS": "", "PERL5OPT": "", "PERL5LIB": "", "BASH_ENV": "", "ENV": ""}
"""Messages in English, and none of the application's own start-up hooks in our interpreter."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Runs a relay."""

    name: str
    argv: Callable[[], tuple[str, ...]]


INTERPRETERS = (
    Interpreter("python3", lambda: ("python3", "-ISc", text("relay_python.py"))),
    Interpreter("python", lambda: ("python", "-ISc", text("relay_python.py"))),
    Interpreter("node", lambda: ("node", "-e", text("relay.js"))),
    Interpreter("perl", lambda: ("perl", "-e", text("relay.pl"))),
)


def exec_(site: Site) -> Vantage:
    """Raises Impossible."""
    container = site.container
    if container.state is not None and container.state.paused:
        raise Impossible(f"{container.name} is paused; nothing runs in it")
    try:
        return _best(site, Tools(site.engine, container))
    except NetdoctorError as error:
        if not isinstance(error, EngineRefused):
            raise
        raise Impossible(error.message) from error


class Tools:
    """What the container's PATH leads to, looked up one program at a time: each stat is a request to the engine."""

    def __init__(self, engine: Engine, container: Container) -> None:
        self._engine = engine
        self._container = container
        self._folders: list[str] | None = None
        self.found: dict[str, Mapping[str, Any]] = {}

    def has(self, *names: str) -> bool:
        return all(self._stat(name) for name in names)

    def link(self, name: str) -> str:
        """Where the program's link leads; "" for a program that is no link, or that is not there."""
        stat = self._stat(name)
        return str(stat.get("linkTarget") or "") if stat else ""

    def _stat(self, name: str) -> Mapping[str, Any] | None:
        if name not in self.found:
            for folder in self._existing_folders():
                stat = file_stat(self._engine, self._container.id, f"{folder.rstrip('/')}/{name}")
                if stat:
                    self.found[name] = stat
                    break
        return self.found.get(name)

    def _existing_folders(self) -> list[str]:
        if self._folders is None:
            path = self._container.env("PATH") or DEFAULT_PATH
            every = dict.fromkeys(folder for folder in path.split(":") if folder.startswith("/"))
            self._folders = [each for each in every if file_stat(self._engine, self._container.id, each)]
        return self._folders


def _best(site: Site, tools: Tools) -> Vantage:
    said: list[str] = []
    for interpreter in INTERPRETERS:
        if not tools.has(interpreter.name):
            continue
        start = partial(start_exec, site.engine, site.container.id, interpreter.argv(), environment=QUIET)
        try:
            relay = Relay(start(), patience=START, name=site.container.short_id)
        except RelayRefused as error:
            said.append(f"{interpreter.name}: {error.said}")
            continue
        return RelayedVantage("exec", relay, read_file=site.read_file, detail=interpreter.name)
    for recipe in ONE_STREAM_RECIPES:
        if tools.has(*recipe.needs) and recipe.fits(tools.link(recipe.name)):
            return _one_stream(site, recipe, can_ping=tools.has("ping"))
    if tools.has("nc"):
        said.append("nc: only BusyBox's, with sh, tee and sleep, says whether it connected")
    known = ", ".join(sorted(tools.found)) or "none"
    raise Impossible(
        f"{site.container.name}'s image has nothing to ask with (tools found: {known}{'; ' if said else ''}"
        f"{'; '.join(said)})"
    )


def _one_stream(site: Site, recipe: Recipe, *, can_ping: bool) -> Vantage:
    try:
        process = site.process()
    except NotProven:
        process = None
    return OneStreamVantage(
        site.engine,
        site.container,
        recipe,
        environment=QUIET,
        read_file=site.read_file,
        process=process,
        can_ping=can_ping,
    )
