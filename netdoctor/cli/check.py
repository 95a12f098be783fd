"""``netdoctor check A B``: why can A not reach B?"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._elsewhere import on_this_node
from netdoctor.cli._expected import expectations as find_expectations
from netdoctor.cli._expected import meet_expectations, something
from netdoctor.cli.common import (
    Session,
    is_green,
    publish,
    refuse_bad_settings,
    session,
    speaker,
    status_of,
    until_green,
)
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.model import Edge, Finding, Report, Topology, Verdict

if TYPE_CHECKING:
    from netdoctor.edges.expectation_file import ExpectationFile
    from netdoctor.edges.pairs import Pairs

EXAMPLES = """
\b
Examples:
  netdoctor check app qdrant                 both directions, port from app's settings
  netdoctor check app qdrant:6333/healthz    this port, this path
  netdoctor check app                        every connection that touches app
  netdoctor check host qdrant                from this machine instead of a container
  netdoctor check                            what netdoctor.yaml expects, else all that is declared
  netdoctor check --all --project shop       every pair of running containers of one project
  netdoctor check --drift                    what runs against the compose files it was made from
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
@click.option(
    "--expectations",
    type=click.Path(dir_okay=False),
    envvar="NETDOCTOR_EXPECTATIONS",
    show_envvar=True,
    help="What must work and what must not (default: netdoctor.yaml in this folder, if there is one).",
)
@click.option(
    "--all",
    "everyone",
    is_flag=True,
    envvar="NETDOCTOR_ALL",
    show_envvar=True,
    help="Every pair of running containers.",
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="NAME",
    envvar="NETDOCTOR_PROJECT",
    show_envvar=True,
    help="With no SOURCE: only what begins in this Compose project; repeatable.",
)
@click.option(
    "--drift",
    is_flag=True,
    envvar="NETDOCTOR_DRIFT",
    show_envvar=True,
    help="Compare what runs with the compose files it was made from (or with -f); nothing is asked.",
)
@shared_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str | None,
    target: str | None,
    bundle: str | None,
    expectations: str | None,
    everyone: bool,
    projects: tuple[str, ...],
    drift: bool,
    **options: Any,
) -> None:
    """Find out why SOURCE cannot reach TARGET, and name the one cause.

    SOURCE and TARGET are containers, by name, id, compose service or project/service. TARGET may carry a port
    and a path, or be a URL or HOST:PORT outside Docker. Without TARGET: every connection that touches SOURCE.
    Without both: the expectations of netdoctor.yaml, else every connection that the running containers declare.
    """
    settings = read_settings(ctx, options)
    refuse_bad_settings(settings)
    if source is not None:
        projects = projects if _typed(ctx, "projects") else ()
        everyone = everyone and _typed(ctx, "everyone")
        drift = drift and _typed(ctx, "drift")
    if source is not None and (everyone or projects or (expectations and _typed(ctx, "expectations"))):
        raise UsageError(
            "SOURCE cannot go with --all, --project or --expectations.", hint="Name containers, or one of these."
        )
    if drift:
        if source is not None or everyone or bundle is not None:
            raise UsageError(
                "--drift cannot go with SOURCE, --all or --bundle.",
                hint="Name projects with --project, or files with -f.",
            )
        ctx.exit(_drift(settings, frozenset(projects)))
    asked = Asked(source, target, everyone, frozenset(projects))
    if source is None and not everyone and (bundle is None or expectations is not None):
        file = find_expectations(expectations)
        if file is not None:
            asked = replace(asked, file=something(file))
            for warning in file.warnings:
                speaker(settings)(f"warning: {warning}")
    if bundle is not None:
        report = _recorded(bundle, asked, settings)
    else:
        with session(settings, told=True) as opened:
            report = until_green(
                lambda turn: _attempt(opened, asked, turn),
                settings.wait,
                green=lambda report: is_green(report, settings),
            )
    publish(settings, report, next_command(report, source, target))
    ctx.exit(status_of(report, settings))


@dataclass(frozen=True, slots=True)
class Asked:
    """What the arguments mean."""

    source: str | None = None
    target: str | None = None
    everyone: bool = False
    projects: frozenset[str] = frozenset()
    file: ExpectationFile | None = None


def _drift(settings: Settings, projects: frozenset[str]) -> Exit:
    """What the compose files declare against what runs."""
    from netdoctor.diagnosis.drift import drift

    with session(settings, told=True) as opened:
        report = until_green(
            lambda turn: drift(
                opened.look_again() if turn else opened.topology, files=settings.file, projects=projects
            ),
            settings.wait,
            green=lambda report: is_green(report, settings),
        )
    publish(settings, report, "netdoctor explain ND802" if report.findings else "")
    return status_of(report, settings)


def _typed(ctx: click.Context, name: str) -> bool:
    """On this command line; a variable that is set for all runs contradicts nothing."""
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _attempt(opened: Session, asked: Asked, turn: int) -> Report:
    if turn:
        opened.look_again()
    if asked.file is not None:
        return meet_expectations(
            asked.file,
            lambda again: opened.look_again() if again else opened.topology,
            lambda edges, topology: opened.diagnose(edges, topology),
            asked.projects,
        )
    if asked.everyone:
        found = pairs_of(opened.topology, asked.projects)
        return opened.diagnose_pairs(found.edges, found.left_out)
    with on_this_node(opened.engine, "check", asked.source, asked.target):
        edges = edges_for(opened.topology, asked.source, asked.target, asked.projects)
    return opened.diagnose(edges)


def pairs_of(topology: Topology, projects: frozenset[str]) -> Pairs:
    """Raises UsageError when there is no pair."""
    from netdoctor.edges.pairs import pairs

    found = pairs(topology, projects)
    if not found.edges:
        _complain_of_unseen(topology)
        raise UsageError("There are no two running containers to pair.", hint="List the containers with: netdoctor")
    return found


def edges_for(
    topology: Topology, source: str | None, target: str | None, projects: frozenset[str] = frozenset()
) -> list[Edge]:
    """The edges that the arguments mean. Raises UsageError when there are none: nothing asked is not health."""
    from netdoctor.edges.arguments import all_edges, edges_between, edges_of

    if source is not None and target is not None:
        return list(edges_between(topology, source, target))
    found = list(edges_of(topology, source) if source is not None else all_edges(topology))
    if projects:
        from netdoctor.edges.pairs import only_projects

        found = list(only_projects(found, topology, projects))
    if not found:
        _complain_of_unseen(topology)
        where = f"No connection to or from {source} is declared" if source else "No container declares a connection"
        raise UsageError(
            f"{where}: {_unmet(topology, source)}.",
            hint="Name both ends: netdoctor check SOURCE TARGET[:PORT]. Or ask for every pair: netdoctor check --all",
        )
    return found


def _complain_of_unseen(topology: Topology) -> None:
    """That nothing is declared is not known while somebody could not be looked at. Raises NotLookedAt."""
    if topology.unseen:
        from netdoctor.topology.names import not_looked_at

        raise not_looked_at(topology.unseen[0])


def _unmet(topology: Topology, source: str | None) -> str:
    """Why no connection was found: names that nobody carries are not the same as no names at all."""
    from netdoctor.diagnosis.run import name_of
    from netdoctor.edges.arguments import left_alone
    from netdoctor.edges.environment import unmet
    from netdoctor.topology.names import find_replicas

    name = partial(name_of, topology)
    ends = [f"{name(each.source)} to {name(each.target)}:{each.port}" for each in left_alone(topology, source)]
    if ends:
        more = f" (and {len(ends) - 2} more)" if len(ends) > 2 else ""
        return f"{' and '.join(ends[:2])}{more} goes over UDP, which answers nobody who only asks"
    callers = find_replicas(topology, source) if source is not None else topology.containers
    found = list(dict.fromkeys(f"{m.variable} of {c.name} names {m.address.host}" for c, m in unmet(topology, callers)))
    if not found:
        return "no environment variable and no command line names another container"
    more = f" (and {len(found) - 2} more)" if len(found) > 2 else ""
    return f"{'; '.join(found[:2])}{more}, which no container is called"


def _recorded(path: str, asked: Asked, settings: Settings) -> Report:
    from netdoctor.cli.common import codes
    from netdoctor.diagnosis.run import diagnose
    from netdoctor.topology.bundle import read_bundle
    from netdoctor.vantage.recorded import Recorded

    topology, answers = read_bundle(path)

    def judged(edges: Sequence[Edge], topology: Topology) -> Report:
        return diagnose(
            topology,
            edges,
            Recorded(),
            timeout=settings.timeout,
            only=codes(settings.only),
            skip=codes(settings.skip),
            recorded=answers,
        )

    if asked.file is not None:
        return meet_expectations(asked.file, lambda _: topology, judged, asked.projects)
    if asked.everyone:
        return judged(pairs_of(topology, asked.projects).edges, topology)
    return judged(edges_for(topology, asked.source, asked.target, asked.projects), topology)


def next_command(report: Report, source: str | None, target: str | None) -> str:
    """What to type now: the fix where netdoctor can do it, else the page of the first cause."""
    if report.topology is not None and report.topology.source != "engine":
        return f"netdoctor explain {report.findings[0].code}" if report.findings else ""
    fixable = next((each for each in report.findings if any(remedy.operations for remedy in each.remedies)), None)
    if fixable is not None:
        ends = [word for word in (source, target) if word] or _ends(report, fixable)
        return " ".join(["netdoctor fix", *map(shlex.quote, ends), "--persist"])
    if report.findings:
        return f"netdoctor explain {report.findings[0].code}"
    return _for_silence(report) if report.verdict is Verdict.UNKNOWN else ""


def _ends(report: Report, finding: Finding) -> list[str]:
    """The names of the edge that it is about."""
    from netdoctor.diagnosis.run import name_of

    if report.topology is None or finding.edge is None or len(report.edges) == 1:
        return []
    return [name_of(report.topology, ref) for ref in (finding.edge.source, finding.edge.target)]


def _for_silence(report: Report) -> str:
    """The page of netdoctor's own error that kept the questions from being asked, where there is one."""
    codes = [each.reason.partition(":")[0] for each in report.unjudged if each.reason.startswith("ND9")]
    return f"netdoctor explain {codes[0]}" if codes else ""
