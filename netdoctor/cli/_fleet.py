"""``migrate`` by several: the shared plan, one worker of it, its coordinator, and files for engines that run them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netdoctor.cli._hand import VARIABLE
from netdoctor.cli._target import ledger_path, open_target, option
from netdoctor.cli.settings import NamedFile, Seconds, Settings
from netdoctor.errors import UsageError

if TYPE_CHECKING:
    from netdoctor.migration.events import Listener
    from netdoctor.migration.planfile import PlanFile
    from netdoctor.migration.run import Options, Result
    from netdoctor.migration.shards import Part, Shard
    from netdoctor.migration.sources.interface import Source
    from netdoctor.migration.summary import Scene

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    option("--plan", type=NamedFile(), help="Plan file: written by --dry-run, else gone by."),
    option("--shard", metavar="NUMBER/OF", help="Write only this part of the plan; a coordinator does the rest."),
    option("--coordinate", is_flag=True, help="Prepare for --workers workers, wait for them, verify."),
    option("--workers", type=click.IntRange(1, 10000), default=4, show_default=True, help="How many there are."),
    option(
        "--worker-silence",
        type=Seconds(0),
        default=1800.0,
        show_default=True,
        metavar="SECONDS",
        help="--coordinate: give up when a worker shows no sign of life for so long; 0: never.",
    ),
    option(
        "--emit", type=click.Choice(["swarm-job", "k8s-job"]), help="Print a file that runs the workers; do nothing."
    ),
    option("--image", default="netdoctor", show_default=True, help="--emit: the image with netdoctor in it."),
    option("--volume", metavar="NAME", help="--emit: the shared folder, or (Kubernetes) the claim."),
    option("--network", metavar="NAME", help="--emit: the workers' network (Swarm)."),
    option("--secret", metavar="NAME", help="--emit: the secret that holds the API key."),
)


def fleet_options(function: F) -> F:
    for each in reversed(_OPTIONS):
        function = each(function)
    return function


def planned(given: dict[str, Any], source: Source, options: Options) -> tuple[PlanFile | None, Options]:
    """The plan file to go by, and the options as it says. Raises UsageError for a mapping that is not its own."""
    from netdoctor.migration.listing import listing_of
    from netdoctor.migration.listlog import forget_list
    from netdoctor.migration.planfile import read_plan
    from netdoctor.migration.points import Layout

    if given["plan"] is None:
        if given["restart"]:
            forget_list(listing_of(ledger_path(given)))
        if given["shard"] or given["coordinate"] or given["emit"]:
            raise UsageError(
                "Several can only work by one plan.",
                hint=f"make it: netdoctor migrate {given['export']} --dry-run --plan plan.json",
            )
        return None, options
    file = read_plan(given["plan"], source)
    asked, plain = options.layout.binding(), Layout().binding()
    for key, value in file.layout.binding().items():
        # Some are told only where they are not as usual.
        if asked.get(key) not in (plain.get(key), value):
            raise UsageError(f"The plan's {key} is {value!r}, not {asked.get(key)!r}.", hint="make the plan anew")
    if options.on_duplicate not in (None, file.on_duplicate):
        raise UsageError("The plan was made with another --on-duplicate.", hint="make the plan anew")
    told = replace(options, layout=file.layout, limits=file.limits, on_duplicate=file.on_duplicate, file=file)
    return file, told


def shard_of(given: dict[str, Any]) -> Shard | None:
    """``index/N`` takes the number from Kubernetes, ``slot:SLOT/N`` from a Swarm job: both count from 0."""
    from netdoctor.migration.shards import Shard

    text = given["shard"]
    if not text:
        return None
    number, _, of = text.partition("/")
    if number == "index":
        index = os.environ.get("JOB_COMPLETION_INDEX", "")
        if not index.isdecimal():
            raise UsageError("JOB_COMPLETION_INDEX is not set: this is no pod of an indexed Job.")
        text = f"{int(index) + 1}/{of}"
    elif number.startswith("slot:"):
        slot = number.removeprefix("slot:")
        # Docker fills in the node's id for slot 0, which it takes for no slot.
        text = f"{int(slot) + 1 if slot.isdecimal() else 1}/{of}"
    return Shard.parse(text)


def write_part(
    stack: ExitStack,
    settings: Settings,
    given: dict[str, Any],
    source: Source,
    file: PlanFile,
    shard: Shard,
    options: Options,
    listener: Listener,
) -> tuple[Part, Scene]:
    from netdoctor.migration.shards import Meeting, work

    target, scene, name = open_target(stack, settings, given, timeout=given["request_timeout"])
    options = replace(options, target_name=name)
    # A child of this machine may find its forerunner still ending.
    busy = 60.0 if VARIABLE in os.environ else 0.0
    how = {"patience": max(600.0, given["patience"]), "restart": given["restart"], "busy": busy}
    part = work(source, target, file, shard, options, listener=listener, **how)
    return part, scene.of(source.label, str(Meeting(file.path).ledger(shard)))


def coordinate_all(
    stack: ExitStack,
    settings: Settings,
    given: dict[str, Any],
    source: Source,
    file: PlanFile,
    options: Options,
    listener: Listener,
) -> tuple[Result, Scene]:
    from netdoctor.migration.ledger import open_ledger
    from netdoctor.migration.shards import Meeting, coordinate

    path = Meeting(file.path).coordinator
    ledger = open_ledger(path, restart=given["restart"])
    stack.callback(ledger.close)
    target, scene, name = open_target(stack, settings, given, timeout=given["request_timeout"])
    options = replace(options, target_name=name)
    silence = given["worker_silence"] or None
    result = coordinate(source, target, file, given["workers"], ledger, options, listener=listener, silence=silence)
    return result, scene.of(source.label, str(path))


def emitted(given: dict[str, Any], file: PlanFile) -> str:
    """The file's text."""
    from netdoctor.migration.emit.interface import fleet_of
    from netdoctor.migration.emit.k8s_job import k8s_job
    from netdoctor.migration.emit.swarm_job import swarm_job

    export = Path(given["export"])
    volume = given["volume"]
    if given["emit"] == "k8s-job" and not volume:
        raise UsageError("Pods share a claim.", hint="--volume NAME of a PersistentVolumeClaim with export and plan")
    if export.resolve().parent != file.path.resolve().parent:
        raise UsageError("Export and plan must lie in one folder, which the workers share.")
    fleet = fleet_of(
        file,
        workers=given["workers"],
        image=given["image"],
        volume=volume or str(export.resolve().parent),
        export=export.name,
        to=given["to"],
        network=given["network"] or "",
        key=given["secret"] or "",
        extra=_extra(given),
    )
    return swarm_job(fleet) if given["emit"] == "swarm-job" else k8s_job(fleet)


def _extra(given: dict[str, Any]) -> tuple[str, ...]:
    """Options that the workers must be given as well."""
    extra = ["--in-flight", str(given["in_flight"]), "--patience", f"{given['patience']:g}"]
    if given["request_timeout"] != 60.0:
        extra += ["--request-timeout", f"{given['request_timeout']:g}"]
    if given["max_errors"]:
        extra += ["--max-errors", str(given["max_errors"])]
    if given["worker_silence"] != 1800.0:
        extra += ["--worker-silence", f"{given['worker_silence']:g}"]
    for name in ("skip_existing", "overwrite", "repair"):
        if given[name]:
            extra.append(f"--{name.replace('_', '-')}")
    if given["transport"] != "auto":
        extra += ["--transport", given["transport"]]
    if given["grpc_port"]:
        extra += ["--grpc-port", str(given["grpc_port"])]
    for text in given["index"]:
        extra += ["--index", text]
    if given["sparse_vector"] != "sparse_vector":
        extra += ["--sparse-vector", given["sparse_vector"]]
    for name in ("quantization", "datatype", "shards", "replicas"):
        if given[name]:
            extra += [f"--{name}", str(given[name])]
    if given["on_disk"] is not None:
        extra.append("--on-disk" if given["on_disk"] else "--in-memory")
    if not given["defer"]:
        extra.append("--no-defer")
    return tuple(extra)
