"""``netdoctor doctor``: can netdoctor work here?"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netdoctor.readiness.interface import Line, Situation

EXAMPLES = """
\b
Examples:
  netdoctor doctor
  netdoctor -H ssh://me@server doctor
  netdoctor doctor --fail-on warning     also fail where something could work better
"""


@click.command(epilog=EXAMPLES)
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Can netdoctor work here? Each thing it leans on, in one line, with the remedy where something is missing.

    Looks at the engine, what may be asked from where, Compose, the fix journal and the libraries; changes nothing and
    starts nothing. Ends with 3 where netdoctor cannot do its work, else with 0 (with 1 for notes under --fail-on
    warning).
    """
    from netdoctor.cli.common import emit, refuse_bad_settings, refuse_other_formats
    from netdoctor.readiness.interface import State, examine
    from netdoctor.redact import redacted

    settings = read_settings(ctx, options)
    refuse_bad_settings(settings)
    refuse_other_formats(settings)
    lines = _look(settings, examine)
    if settings.format == "json":
        document = {
            "schema": "netdoctor.doctor/1",
            "works": all(line.state is not State.BAD for line in lines),
            "lines": [
                {"subject": line.subject, "state": line.state.value, "said": line.said, "remedy": line.remedy}
                for line in lines
            ],
        }
        emit(settings, json.dumps(redacted(document), indent=2) + "\n")
    else:
        emit(settings, _human(lines))
    states = {line.state for line in lines}
    if settings.exit_zero or states == {State.OK}:
        ctx.exit(Exit.OK)
    if State.BAD in states:
        ctx.exit(Exit.UNKNOWN)
    ctx.exit(Exit.FINDINGS if settings.fail_on in ("warning", "info") else Exit.OK)


def _look(settings: Settings, examine: Callable[[Situation], tuple[Line, ...]]) -> tuple[Line, ...]:
    from netdoctor.cli.common import patience
    from netdoctor.engine.client import open_engine
    from netdoctor.engine.hosts import resolve_host
    from netdoctor.errors import NetdoctorError
    from netdoctor.readiness.interface import Situation as Here
    from netdoctor.topology.engine import read_topology

    root = os.geteuid() == 0
    host = resolve_host(settings.host, settings.context)
    try:
        engine = open_engine(host, timeout=patience(settings))
    except NetdoctorError as failure:
        return examine(Here(None, None, failure, os.environ, root))
    with engine:
        return examine(Here(engine, read_topology(engine), None, os.environ, root))


def _human(lines: Sequence[Line]) -> str:
    from netdoctor.redact import redact_text
    from netdoctor.terminal import plain

    wide = max(len(line.subject) for line in lines)
    said = []
    for line in lines:
        said.append(f"{line.state.value:<5} {plain(line.subject):<{wide}}  {plain(redact_text(line.said))}")
        if line.remedy:
            said.append(f"{'':<5} {'':<{wide}}  -> {plain(redact_text(line.remedy))}")
    return "\n".join([*said, ""])
