"""``netdoctor expect``: read netdoctor.yaml back, or write it from what works now."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._expected import expectations as find_expectations
from netdoctor.cli.common import Session, emit, session, speaker
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.redact import redact_text
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.edges.expectation_file import Entry, ExpectationFile

DEFAULT = "netdoctor.yaml"
SCHEMA = "netdoctor.expectations/1"

EXAMPLES = """
\b
The file:
  version: 1
  expectations:
    - app -> http://qdrant:6333/healthz
    - web -x> db:5432 (isolated)
    - from: app
      to: redis
      port: 6379
      severity: warning
      why: sessions survive without it

\b
Examples:
  netdoctor expect                                   read netdoctor.yaml, and say what it means
  netdoctor expect --learn --project shop            write it from what one project reaches now
  netdoctor expect --learn - > netdoctor.yaml        the same for all containers, to stdout
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--expectations",
    type=click.Path(dir_okay=False),
    envvar="NETDOCTOR_EXPECTATIONS",
    show_envvar=True,
    help="The file to read (default: netdoctor.yaml in this folder).",
)
@click.option(
    "--learn",
    is_flag=False,
    flag_value=DEFAULT,
    metavar="[PATH]",
    envvar="NETDOCTOR_LEARN",
    show_envvar=True,
    help=f"Write what works now, to {DEFAULT} or PATH (- is stdout).",
)
@click.option(
    "--force", is_flag=True, envvar="NETDOCTOR_FORCE", show_envvar=True, help="Replace a file that is there already."
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="NAME",
    envvar="NETDOCTOR_PROJECT",
    show_envvar=True,
    help="With --learn: only containers of this Compose project; repeatable.",
)
@shared_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    expectations: str | None,
    learn: str | None,
    force: bool,
    projects: tuple[str, ...],
    **options: Any,
) -> None:
    """Read the expectations and say what they mean, or learn them from what works now.

    Reading asks no engine. `netdoctor check` without arguments asks whether the expectations hold.
    """
    settings = read_settings(ctx, options)
    if learn is not None:
        _learn(learn, force, frozenset(projects), settings)
        ctx.exit(Exit.OK)
    if settings.format not in ("human", "json"):
        raise UsageError("Expectations are listed as human or json.", hint="Use --format json.")
    file = find_expectations(expectations)
    if file is None:
        raise UsageError(
            f"There is no {DEFAULT} in this folder.", hint="Write it from what works now: netdoctor expect --learn"
        )
    emit(settings, _document(file) if settings.format == "json" else _listing(file))
    if settings.format != "json":
        for warning in file.warnings:
            speaker(settings)(f"warning: {warning}")
    ctx.exit(Exit.OK)


def _learn(path: str, force: bool, projects: frozenset[str], settings: Settings) -> None:
    """Ask first, write at the end: a run that fails leaves the old file, or none."""
    if path != "-" and not force and os.path.lexists(path):
        raise UsageError(f"{plain(path)} is there already.", hint="Replace it with --force, or name another PATH.")
    # What nobody could look at would be expected of nobody.
    with session(settings, whole=True) as opened:
        text, count = _asked(opened, projects)
    say = speaker(settings)
    if path == "-":
        emit(settings, text)
    else:
        _write(path, text, force)
    if not count:
        say("warning: nothing that was asked works; the file expects nothing")
    written = f"{count} {'expectation' if count == 1 else 'expectations'} written"
    say(f"{written} to {'stdout' if path == '-' else path}; check them with: netdoctor check")


def _asked(opened: Session, projects: frozenset[str]) -> tuple[str, int]:
    from datetime import UTC, datetime

    from netdoctor.edges.arguments import all_edges
    from netdoctor.edges.learn import learned
    from netdoctor.edges.pairs import only_projects, pairs

    declared = only_projects(all_edges(opened.topology), opened.topology, projects)
    reports = list(opened.diagnose(declared).edges) if declared else []
    found = pairs(opened.topology, projects)
    if found.edges:
        known = {(each.edge.source, each.edge.target, each.edge.port) for each in reports}
        every = opened.diagnose_pairs(found.edges, ()).edges
        reports += [each for each in every if (each.edge.source, each.edge.target, each.edge.port) not in known]
    return learned(opened.topology, reports, datetime.now(UTC).astimezone().date().isoformat())


def _write(path: str, text: str, force: bool) -> None:
    from netdoctor.files import write_whole

    try:
        if not force:
            # Nobody's file is replaced, not even one that came while we asked.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            write_whole(path, text)
        except BaseException:
            if not force:
                Path(path).unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise UsageError(f"{plain(path)} is there already.", hint="Replace it with --force.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{plain(path)} cannot be written: {why}.", hint="Name another PATH.") from error


def _listing(file: ExpectationFile) -> str:
    lines = [f"{plain(file.path)}: {len(file.entries)} expectations"]
    for entry in file.entries:
        lines += [f"  {plain(redact_text(entry.text))}", *(f"      {each}" for each in _details(entry))]
    lines += [f"  suppressed everywhere: {each}" for each in _suppressed(file.suppress)]
    return "\n".join([*lines, "Next: netdoctor check", ""])


def _details(entry: Entry) -> list[str]:
    expectation = entry.expectation
    said = [f"why: {plain(redact_text(expectation.why))}"] if expectation.why else []
    if expectation.severity is not None:
        said.append(f"severity: {expectation.severity.value}")
    if expectation.timeout is not None:
        said.append(f"timeout: {expectation.timeout:g} s")
    if expectation.attempts > 1:
        said.append(f"attempts: {expectation.attempts}")
    return [*said, *(f"suppressed: {each}" for each in _suppressed(expectation.suppress))]


def _suppressed(found: Any) -> list[str]:
    return [
        f"{each.code}{f' until {each.until.isoformat()}' if each.until else ''} ({plain(redact_text(each.reason))})"
        for each in found
    ]


def _document(file: ExpectationFile) -> str:
    """The same as data; the file's own words, with places."""
    document = {
        "schema": SCHEMA,
        "file": file.path,
        "expectations": [_entry(entry) for entry in file.entries],
        "suppress": [_suppression(each) for each in file.suppress],
        "warnings": [redact_text(each) for each in file.warnings],
    }
    return json.dumps(document, indent=2) + "\n"


def _entry(entry: Entry) -> dict[str, Any]:
    expectation = entry.expectation
    return {
        "text": redact_text(entry.text),
        "from": entry.source,
        "to": entry.target,
        "port": entry.port,
        "path": redact_text(entry.path) if entry.path else None,
        "protocol": entry.protocol,
        "expect": expectation.expect.value,
        "reason": expectation.reason.value if expectation.expect.value == "isolated" else None,
        "policy": redact_text(expectation.policy),
        "severity": expectation.severity.value if expectation.severity else "error",
        "why": redact_text(expectation.why),
        "timeout": expectation.timeout,
        "attempts": expectation.attempts,
        "suppress": [_suppression(each) for each in expectation.suppress],
        "line": expectation.place.line if expectation.place else None,
    }


def _suppression(each: Any) -> dict[str, Any]:
    return {
        "code": each.code,
        "reason": redact_text(each.reason),
        "until": each.until.isoformat() if each.until else None,
    }
