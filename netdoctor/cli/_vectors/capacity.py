"""``netdoctor vectors capacity``: what a number of vectors needs, by Qdrant's published rule of thumb."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from netdoctor.cli._target import open_target, option, target_options
from netdoctor.cli._vectors._access import collection_named
from netdoctor.cli.common import emit_told
from netdoctor.cli.settings import read_settings, shared_options
from netdoctor.errors import UsageError


@click.command(short_help="Estimate memory and disk for 1e2 to 1e8 vectors.")
@click.argument("collection", required=False, callback=collection_named)
@target_options
@option("--dimension", type=click.IntRange(1, 65536), help="Numbers in a vector.")
@option("--payload-bytes", type=click.IntRange(0), help="Of each point; without COLLECTION 500.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, collection: str | None, **given: Any) -> None:
    """Memory (as float32, int8 and binary) and disk for 100 to 100 million vectors.

    Dimension and payload are those of COLLECTION, or given; then no server is asked.
    """
    from netdoctor.migration.capacity import document, needs, text
    from netdoctor.migration.latency import shape_of

    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("Capacity is reported as human or json.")
    dimension, payload = given["dimension"], given["payload_bytes"]
    if collection is None and dimension is None:
        raise UsageError("Nothing says how long the vectors are.", hint="name a collection, or add --dimension 1024")
    if collection is not None:
        with ExitStack() as stack:
            target, _, _ = open_target(stack, settings, given)
            shape = shape_of(target, collection)
        dimension = shape.dimension if dimension is None else dimension
        payload = shape.payload if payload is None else payload
    payload = 500 if payload is None else payload
    rows = needs(dimension, payload)
    told = {"schema": "netdoctor.capacity/1", **document(dimension, payload, rows)}
    emit_told(settings, told if settings.format == "json" else text(dimension, payload, rows))
