"""``netdoctor migrate``: an export into Qdrant, through the app's own network."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._fleet import coordinate_all, emitted, fleet_options, planned, shard_of, write_part
from netdoctor.cli._hand import VARIABLE, await_word, telling
from netdoctor.cli._orders import obeying
from netdoctor.cli._processes import migrate_by_processes, refuse_other_count, refuse_processes
from netdoctor.cli._target import ledger_path, open_target, option, reaching, target_options
from netdoctor.cli._vectors._access import access_of, access_options, hear_pauses, introduce, told_access
from netdoctor.cli.common import emit, emit_told, session, speaker
from netdoctor.cli.settings import Seconds, Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.redact import redact_text, redacted

if TYPE_CHECKING:
    from netdoctor.migration.events import Listener
    from netdoctor.migration.prepare import Wishes
    from netdoctor.migration.run import Options, Result
    from netdoctor.migration.shards import Part
    from netdoctor.migration.sources.interface import Source
    from netdoctor.migration.summary import Scene
    from netdoctor.migration.targets.interface import Target

METRICS = {"cosine": "Cosine", "dot": "Dot", "euclid": "Euclid", "manhattan": "Manhattan"}
EXAMPLES = """
\b
Examples:
  netdoctor migrate export.json --via app --to qdrant --strip-prefix user_
  netdoctor migrate export.json --to http://localhost:6333
  netdoctor migrate export.json --to ./folder    embedded, without a server
  netdoctor migrate export.json --dry-run        what it would become
  netdoctor migrate export.json --plan plan.json --shard 2/4 --to http://qdrant:6333
"""


@click.command(short_help="Move a vector export into Qdrant.", epilog=EXAMPLES)
@click.argument("export")
@target_options
@option("--strip-prefix", default="", metavar="PREFIX", help="Left off the namespace in the collection's name.")
@option("--default-collection", default="default", show_default=True, help="For the namespace without a name.")
@option("--collection", metavar="NAME", help="One collection for all namespaces, told apart by a payload field.")
@option("--tenant-field", default="namespace", show_default=True, help="That field.")
@option("--id-field", default="originalId", show_default=True, help="Payload field that keeps the original id.")
@option("--metric", type=click.Choice(list(METRICS)), help="Default: a live source's own, else cosine.")
@option("--batch-size", type=click.IntRange(1, 10000), default=256, show_default=True, help="Vectors a request.")
@option("--in-flight", type=click.IntRange(1, 32), default=4, show_default=True, help="Requests at once.")
@option("--max-errors", type=click.IntRange(0), default=0, show_default=True, help="Bad or refused records to skip.")
@option("--patience", type=Seconds(0), default=60.0, show_default=True, help="Seconds of retrying.")
@option("--ledger", type=click.Path(path_type=Path), help="Default: EXPORT.netdoctor.sqlite")
@option("--on-duplicate", type=click.Choice(["first", "last"]), help="Which of two records for one point wins.")
@option("--skip-existing", is_flag=True, help="Leave points alone that are there with other content.")
@option("--overwrite", is_flag=True, help="Replace points that are there; a snapshot is made first.")
@option("--index", multiple=True, metavar="FIELD=KIND", help="Index a payload field (keyword, integer, ...).")
@option("--quantization", type=click.Choice(["scalar", "binary"]), help="For collections that are created.")
@option("--datatype", type=click.Choice(["float32", "float16", "uint8"]), help="Of collections that are created.")
@option("--on-disk/--in-memory", default=None, help="Vectors of collections that are created.")
@option("--shards", type=click.IntRange(1), help="Of collections that are created.")
@option("--replicas", type=click.IntRange(1), help="Of each shard.")
@option("--defer/--no-defer", default=True, help="Index a new collection only when it is filled (default).")
@option("--repair", is_flag=True, help="Send again what verification finds wrong.")
@option("--overlap", type=click.IntRange(1, 100), metavar="K", help="Compare K hits of searches with a live source's.")
@option("--sparse-vector", metavar="NAME", default="sparse_vector", show_default=True, help="Of sparse values.")
@option("--restart", is_flag=True, help="Forget what an earlier run has done.")
@option("--space-check/--no-space-check", default=True, help="Stop when the target's disk is too small (default).")
@option("--fix", is_flag=True, help="Repair the network first, if it is what is broken (see netdoctor fix).")
@option("--yes", is_flag=True, help="Do not ask before that repair.")
@option("--dry-run", is_flag=True, help="Read and plan; connect nowhere, write nothing.")
@option("--request-timeout", type=Seconds(1), default=60.0, show_default=True, help="Seconds a request has.")
@option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Cores to convert and write by.")
@fleet_options
@access_options
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Move EXPORT, a JSON array of {id, values, metadata, namespace} or another source, into Qdrant.

    Each namespace becomes a collection. The same command resumes a run that was stopped. Afterwards every
    point is read back and compared: exit 0 means that all of the export is there.

    Without --to: QDRANT_URL_MIGRATION, QDRANT_URL, then QDRANT_URL of the container named by --via.
    """
    from netdoctor.migration.shards import Part
    from netdoctor.migration.summary import document, part_document, part_text, text

    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("A migration is reported as human or json.")
    with obeying(), ExitStack() as stack:
        done = _told_to(stack, settings, given)
    if isinstance(done, str):
        emit(settings, done)
        return
    outcome, scene = done
    if isinstance(outcome, Part):
        told = part_document(outcome, scene) if settings.format == "json" else part_text(outcome, scene)
    else:
        told = document(outcome, scene) if settings.format == "json" else text(outcome, scene)
    emit_told(settings, told)
    if not outcome.good:
        ctx.exit(int(Exit.FINDINGS))


def _told_to(stack: ExitStack, settings: Settings, given: dict[str, Any]) -> str | tuple[Part | Result, Scene]:
    """What there is to print, or the outcome of a run or of one worker."""
    from netdoctor.migration.address import Wanted, refuse_credentials
    from netdoctor.migration.events import Retrying
    from netdoctor.migration.pages import keep_pages
    from netdoctor.migration.progress import showing
    from netdoctor.migration.sources.interface import open_source, suited

    hand = VARIABLE in os.environ
    if hand:
        await_word(given["transport"])
    keep_pages()
    options = _options(given)
    if given["to"]:
        # A plan, a ledger or a file for an engine would keep what stands there.
        refuse_credentials(Wanted(given["to"], "--to"))
    source = open_source(given["export"], reaching(stack, settings, given, access_of(given)))
    if source.live:
        stack.callback(source.close)  # type: ignore[attr-defined]  # of live sources
    introduce(source, speaker(settings))
    asked = options.layout.metric if given["metric"] else None
    options = replace(options, layout=suited(options.layout, source, asked))
    if given["dry_run"]:
        return _dry_run(settings, given, source, options)
    if given["processes"] > 1:
        refuse_processes(given, source)
    file, options = planned(given, source, options)
    shard = shard_of(given)
    if given["coordinate"] and shard:
        raise UsageError("--coordinate and --shard are two processes.")
    if file is not None and given["emit"]:
        return emitted(given, file)
    listener = telling() if hand else stack.enter_context(showing(sys.stderr, quiet=bool(settings.quiet)))
    hear_pauses(source, lambda reason, seconds: listener(Retrying(reason, seconds)))
    if file is not None and shard:
        return write_part(stack, settings, given, source, file, shard, options, listener)
    if file is not None and given["coordinate"]:
        return coordinate_all(stack, settings, given, source, file, options, listener)
    return _migrate(stack, settings, given, source, options, listener)


def _migrate(
    stack: ExitStack, settings: Settings, given: dict[str, Any], source: Source, options: Options, listener: Listener
) -> tuple[Result, Scene]:
    from netdoctor.migration.ledger import open_ledger
    from netdoctor.migration.run import migrate

    path = ledger_path(given)
    # The lock comes first: a second run must not even knock at the target.
    ledger = open_ledger(path, restart=given["restart"])
    stack.callback(ledger.close)
    refuse_other_count(ledger, given["processes"])
    target, scene, name = _reach(stack, settings, given)
    grpc_port = str(given["grpc_port"]) if given["grpc_port"] else None
    ledger.remember({"to": given["to"], "via": given["via"], "grpc port": grpc_port, "source": told_access(given)})
    options = replace(options, target_name=name, free=_free(settings, given, scene))
    if given["processes"] > 1:
        return migrate_by_processes(stack, given, source, options, listener, (ledger, target, scene))
    result = migrate(source, target, ledger, options, listener=listener)
    return result, scene.of(source.label, str(path))


def _reach(stack: ExitStack, settings: Settings, given: dict[str, Any]) -> tuple[Target, Scene, str]:
    """The open target. What keeps the app from reaching it is told, and with --fix repaired first."""
    from netdoctor.migration.targets.interface import TargetUnreachable

    try:
        return open_target(stack, settings, given, make=True, timeout=given["request_timeout"])
    except TargetUnreachable:
        if not given["via"]:
            raise
        from netdoctor.cli._mend import explain_or_mend

        if not explain_or_mend(settings, given):
            raise
    return open_target(stack, settings, given, make=True, timeout=given["request_timeout"])


def _free(settings: Settings, given: dict[str, Any], scene: Scene) -> int | None:
    """Bytes of free disk where Qdrant's container keeps its data; None where that cannot be seen."""
    if not scene.container or not given["space_check"]:
        return None
    from netdoctor.engine.space import free_at

    with session(settings) as opened:
        return free_at(opened.engine, scene.container, "/qdrant/storage")


def _dry_run(settings: Settings, given: dict[str, Any], source: Source, options: Options) -> str:
    from netdoctor.migration.planfile import write_plan
    from netdoctor.migration.planlog import forget
    from netdoctor.migration.progress import showing
    from netdoctor.migration.run import new_plan
    from netdoctor.migration.summary import Scene, plan_document, plan_text

    path: Path | None = given["plan"]
    if path and given["restart"]:
        forget(path)
    with showing(sys.stderr, quiet=bool(settings.quiet)) as listener:
        plan = new_plan(source, options, path, listener)
    if path:
        write_plan(path, plan, source, limits=options.limits, on_duplicate=options.on_duplicate)
        forget(path)
    scene = Scene(source.label, given["to"] or "(no target)", "--to")
    if settings.format == "json":
        return json.dumps(redacted(plan_document(plan, scene)), indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    return redact_text(plan_text(plan, scene))


def _options(given: dict[str, Any]) -> Options:
    if given["overwrite"] and given["skip_existing"]:
        raise UsageError("--overwrite and --skip-existing exclude each other.")
    from netdoctor.migration.batches import Limits
    from netdoctor.migration.points import Layout, Metric
    from netdoctor.migration.run import Options

    if given["collection"] and given["id_field"] == given["tenant_field"]:
        raise UsageError("--id-field and --tenant-field name the same payload field.")
    layout = Layout(
        metric=Metric(METRICS[given["metric"] or "cosine"]),
        id_field=given["id_field"],
        strip_prefix=given["strip_prefix"],
        default_collection=given["default_collection"],
        collection=given["collection"],
        tenant_field=given["tenant_field"],
        sparse_vector=given["sparse_vector"],
    )
    return Options(
        layout,
        Limits(points=given["batch_size"]),
        in_flight=given["in_flight"],
        max_errors=given["max_errors"],
        patience=given["patience"],
        on_duplicate=given["on_duplicate"],
        skip_existing=given["skip_existing"],
        wishes=_wishes(given),
        overlap_at=given["overlap"] or 0,
        repair=given["repair"],
        request_timeout=given["request_timeout"],
    )


def _wishes(given: dict[str, Any]) -> Wishes:
    from netdoctor.migration.prepare import Wishes
    from netdoctor.migration.targets.interface import KINDS, Making

    indexes = []
    for text in given["index"]:
        field, equals, kind = text.rpartition("=")
        if not (field and equals and kind in KINDS):
            raise UsageError(f"--index {text!r} is not FIELD=KIND.", hint=f"kinds: {', '.join(KINDS)}")
        indexes.append((field, kind))
    making = Making(
        on_disk=given["on_disk"],
        shards=given["shards"],
        replicas=given["replicas"],
        quantization=given["quantization"],
        datatype=given["datatype"],
    )
    return Wishes(making, tuple(indexes), overwrite=given["overwrite"], defer=given["defer"])
