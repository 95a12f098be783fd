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
from netdoctor.vantage.interface import CannotAsk, Vantage
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
TOOLS = ("python3", "python", "node", "perl", "bash", "sh", "nc", "tee", "sleep", "ping")


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
        tools = find_tools(site.engine, container)
        return _best(site, tools)
    except NetdoctorError as error:
        if not isinstance(error, EngineRefused):
            raise
        raise Impossible(error.message) from error


def find_tools(engine: Engine, container: Container) -> Mapping[str, Mapping[str, Any]]:
    """Which of TOOLS the container's PATH leads to, with the engine's stat of each."""
    folders = [folder for folder in (container.env("PATH") or DEFAULT_PATH).split(":") if folder.startswith("/")]
    found: dict[str, Mapping[str, Any]] = {}
    for folder in dict.fromkeys(folders):
        if file_stat(engine, container.id, folder) is None:
            continue
        for tool in TOOLS:
            if tool not in found and (stat := file_stat(engine, container.id, f"{folder.rstrip('/')}/{tool}")):
                found[tool] = stat
    return found


def _best(site: Site, tools: Mapping[str, Mapping[str, Any]]) -> Vantage:
    said: list[str] = []
    for interpreter in INTERPRETERS:
        if interpreter.name not in tools:
            continue
        start = partial(start_exec, site.engine, site.container.id, interpreter.argv(), environment=QUIET)
        try:
            relay = Relay(start(), patience=START, name=site.container.short_id)
        except RelayRefused as error:
            said.append(f"{interpreter.name}: {error.said}")
            continue
        return RelayedVantage("exec", relay, read_file=site.read_file, detail=interpreter.name)
    for recipe in ONE_STREAM_RECIPES:
        if recipe.needs <= tools.keys() and recipe.fits(tools):
            return _one_stream(site, recipe, can_ping="ping" in tools)
    if "nc" in tools:
        said.append("nc: only BusyBox's says whether it connected")
    known = ", ".join(sorted(tools)) or "none"
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


__all__ = ["CannotAsk", "exec_", "find_tools"]
