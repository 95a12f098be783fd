"""Which Qdrant the migration's commands mean, and how they reach it: the options, and the open target."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netdoctor.cli._elsewhere import on_this_node
from netdoctor.cli.common import Session, session, speaker
from netdoctor.cli.settings import Settings
from netdoctor.errors import NotFound, NoVantage, UsageError
from netdoctor.files import read_key
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.migration.address import Wanted
    from netdoctor.migration.ledger import Ledger
    from netdoctor.migration.sources.interface import Access
    from netdoctor.migration.summary import Scene
    from netdoctor.migration.targets.interface import Target
    from netdoctor.model import Container, Topology
    from netdoctor.vantage.interface import Vantage

F = TypeVar("F", bound=Callable[..., Any])


def option(name: str, **how: Any) -> Callable[[F], F]:
    """A command's own option, with its ``NETDOCTOR_*`` variable."""
    variable = f"NETDOCTOR_{name.partition('/')[0].lstrip('-').replace('-', '_').upper()}"
    return click.option(name, envvar=variable, **how)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    option("--to", metavar="TARGET", help="A container, host:port, URL, or ./folder for an embedded Qdrant."),
    option("--via", metavar="CONTAINER", help="Connect from inside this container's network."),
    option("--transport", type=click.Choice(["auto", "grpc", "rest"]), default="auto", show_default=True),
    option("--grpc-port", type=click.IntRange(1, 65535), help="When it is not 6334."),
    option("--api-key-file", type=click.Path(path_type=Path), help="Else QDRANT_API_KEY."),
    option("--ask-api-key", is_flag=True, help="Prompt for the key."),
)


def target_options(function: F) -> F:
    for each in reversed(_OPTIONS):
        function = each(function)
    return function


def open_target(
    stack: ExitStack, settings: Settings, given: dict[str, Any], *, make: bool = False, timeout: float = 60.0
) -> tuple[Target, Scene, str]:
    """The open target, what the report says about it, and what the ledger calls it.

    ``make``: an embedded one may begin here; else a folder that is not there is a mistake. ``timeout``: seconds of
    one call.
    """
    from netdoctor.migration.address import folder_of, refuse_credentials, resolve_target, what_was_asked
    from netdoctor.migration.summary import Scene
    from netdoctor.migration.target import Transport, open_folder, open_server
    from netdoctor.topology.names import find_container

    opened = stack.enter_context(session(settings)) if given["via"] else None
    app = None
    if opened:
        verb = click.get_current_context().command_path.partition(" ")[2]
        with on_this_node(opened.engine, verb, given["via"]):
            app = find_container(opened.topology, given["via"])
    wanted = what_was_asked(given["to"], os.environ, app)
    refuse_credentials(wanted)  # before an engine is asked for: it may not be there
    folder = folder_of(wanted.text)
    # A folder may happen to have the container's name: a path says so by its dot or slash.
    if folder is not None and not (opened and _is_container(opened.topology, wanted.text)):
        if not make and not folder.is_dir():
            raise UsageError(f"There is no embedded Qdrant at {plain(str(folder))}.", hint="Check --to.")
        speaker(settings)(f"target folder {folder} (from {wanted.origin}), embedded")
        target = stack.enter_context(open_folder(folder))
        return target, Scene("", target.address, wanted.origin, "embedded"), f"folder {folder.resolve()}"
    if opened is None and _may_be_container(wanted):
        opened = stack.enter_context(session(settings))
    topology: Topology | None = opened.topology if opened else None
    vantage = _stand(stack, opened, app) if opened and app else None
    address = resolve_target(wanted, topology=topology, app=app, vantage=vantage, grpc_port=given["grpc_port"])
    via = app.name if app else ""
    speaker(settings)(f"target {address.url} (from {address.origin}){f', from inside {via}' if via else ''}")
    other = address.target.name if address.target else address.host
    target = stack.enter_context(
        open_server(
            address,
            vantage=vantage,
            transport=Transport(given["transport"]),
            api_key=_key(given, app),
            timeout=timeout,
            hint=f"netdoctor check {via or 'host'} {other}",
            tell=speaker(settings),
        )
    )
    scene = Scene(
        "",
        target.address,
        address.origin,
        target.transport,
        via,
        vantage.name if vantage else "",
        container=address.target.id if address.target else "",
    )
    return target, scene, address.url


def reaching(stack: ExitStack, settings: Settings, given: dict[str, Any], access: Access) -> Access:
    """The access to a source that stands in a container's network, where ``--source-via`` names one."""
    if not given["source_via"]:
        return access
    from netdoctor.migration.address import Address, Wanted, resolve_target
    from netdoctor.topology.names import find_container

    opened = stack.enter_context(session(settings))
    app = find_container(opened.topology, given["source_via"])
    vantage = _stand(stack, opened, app)

    def reach(text: str) -> tuple[Address, Vantage]:
        wanted = Wanted(text, "the source")
        return resolve_target(wanted, topology=opened.topology, app=app, vantage=vantage), vantage

    return replace(access, reach=reach)


def ledger_path(given: dict[str, Any]) -> Path:
    """``--ledger``, or the file beside the export; for a live index in this folder."""
    if given["ledger"]:
        return Path(given["ledger"])
    export = Path(given["export"])
    if not export.exists() and ":" in str(given["export"]):
        export = Path(re.sub(r"[^A-Za-z0-9._-]+", "-", str(given["export"])))
    elif export.is_dir():
        export = export.resolve()  # "." has no name to put something behind
    return export.with_name(export.name + ".netdoctor.sqlite")


def known_ledger(stack: ExitStack, given: dict[str, Any], path: Path) -> Ledger:
    """The ledger of an earlier run, whose target fills in what was not given. Raises UsageError when there is none."""
    from netdoctor.migration.ledger import open_ledger

    if not path.exists():
        raise UsageError(
            f"There is no ledger {path}.",
            hint=f"name it with --ledger, or migrate first: netdoctor migrate {given['export']}",
        )
    ledger = open_ledger(path)
    stack.callback(ledger.close)
    given["to"] = given["to"] or ledger.fact("to")
    given["via"] = given["via"] or ledger.fact("via")
    given["grpc_port"] = given["grpc_port"] or int(ledger.fact("grpc port") or 0) or None
    for name, value in json.loads(ledger.fact("source") or "{}").items():
        given[name] = given.get(name) or value
    return ledger


def _stand(stack: ExitStack, opened: Session, app: Container) -> Vantage:
    from netdoctor.vantage.choose import Vantages
    from netdoctor.vantage.interface import CannotAsk

    settings = opened.settings
    vantages = stack.enter_context(
        Vantages(opened.engine, opened.topology, preference=settings.vantage, notice=speaker(settings))
    )
    try:
        return vantages.at(app.ref)
    except CannotAsk as refused:
        raise NoVantage(
            f"Cannot connect from inside {app.name}: {refused.reason}. Nothing was written.",
            hint=f"netdoctor check {app.name}",
        ) from refused


def _is_container(topology: Topology, text: str) -> bool:
    return any(text in (each.name, each.service) for each in topology.containers)


def _may_be_container(wanted: Wanted) -> bool:
    """A bare name, not a URL, an address or a domain."""
    host = wanted.text.partition(":")[0]
    return "://" not in wanted.text and "." not in host and host != "localhost" and not wanted.text.startswith("[")


def _key(given: dict[str, Any], app: Container | None) -> str | None:
    """File, prompt, environment, the app's own environment. Never shown."""
    if given["api_key_file"]:
        try:
            return read_key(given["api_key_file"]) or None
        except OSError as error:
            raise NotFound(
                f"The key file {given['api_key_file']} cannot be read: {error.strerror or error}.",
                hint="Name a file that holds the key, and nothing else.",
            ) from error
    if given["ask_api_key"]:
        return str(click.prompt("Qdrant API key", hide_input=True, err=True)).strip() or None
    return os.environ.get("QDRANT_API_KEY") or (app.env("QDRANT_API_KEY") if app else None) or None
