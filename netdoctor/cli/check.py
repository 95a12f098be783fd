"""``netdoctor check A B``: why can A not reach B?"""

from __future__ import annotations

import shlex
from typing import Any

import click

from netdoctor.cli.common import (
    Session,
    publish,
    refuse_bad_settings,
    session,
    status_of,
    until_green,
)
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.model import Edge, Report, Topology, Verdict

EXAMPLES = """
\b
Examples:
  netdoctor check app qdrant                 both directions, port from app's settings
  netdoctor check app qdrant:6333/healthz    this port, this path
  netdoctor check app                        every connection that touches app
  netdoctor check host qdrant                from this machine instead of a container
"""


@click.command(epilog=EXAMPLES)
@click.argument("source", required=False)
@click.argument("target", required=False)
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False),
    envvar="NETDOCTOR_BUNDLE",
    show_envvar=True,
    help="Diagnose a recorded topology; no engine is asked.",
)
@shared_options
@click.pass_context
def command(ctx: click.Context, /, source: str | None, target: str | None, bundle: str | None, **options: Any) -> None:
    """Find out why SOURCE cannot reach TARGET, and name the one cause.

    SOURCE and TARGET are containers, by name, id, compose service or project/service. TARGET may carry a port
    and a path, or be a URL or HOST:PORT outside Docker. Without TARGET: every connection that touches SOURCE.
    Without both: every connection that the running containers declare.
    """
    settings = read_settings(ctx, options)
    if bundle is not None:
        refuse_bad_settings(settings)
        report = _recorded(bundle, source, target, settings)
    else:
        with session(settings) as opened:
            report = until_green(lambda turn: _attempt(opened, source, target, turn), settings.wait)
    publish(settings, report, next_command(report, source, target))
    ctx.exit(status_of(report, settings))


def _attempt(opened: Session, source: str | None, target: str | None, turn: int) -> Report:
    if turn:
        opened.look_again()
    return opened.diagnose(edges_for(opened.topology, source, target))


def edges_for(topology: Topology, source: str | None, target: str | None) -> list[Edge]:
    """The edges that the arguments mean. Raises UsageError when there are none: nothing asked is not health."""
    from netdoctor.edges.arguments import all_edges, edge_between, edges_of

    if source is not None and target is not None:
        return [edge_between(topology, source, target)]
    found = list(edges_of(topology, source) if source is not None else all_edges(topology))
    if not found:
        where = f"No connection to or from {source} is declared" if source else "No container declares a connection"
        raise UsageError(
            f"{where}: no environment variable names another container.",
            hint="Name both ends: netdoctor check SOURCE TARGET[:PORT]",
        )
    return found


def _recorded(path: str, source: str | None, target: str | None, settings: Settings) -> Report:
    from netdoctor.cli.common import codes
    from netdoctor.diagnosis.run import diagnose
    from netdoctor.topology.bundle import read_bundle
    from netdoctor.vantage.recorded import Recorded

    topology, answers = read_bundle(path)
    edges = edges_for(topology, source, target)
    return diagnose(
        topology,
        edges,
        Recorded(),
        timeout=settings.timeout,
        only=codes(settings.only),
        skip=codes(settings.skip),
        recorded=answers,
    )


def next_command(report: Report, source: str | None, target: str | None) -> str:
    """What to type now: the fix where netdoctor can do it, else the page of the first cause."""
    if report.topology is not None and report.topology.source != "engine":
        return f"netdoctor explain {report.findings[0].code}" if report.findings else ""
    if any(remedy.operations for finding in report.findings for remedy in finding.remedies):
        return " ".join(["netdoctor fix", *(shlex.quote(word) for word in (source, target) if word), "--persist"])
    if report.findings:
        return f"netdoctor explain {report.findings[0].code}"
    return _for_silence(report) if report.verdict is Verdict.UNKNOWN else ""


def _for_silence(report: Report) -> str:
    """The page of netdoctor's own error that kept the questions from being asked, where there is one."""
    codes = [each.reason.partition(":")[0] for each in report.unjudged if each.reason.startswith("ND9")]
    return f"netdoctor explain {codes[0]}" if codes else ""
