"""``netdoctor lint [FILES]``: do these compose files contradict themselves? No engine is needed."""

from __future__ import annotations

from typing import Any

import click

from netdoctor.cli.settings import read_settings, shared_options

EXAMPLES = """
\b
Examples:
  netdoctor lint                                the files that Compose itself would take here
  netdoctor lint app/compose.yaml db/compose.yaml     two projects, judged together
  netdoctor lint -f compose.yaml -f prod.yaml   one project of two files, merged as Compose does
  netdoctor lint --format sarif -o lint.sarif   for code scanning
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILES]...")
@click.option(
    "--env-file",
    multiple=True,
    metavar="PATH",
    envvar="NETDOCTOR_ENV_FILE",
    show_envvar=True,
    help="Take variables from here instead of .env; repeatable.",
)
@click.option(
    "--profile",
    multiple=True,
    metavar="NAME",
    envvar="NETDOCTOR_PROFILE",
    show_envvar=True,
    help="Judge services of this profile (and of none) only; repeatable. Default: of every profile.",
)
@shared_options
@click.pass_context
def command(
    ctx: click.Context, /, files: tuple[str, ...], env_file: tuple[str, ...], profile: tuple[str, ...], **options: Any
) -> None:
    """Judge compose FILES by the same rules as running containers, before anything is deployed.

    Each of FILES is a project of its own; several -f are merged into one; with neither, Compose's own lookup
    decides. What holds here is "no contradiction in these files", never "reachable". Variables without a value
    are told and stay empty; services of every profile are judged.
    """
    from netdoctor.cli.common import codes, publish, refuse_bad_settings, status_of
    from netdoctor.diagnosis.lint import lint
    from netdoctor.topology.compose import EVERY_PROFILE, read_compose

    settings = read_settings(ctx, options)
    refuse_bad_settings(settings)
    merged = [settings.file] if settings.file else []
    notices: list[str] = []
    topology = read_compose(
        [*merged, *((file,) for file in files)],
        env_files=env_file,
        profiles=profile or (EVERY_PROFILE,),
        notice=notices.append,
    )
    report = lint(topology, only=codes(settings.only), skip=codes(settings.skip), notices=notices)
    worst = report.findings[0].code if report.findings else ""
    publish(settings, report, f"netdoctor explain {worst}" if worst else "")
    ctx.exit(status_of(report, settings))
