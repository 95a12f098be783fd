"""``netdoctor enter CONTAINER COMMAND``: this machine's programs, the container's network."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import click

from netdoctor.cli._interrupts import at_a_good_moment
from netdoctor.cli.settings import read_settings, shared_options

EXAMPLES = """
\b
Examples:
  netdoctor enter app -- curl -s http://qdrant:6333/healthz
  netdoctor enter app -- tcpdump -ni any port 6333
  netdoctor enter app                             a shell of yours, standing there
  netdoctor --vantage sidecar enter app -- python3 -c 'print(1)'    in a helper container
"""


@click.command(epilog=EXAMPLES, context_settings={"allow_interspersed_args": False})
@click.argument("container")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] [COMMAND]...")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, container: str, command: tuple[str, ...], **options: Any) -> None:
    """Run COMMAND of this machine in CONTAINER's network, with CONTAINER's resolver and hosts file.

    So curl, psql or tcpdump work for an image that has none of them. Files, users and processes stay this machine's;
    nothing is changed in the container. It needs root on the engine's machine. Else a helper container is used, where
    only the commands of its image can be run. The exit status is COMMAND's own.
    """
    from netdoctor.cli._elsewhere import on_this_node
    from netdoctor.cli.common import session, speaker
    from netdoctor.errors import NoVantage, UsageError
    from netdoctor.live.enter import Entrance, beside
    from netdoctor.topology.names import find_container
    from netdoctor.vantage.choose import Vantages
    from netdoctor.vantage.interface import CannotAsk
    from netdoctor.vantage.kinds import Impossible

    settings = read_settings(ctx, options)
    command = _command(container, command)
    if settings.vantage == "exec":
        raise UsageError("exec runs a container's own programs.", hint=f"docker exec -it {container} COMMAND")
    with session(settings) as opened:
        with on_this_node(opened.engine, "enter", container):
            found = find_container(opened.topology, container)
        allow = settings.pull == "missing"
        with Vantages(opened.engine, opened.topology, preference=settings.vantage, allow_pull=allow) as vantages:
            try:
                site = vantages.site(found)
            except CannotAsk as reason:
                raise NoVantage(
                    f"Cannot step into {found.name}'s network: {reason.reason}.", hint=f"docker start {found.name}"
                ) from reason
        refused: Impossible | None = None
        if settings.vantage in ("auto", "netns"):
            try:
                entrance = Entrance(site)
            except Impossible as impossible:
                refused = impossible
            else:
                entrance.become(command or (os.environ.get("SHELL") or "/bin/sh",), found)
        if settings.vantage == "netns" and refused is not None:
            raise NoVantage(f"Cannot step into {found.name}'s network: netns: {refused.reason}.", hint=refused.hint)
        if refused is not None:
            speaker(settings)(f"netns is not possible ({refused.reason}); using a helper container's own programs")
        if not command:
            raise UsageError(
                "In a helper container a COMMAND is needed.", hint=f"netdoctor enter {container} -- COMMAND"
            )
        ctx.exit(_to_its_end(lambda: beside(opened.engine, site, command)))


def _command(container: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """What follows the container. Raises UsageError for what can only be a slip."""
    from netdoctor.errors import UsageError
    from netdoctor.terminal import plain

    if words[:1] == ("--",):
        words = words[1:]
    elif words and words[0].startswith("-"):
        raise UsageError(
            f"{plain(words[0])} stands behind the container, where the COMMAND begins.",
            hint=f"netdoctor enter {plain(words[0])} ... {plain(container)} -- COMMAND",
        )
    if words and not words[0]:
        raise UsageError("An empty COMMAND was given.", hint=f"netdoctor enter {plain(container)} -- COMMAND")
    return words


class _Told(BaseException):
    """By a signal, to end."""

    def __init__(self, number: int) -> None:
        self.number = number


def _to_its_end(work: Callable[[], int]) -> int:
    """Its status. A signal that ends us ends the helper first: a command that reads no stdin would stay behind."""

    def told(number: int, frame: FrameType | None) -> None:
        at_a_good_moment(lambda: end(number), frame)

    def end(number: int) -> NoReturn:
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        raise _Told(number)

    wanted = (signal.SIGTERM, signal.SIGHUP)
    taken = [each for each in wanted if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, told) for each in taken}
    try:
        return work()
    except _Told as order:
        signal.signal(order.number, signal.SIG_DFL)
        os.kill(os.getpid(), order.number)
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
