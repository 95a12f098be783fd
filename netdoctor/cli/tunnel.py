"""``netdoctor tunnel SOURCE TARGET``: a port of this machine that comes out inside a container's network."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from typing import Any

import click

from netdoctor.cli._interrupts import at_a_good_moment
from netdoctor.cli.settings import read_settings, shared_options

EXAMPLES = """
\b
Examples:
  netdoctor tunnel app qdrant:6333                       a free port of 127.0.0.1, printed first
  netdoctor tunnel app db:5432 --listen 127.0.0.1:15432  a port of your choice
  netdoctor -H ssh://me@server tunnel app qdrant:6333    on a remote engine
"""


@click.command(epilog=EXAMPLES)
@click.argument("source")
@click.argument("target")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    metavar="ADDRESS:PORT",
    envvar="NETDOCTOR_LISTEN",
    show_envvar=True,
    help="Where to listen on this machine (default 127.0.0.1:0, a free port of loopback).",
)
@shared_options
@click.pass_context
def command(ctx: click.Context, /, source: str, target: str, listen: str, **options: Any) -> None:
    """Open a local port that reaches TARGET from SOURCE's network, until Ctrl-C.

    TARGET is NAME:PORT as SOURCE would write it; without a port the one that its image is known for. The name is
    looked up anew for each connection. Nothing is published, and nothing is changed in a container or a network. The
    port is on loopback unless --listen says otherwise: whoever can connect to it reaches TARGET.
    """
    from netdoctor.cli.common import emit, refuse_other_formats, speaker
    from netdoctor.live.tunnel import Tunnel, parse_place
    from netdoctor.redact import redact_text, redacted
    from netdoctor.terminal import plain

    settings = read_settings(ctx, options)
    refuse_other_formats(settings)
    place = parse_place(listen)
    say = speaker(settings)
    with _way(settings, source, target) as way:
        _first(way, settings.wait)
        with Tunnel(place, way.dial, _Seldom(say)) as tunnel:
            if not place.loopback:
                say(f"{tunnel.place} is not loopback: whoever reaches this machine there reaches {target}")
            if settings.format == "json":
                found = {
                    "schema": "netdoctor.tunnel/1",
                    "listen": {"address": tunnel.place.address, "port": tunnel.place.port},
                    "source": source,
                    "target": target,
                    "vantage": way.open().vantage.name,
                }
                emit(settings, json.dumps(redacted(found)) + "\n")
            else:
                text = f"{tunnel.place} -> {source} -> {target} ({way.open().vantage.name}). Ctrl-C ends it."
                emit(settings, f"{plain(redact_text(text))}\n")
            _until_told()


def _way(settings: Any, source: str, target: str) -> Any:
    """The way, closed with its engine."""
    from contextlib import closing, contextmanager

    from netdoctor.cli._elsewhere import on_this_node
    from netdoctor.cli.common import session, speaker
    from netdoctor.live.way import Names, Way
    from netdoctor.vantage.choose import Vantages

    @contextmanager
    def opened() -> Any:
        with session(settings) as at:

            def stand(topology: Any) -> Vantages:
                return Vantages(
                    at.engine,
                    topology,
                    preference=settings.vantage,
                    allow_pull=settings.pull == "missing",
                    notice=speaker(settings),
                )

            names = Names(source, target)
            with (
                on_this_node(at.engine, "tunnel", source, target),
                closing(Way(names, at.look_again, stand, timeout=settings.timeout)) as way,
            ):
                yield way

    return opened()


def _first(way: Any, patience: float) -> None:
    """One connection before anything is promised. Raises what the way raises once ``patience`` seconds are over."""
    from netdoctor.errors import NotFound
    from netdoctor.live.way import NoWay

    deadline = time.monotonic() + patience
    while True:
        try:
            way.dial().close()
            return
        except (NoWay, NotFound):
            if time.monotonic() + 0.5 >= deadline:
                raise
        time.sleep(0.5)


class _Told(BaseException):
    """By SIGTERM, to end."""


def _until_told() -> None:
    """Until SIGTERM; Ctrl-C raises KeyboardInterrupt, which ends the run with 130."""

    told = False

    def end() -> None:
        nonlocal told
        if not told:  # the second one meets the way out
            told = True
            raise _Told

    before = signal.getsignal(signal.SIGTERM)
    try:
        # Raised, not noted in an event: a handler that waits for the lock of what it interrupted would wait for ever.
        signal.signal(signal.SIGTERM, lambda _, frame: at_a_good_moment(end, frame))
        while True:
            time.sleep(3600)
    except _Told:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


class _Seldom:
    """The same sentence at most once in ten seconds: a client that tries again and again is told of once."""

    def __init__(self, say: Any) -> None:
        self._say = say
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._said.get(text, -60.0) < 10:
                return
            self._said[text] = now
        self._say(text)
        sys.stderr.flush()
