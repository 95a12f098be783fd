"""``netdoctor migrate``: an export into Qdrant, through the app's own network."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netdoctor.cli.common import Session, emit, session, speaker
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import NotFound, NoVantage, UsageError
from netdoctor.exits import Exit

if TYPE_CHECKING:
    from netdoctor.migration.address import Wanted
    from netdoctor.migration.run import Options, Result
    from netdoctor.migration.summary import Scene
    from netdoctor.migration.targets.interface import Target
    from netdoctor.model import Container, Topology
    from netdoctor.vantage.interface import Vantage

F = TypeVar("F", bound=Callable[..., Any])

METRICS = {"cosine": "Cosine", "dot": "Dot", "euclid": "Euclid", "manhattan": "Manhattan"}
EXAMPLES = """
\b
Examples:
  netdoctor migrate export.json --via app --to qdrant --strip-prefix user_
  netdoctor migrate export.json --to http://localhost:6333
  netdoctor migrate export.json --to ./folder    embedded, without a server
  netdoctor migrate export.json --dry-run        what it would become
"""


def _option(name: str, **how: Any) -> Callable[[F], F]:
    variable = f"NETDOCTOR_{name.lstrip('-').replace('-', '_').upper()}"
    return click.option(name, envvar=variable, **how)


@click.command(short_help="Move a vector export into Qdrant.", epilog=EXAMPLES)
@click.argument("export", type=click.Path(path_type=Path))
@_option("--to", metavar="TARGET", help="A container, host:port, URL, or ./folder for an embedded Qdrant.")
@_option("--via", metavar="CONTAINER", help="Connect from inside this container's network.")
@_option("--transport", type=click.Choice(["auto", "grpc", "rest"]), default="auto", show_default=True)
@_option("--grpc-port", type=click.IntRange(1, 65535), help="When it is not 6334.")
@_option("--strip-prefix", default="", metavar="PREFIX", help="Left off the namespace in the collection's name.")
@_option("--default-collection", default="default", show_default=True, help="For the namespace without a name.")
@_option("--collection", metavar="NAME", help="One collection for all namespaces, told apart by a payload field.")
@_option("--tenant-field", default="namespace", show_default=True, help="That field.")
@_option("--id-field", default="originalId", show_default=True, help="Payload field that keeps the original id.")
@_option("--metric", type=click.Choice(list(METRICS)), default="cosine", show_default=True)
@_option("--batch-size", type=click.IntRange(1, 10000), default=256, show_default=True, help="Vectors a request.")
@_option("--in-flight", type=click.IntRange(1, 32), default=4, show_default=True, help="Requests at once.")
@_option("--max-errors", type=click.IntRange(0), default=0, show_default=True, help="Bad records to skip.")
@_option("--patience", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds of retrying.")
@_option("--ledger", type=click.Path(path_type=Path), help="Default: EXPORT.netdoctor.sqlite")
@_option("--restart", is_flag=True, help="Forget what an earlier run has done.")
@_option("--dry-run", is_flag=True, help="Read and plan; connect nowhere, write nothing.")
@_option("--api-key-file", type=click.Path(path_type=Path), help="Else QDRANT_API_KEY.")
@_option("--ask-api-key", is_flag=True, help="Prompt for the key.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Move EXPORT, a JSON array of {id, values, metadata, namespace}, into Qdrant.

    Each namespace becomes a collection. The same command resumes a run that was stopped. Afterwards every
    point is read back and compared: exit 0 means that all of the export is there.

    Without --to: QDRANT_URL_MIGRATION, QDRANT_URL, then QDRANT_URL of the container named by --via.
    """
    from netdoctor.migration.summary import document, text

    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("A migration is reported as human or json.")
    if given["dry_run"]:
        _dry_run(settings, given)
        return
    with ExitStack() as stack:
        result, scene = _migrate(stack, settings, given)
    emit(settings, _json(document(result, scene)) if settings.format == "json" else text(result, scene))
    if not result.good:
        ctx.exit(int(Exit.FINDINGS))


def _migrate(stack: ExitStack, settings: Settings, given: dict[str, Any]) -> tuple[Result, Scene]:
    from netdoctor.migration.ledger import open_ledger
    from netdoctor.migration.progress import showing
    from netdoctor.migration.run import migrate
    from netdoctor.migration.sources.interface import open_source

    source = open_source(given["export"])
    options = _options(given)
    path = given["ledger"] or given["export"].with_name(given["export"].name + ".netdoctor.sqlite")
    # The lock comes first: a second run must not even knock at the target.
    ledger = open_ledger(path, restart=given["restart"])
    stack.callback(ledger.close)
    target, scene, name = _target(stack, settings, given)
    listener = stack.enter_context(showing(sys.stderr, quiet=bool(settings.quiet)))
    result = migrate(source, target, ledger, replace(options, target_name=name), listener=listener)
    return result, replace(scene, export=source.label, ledger=str(path))


def _dry_run(settings: Settings, given: dict[str, Any]) -> None:
    from netdoctor.migration.plan import make_plan
    from netdoctor.migration.sources.interface import open_source
    from netdoctor.migration.summary import Scene, plan_document, plan_text

    options = _options(given)
    source = open_source(given["export"])
    plan = make_plan(source, options.layout, max_errors=options.max_errors)
    scene = Scene(source.label, given["to"] or "(no target)", "--to")
    emit(settings, _json(plan_document(plan, scene)) if settings.format == "json" else plan_text(plan, scene))


def _options(given: dict[str, Any]) -> Options:
    from netdoctor.migration.batches import Limits
    from netdoctor.migration.points import Layout, Metric
    from netdoctor.migration.run import Options

    if given["collection"] and given["id_field"] == given["tenant_field"]:
        raise UsageError("--id-field and --tenant-field name the same payload field.")
    layout = Layout(
        metric=Metric(METRICS[given["metric"]]),
        id_field=given["id_field"],
        strip_prefix=given["strip_prefix"],
        default_collection=given["default_collection"],
        collection=given["collection"],
        tenant_field=given["tenant_field"],
    )
    return Options(
        layout,
        Limits(points=given["batch_size"]),
        in_flight=given["in_flight"],
        max_errors=given["max_errors"],
        patience=given["patience"],
    )


def _target(stack: ExitStack, settings: Settings, given: dict[str, Any]) -> tuple[Target, Scene, str]:
    """The open target, what the report says about it, and what the ledger calls it."""
    from netdoctor.migration.address import folder_of, resolve_target, what_was_asked
    from netdoctor.migration.summary import Scene
    from netdoctor.migration.target import Transport, open_folder, open_server
    from netdoctor.topology.names import find_container

    opened = stack.enter_context(session(settings)) if given["via"] else None
    app = find_container(opened.topology, given["via"]) if opened else None
    wanted = what_was_asked(given["to"], os.environ, app)
    folder = folder_of(wanted.text)
    # A folder may happen to have the container's name: a path says so by its dot or slash.
    if folder is not None and not (opened and _is_container(opened.topology, wanted.text)):
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
            hint=f"netdoctor check {via or 'host'} {other}",
        )
    )
    scene = Scene("", target.address, address.origin, target.transport, via, vantage.name if vantage else "")
    return target, scene, address.url


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
            return given["api_key_file"].read_text("utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"The key file {given['api_key_file']} cannot be read.") from error
    if given["ask_api_key"]:
        return str(click.prompt("Qdrant API key", hide_input=True, err=True)).strip() or None
    return os.environ.get("QDRANT_API_KEY") or (app.env("QDRANT_API_KEY") if app else None) or None


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
