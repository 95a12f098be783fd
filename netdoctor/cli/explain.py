"""``netdoctor explain CODE``: the page behind a code."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli.common import emit, format_of
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.rules._pages import Page

WIDTH = 78


@click.command()
@click.argument("code", required=False)
@click.option(
    "--list",
    "list_all",
    is_flag=True,
    envvar="NETDOCTOR_LIST",
    show_envvar=True,
    help="List every code with its title.",
)
@shared_options
@click.pass_context
def command(ctx: click.Context, /, code: str | None, list_all: bool, **options: Any) -> None:
    """Print the page of CODE: what is looked for, why it breaks, what would prove it wrong, the fix."""
    from netdoctor.rules._pages import pages

    settings = read_settings(ctx, options)
    format_of(settings)
    if list_all == (code is not None):
        raise UsageError("Give one code, or --list.", hint="List them with: netdoctor explain --list")
    found = pages() if code is None else (_page(code),)
    if settings.format == "human":
        emit(settings, _listed(found) if list_all else _shown(found[0]))
    else:
        emit(settings, _as_json(found, settings))


def _page(code: str) -> Page:
    """Raises UsageError with the codes that may have been meant."""
    from netdoctor.rules._pages import nearest, page

    found = page(code)
    if found is None:
        near = nearest(code)
        meant = f"Did you mean {' or '.join(near)}? All" if near else "All codes"
        raise UsageError(f"There is no code {plain(code)!r}.", hint=f"{meant}: netdoctor explain --list")
    return found


def _listed(found: tuple[Page, ...]) -> str:
    return "".join(f"{each.code}  {each.title}\n" for each in found)


def _shown(page: Page) -> str:
    lines = [f"{page.code}  {page.title}", "", *textwrap.wrap(page.summary, WIDTH)]
    for heading, text in page.sections:
        lines += ["", heading]
        # References stand one a line; everything else is prose.
        blocks = text.splitlines() if heading == "References" else text.split("\n\n")
        for block in blocks:
            lines += textwrap.wrap(
                " ".join(block.split()),
                WIDTH,
                initial_indent="  ",
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines) + "\n"


def _as_json(found: tuple[Page, ...], settings: Settings) -> str:
    if settings.format != "json":
        raise UsageError(f"Pages are not printed as {plain(settings.format)}.", hint="Use --format human or json.")
    entries = [
        {"code": each.code, "title": each.title, "summary": each.summary, "sections": dict(each.sections)}
        for each in found
    ]
    body: dict[str, Any] = {"schema": "netdoctor.pages/1", "pages": entries}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
