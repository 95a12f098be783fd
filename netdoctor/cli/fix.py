"""``netdoctor fix A B``: plan, ask, apply, confirm from inside, keep or roll back, make permanent."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netdoctor.cli._elsewhere import on_this_node
from netdoctor.cli._expected import expectations as find_expectations
from netdoctor.cli._expected import meet_expectations, something
from netdoctor.cli._panels import panels_of
from netdoctor.cli.check import edges_for
from netdoctor.cli.common import Session, emit, refuse_other_formats, session, speaker
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit

if TYPE_CHECKING:
    from netdoctor.fixes.journal import Journal
    from netdoctor.fixes.panels import Panels
    from netdoctor.fixes.run import Desk
    from netdoctor.fixes.service import Intended
    from netdoctor.model import Report

F = TypeVar("F", bound=Callable[..., Any])

EXAMPLES = """
\b
Examples:
  netdoctor fix app qdrant              plan, ask, apply, confirm from inside
  netdoctor fix app qdrant --persist    the same, and in the compose file
  netdoctor fix app qdrant --persist --apply
                                        the same, told to the platform that owns the file
  netdoctor fix app qdrant --dry-run    the plan and the diff; nothing changes
  netdoctor fix --yes                   everything that netdoctor check finds
"""


def verb_option(*names: str, **how: Any) -> Callable[[F], F]:
    """An option of one verb, with its variable: ``NETDOCTOR_DRY_RUN`` for ``--dry-run``."""
    return click.option(*names, envvar=f"NETDOCTOR_{names[0].lstrip('-').replace('-', '_').upper()}", **how)


@click.command(epilog=EXAMPLES)
@click.argument("source", required=False)
@click.argument("target", required=False)
@verb_option("--persist", is_flag=True, help="Also in the compose file, so that it survives a recreation.")
@verb_option(
    "--override",
    is_flag=True,
    help="With --persist: leave the compose file as it is, write an override file beside it.",
)
@verb_option(
    "--apply",
    is_flag=True,
    help="With --persist: tell Coolify, Dokploy or Portainer over its API, where it owns the file.",
)
@verb_option("--yes", "-y", is_flag=True, help="Do not ask; needed where there is no terminal.")
@verb_option("--dry-run", is_flag=True, help="Show the plan and the diff, change nothing.")
@verb_option("--network", metavar="NAME", help="Bring them together on this network.")
@verb_option("--move", type=click.Choice(["source", "target"]), help="Who joins the other's network.")
@verb_option("--isolate", is_flag=True, help="A new network for these two only.")
@verb_option("--disruptive", is_flag=True, help="Allow fixes that interrupt connections which work now.")
@verb_option(
    "--expectations",
    type=click.Path(dir_okay=False),
    help="Without names: what must work and what must not (default: netdoctor.yaml in this folder).",
)
@verb_option("--finish", is_flag=True, help="Finish and confirm a fix that was interrupted.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, source: str | None, target: str | None, finish: bool, **options: Any) -> None:
    """Repair what keeps SOURCE from reaching TARGET, and prove it from inside.

    Without names: everything that `netdoctor check` finds, by netdoctor.yaml where there is one. Every change is
    written down first and can be taken back with `netdoctor undo`.

    --apply takes a platform's address and token from NETDOCTOR_COOLIFY_URL and NETDOCTOR_COOLIFY_TOKEN or
    NETDOCTOR_COOLIFY_TOKEN_FILE (DOKPLOY, PORTAINER), else it asks for them.
    """
    settings = read_settings(ctx, options)
    refuse_other_formats(settings)
    choices = _choices(options)
    if source is not None and options["expectations"] and _typed(ctx, "expectations"):
        raise UsageError("SOURCE cannot go with --expectations.", hint="Name containers, or the file.")
    for name in ("override", "apply"):
        if options[name] and not options["persist"]:
            raise UsageError(f"--{name} goes with --persist.", hint=f"Type: netdoctor fix --persist --{name}")
    with session(settings, whole=True) as opened:
        journal = journal_of(opened)
        if finish:
            ctx.exit(_finish(opened, settings, journal))
        interrupted = journal.left_behind()
        if interrupted is not None:
            from netdoctor.fixes.run import interrupted_error

            raise interrupted_error(interrupted)
        with ExitStack() as stack:
            panels = None
            if options["apply"]:
                panels = stack.enter_context(panels_of(speaker(settings), disruptive=options["disruptive"]))
            ctx.exit(_fix(opened, settings, journal, source, target, choices, options, panels))


def _typed(ctx: click.Context, name: str) -> bool:
    """On this command line; a variable that is set for all runs contradicts nothing."""
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _choices(options: dict[str, Any]) -> Any:
    from netdoctor.fixes.choices import Choices, Side

    move = Side(options["move"]) if options["move"] else None
    return Choices(options["network"], move, options["isolate"], options["disruptive"])


def _fix(
    opened: Session,
    settings: Settings,
    journal: Journal,
    source: str | None,
    target: str | None,
    choices: Any,
    options: dict[str, Any],
    panels: Panels | None,
) -> Exit:
    from netdoctor.fixes.bystanders import bystanders
    from netdoctor.fixes.service import Result, execute, intend
    from netdoctor.fixes.show import document, plan_document, plan_text, result_text

    report = _asked(opened, settings, source, target, options["expectations"])
    intended = intend(
        report,
        choices,
        about=[each.edge for each in report.edges] if source else None,
        persist=options["persist"],
        override=options["override"],
        panels=panels,
        # A tunnel to a remote engine ends in a socket here, and cannot be told from a local one.
        elsewhere=opened.engine.host.socket_path is None,
        journal=journal,
    )
    machine = settings.format == "json"
    if machine:
        _show(settings, plan_text(intended), final=False, machine=True)
    elif not intended.empty or intended.plan.held_back or options["dry_run"]:
        empty = intended.empty and not intended.plan.held_back and not any(p.pastes for p in intended.permanents)
        _show(settings, _nothing(Result(intended)) if empty else plan_text(intended), final=options["dry_run"])
    if options["dry_run"]:
        if machine:
            emit(settings, _json({"schema": "netdoctor.fix/1", "dry_run": True, **plan_document(intended)}))
        return Result(intended).status
    result = Result(intended)
    if not intended.empty:
        confirm_or_refuse("Apply this?", yes=options["yes"])
        known = [each.edge for each in report.edges]
        touched = bystanders(report.topology or opened.topology, intended.plan.fixes, known, speaker(settings))
        bystanding = opened.diagnose(touched) if touched else None
        with journal.locked():
            result = execute(intended, desk_of(opened, journal), bystanding, panels)
    elif options["persist"]:
        result = Result(intended, pastes=_pastes(intended), declared=_declared(intended))
    if machine:
        emit(settings, _json(document(result)))
    else:
        names = [shlex.quote(name) for name in (source, target) if name]
        again, for_good = (
            " ".join(["netdoctor", *words]) for words in (["check", *names], ["fix", *names, "--persist"])
        )
        text = result_text(result, again=again, persist_command=for_good)
        if intended.empty and not intended.plan.held_back and not result.pastes and not result.declared:
            text = _nothing(result)
        _show(settings, text, final=True)
    return result.status


def _asked(
    opened: Session, settings: Settings, source: str | None, target: str | None, expectations: str | None
) -> Report:
    """Of the containers that were named, else of what is expected, else of what is declared, as ``check`` does it."""
    file = find_expectations(expectations) if source is None else None
    if file is None:
        with on_this_node(opened.engine, "fix", source, target):
            edges = edges_for(opened.topology, source, target)
        return opened.diagnose(edges)
    for warning in something(file).warnings:
        speaker(settings)(f"warning: {warning}")
    return meet_expectations(
        file,
        lambda again: opened.look_again() if again else opened.topology,
        lambda edges, topology: opened.diagnose(edges, topology),
        frozenset(),
    )


def _nothing(result: Any) -> str:
    if result.status is Exit.OK:
        return "Nothing to fix: everything asked holds.\n"
    if result.status is Exit.UNKNOWN:
        return "Nothing to fix: what was asked is unknown. See: netdoctor check\n"
    return "Nothing that netdoctor can fix. See: netdoctor check\n"


def _pastes(intended: Intended) -> Any:
    return tuple(paste for permanent in intended.permanents for paste in permanent.pastes)


def _declared(intended: Intended) -> Any:
    return tuple(each for permanent in intended.permanents for each in permanent.declared)


def _finish(opened: Session, settings: Settings, journal: Journal) -> Exit:
    from netdoctor.fixes.plan import Plan
    from netdoctor.fixes.run import finish
    from netdoctor.fixes.service import Intended, Result
    from netdoctor.fixes.show import document, result_text

    with journal.locked():
        interrupted = journal.interrupted()
        if interrupted is None:
            raise UsageError("There is no interrupted fix to finish.", hint="Start one: netdoctor fix")
        outcome = finish(interrupted, desk_of(opened, journal))
    assert outcome.report is not None
    result = Result(Intended(outcome.report, Plan(())), (outcome,))
    if settings.format == "json":
        emit(settings, _json(document(result)))
    else:
        ends = _ends(outcome.report)
        again, for_good = (" ".join(["netdoctor", *words]) for words in (["check", *ends], ["fix", *ends, "--persist"]))
        emit(settings, result_text(result, again=again, persist_command=for_good))
    return result.status


def _ends(report: Report) -> list[str]:
    """What to type for the one edge that was asked, nothing where there were several."""
    from netdoctor.diagnosis.run import name_of

    if report.topology is None or len(report.edges) != 1:
        return []
    edge = report.edges[0].edge
    return [shlex.quote(name_of(report.topology, ref)) for ref in (edge.source, edge.target)]


def journal_of(opened: Session) -> Journal:
    """The journal of this engine."""
    from netdoctor.fixes.journal import Journal
    from netdoctor.fixes.store import Store, state_folder

    folder = state_folder(opened.engine.id, os.environ, root=os.geteuid() == 0)
    return Journal(Store(folder, opened.engine.id))


def desk_of(opened: Session, journal: Journal) -> Desk:
    """What the loop works with; progress goes to stderr."""
    from netdoctor.fixes.run import Desk

    return Desk(
        engine=opened.engine,
        look=lambda: opened.look_again(whole=True),
        recheck=lambda topology, edges: opened.diagnose(edges, topology),
        journal=journal,
        read_inside=opened.engine.read_file,
        tell=speaker(opened.settings),
    )


def confirm_or_refuse(question: str, *, yes: bool) -> None:
    """Ask on a terminal. Raises UsageError where there is none and --yes was not given, Abort on no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "This changes the engine's networks, and there is no terminal to ask on. Nothing was changed.",
            hint="Add --yes to go ahead, or --dry-run to see the plan only.",
        )
    if not click.confirm(question, err=True):
        raise UsageError("Nothing was changed.", status=Exit.FINDINGS)


def _show(settings: Settings, text: str, *, final: bool, machine: bool = False) -> None:
    """The plan comes before the question, the result after it; a file and a machine get one document at the end."""
    if final or (settings.output is None and not machine):
        emit(settings, text)
    elif not settings.quiet:
        sys.stderr.write(text)


def _json(data: dict[str, Any]) -> str:
    import json

    from netdoctor.redact import redacted

    return json.dumps(redacted(data), indent=2, ensure_ascii=True, allow_nan=False) + "\n"
