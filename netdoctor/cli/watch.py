"""``netdoctor watch``: stay, follow the engine's events, ask again what changed, repair what was made anew."""

from __future__ import annotations

import gc
import json
import platform
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._expected import expectations as find_expectations
from netdoctor.cli._expected import something
from netdoctor.cli._interrupts import at_a_good_moment
from netdoctor.cli.check import edges_for
from netdoctor.cli.common import Session, give_up_stdout, session, speaker
from netdoctor.cli.fix import desk_of, journal_of, verb_option
from netdoctor.cli.settings import Seconds, Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.model import Edge, Report, Severity, Topology
from netdoctor.redact import redact_text
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdoctor.fixes.journal import Journal
    from netdoctor.live.alerts import Alert
    from netdoctor.live.deliver import Channel, Courier
    from netdoctor.live.wanted import Named, Source

EXAMPLES = """
\b
Examples:
  netdoctor watch                                  what netdoctor.yaml expects, else all that is declared
  netdoctor watch app qdrant --max-latency 100ms   one connection, and how fast it is
  netdoctor watch --heal                           and apply kept fixes again to containers made anew
  netdoctor watch --metrics 127.0.0.1:9469         for Prometheus
  netdoctor watch --alert-command 'mail -s netdoctor ops@example.org'
"""


class Duration(click.ParamType[float]):
    """``100ms``, ``2s``, ``5m``, ``1h``; a bare number is seconds."""

    name = "duration"
    _UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}  # noqa: RUF012 - never changed

    def __init__(self, least: float) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|min|m|h|)", str(value).strip().lower())
        if found is None:
            self.fail(f"{value!r} is no duration. For example: 100ms, 2s, 5m.", param, ctx)
        seconds = float(found[1]) * self._UNITS[found[2]]
        if seconds < self._least:
            self.fail(f"{value!r} is less than {self._least:g} s.", param, ctx)
        if seconds > Seconds.MOST:
            self.fail(f"{value!r} is more than {Seconds.MOST:g} s.", param, ctx)
        return seconds


class Line(click.ParamType[str]):
    """Text with spaces; several of them in a variable stand on lines of their own."""

    name = "line"
    envvar_list_splitter = "\n"


@click.command(epilog=EXAMPLES)
@click.argument("source", required=False)
@click.argument("target", required=False)
@verb_option("--heal", is_flag=True, help="Apply kept fixes again to containers that were made anew.")
@verb_option("--every", type=Duration(1), default="60s", metavar="TIME", help="Ask everything this often (60s).")
@verb_option("--retry", type=Duration(0.2), default="2s", metavar="TIME", help="Between answers in doubt (2s).")
@verb_option("--max-latency", type=Duration(0.001), metavar="TIME", help="Alert when answers take longer, like 100ms.")
@verb_option("--failures", type=click.IntRange(1, 1000), default=3, help="Bad answers in a row before an alert (3).")
@verb_option("--successes", type=click.IntRange(1, 1000), default=2, help="Good ones before it is over (2).")
@verb_option("--webhook", metavar="URL", help="POST alerts there as JSON; better in NETDOCTOR_WEBHOOK.")
@verb_option("--webhook-header", multiple=True, type=Line(), metavar="'NAME: VALUE'", help="With it; repeatable.")
@verb_option("--alert-command", metavar="COMMAND", help="Run it for an alert, JSON on its stdin; no shell.")
@verb_option("--metrics", metavar="HOST:PORT", help="Serve Prometheus metrics, like 127.0.0.1:9469.")
@verb_option("--expectations", type=click.Path(dir_okay=False), help="Instead of netdoctor.yaml in this folder.")
@verb_option("--project", "projects", multiple=True, metavar="NAME", help="Only this Compose project; repeatable.")
@shared_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str | None,
    target: str | None,
    expectations: str | None,
    projects: tuple[str, ...],
    **options: Any,
) -> None:
    """Stay, follow the engine's events, ask again what changed, and say what fails and what works again.

    What is watched is what `netdoctor check` would ask: SOURCE and TARGET, else netdoctor.yaml, else what the running
    containers declare. Ends with 0 when it is told to stop (SIGTERM), with 130 on Ctrl-C.
    """
    settings = read_settings(ctx, options)
    if settings.format not in ("human", "jsonl"):
        raise UsageError("A watch speaks human or jsonl.", hint="Use --format jsonl.")
    if settings.output or settings.report:
        raise UsageError("A watch has no end, so it writes no report.", hint="Send its stdout where you want it.")
    typed = {
        name
        for name in ("expectations", "projects")
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    projects = projects if source is None or "projects" in typed else ()  # a variable contradicts nothing
    if source is not None and (projects or (expectations and "expectations" in typed)):
        raise UsageError("SOURCE cannot go with --expectations or --project.", hint="Name containers, or one of these.")
    channels = _channels(options)
    wanted = _source(source, target, expectations, frozenset(projects), settings)
    with Signals() as signals:
        try:
            _watch(settings, options, wanted, channels, signals)
        except Told:
            ctx.exit(Exit.OK)


def _source(
    source: str | None, target: str | None, path: str | None, projects: frozenset[str], settings: Settings
) -> Source:
    from netdoctor.live.wanted import Declared, Expected, Named

    if source is not None:
        return Named(source, target)
    file = find_expectations(path)
    if file is None:
        return Declared(projects)
    for warning in something(file).warnings:
        speaker(settings)(f"warning: {warning}")
    return Expected(file, projects)


def _channels(options: dict[str, Any]) -> Sequence[Channel]:
    """Raises UsageError, before anything is opened."""
    from netdoctor.live.deliver import Command, Webhook

    if options["webhook_header"] and not options["webhook"]:
        raise UsageError("--webhook-header goes with --webhook.", hint="Give the address too: NETDOCTOR_WEBHOOK=URL")
    found: list[Channel] = []
    if options["webhook"]:
        found.append(Webhook(options["webhook"], options["webhook_header"]))
    if options["alert_command"]:
        found.append(Command(options["alert_command"]))
    return found


def _watch(
    settings: Settings, options: dict[str, Any], wanted: Source, channels: Sequence[Channel], signals: Signals
) -> None:
    from netdoctor.engine.events import EventStream
    from netdoctor.live.deliver import Courier
    from netdoctor.live.follow import Follower
    from netdoctor.live.heal import Healer
    from netdoctor.live.hysteresis import Limits
    from netdoctor.live.mailbox import Mailbox
    from netdoctor.live.metrics import MetricsServer, parse_listen
    from netdoctor.live.wanted import Named, Roster
    from netdoctor.live.watch import Eyes, Watch

    say = speaker(settings)
    limits = Limits(
        options["failures"], options["successes"], options["max_latency"], options["retry"], options["every"]
    )
    listen = parse_listen(options["metrics"]) if options["metrics"] else None
    with ExitStack() as stack:
        opened = stack.enter_context(session(settings))
        if isinstance(wanted, Named):
            _there(opened, wanted)
        courier = Courier(channels, tell=say)
        useful = bool(channels or options["heal"] or listen)
        healer = None
        if options["heal"]:
            journal = journal_of(opened)
            _usable(journal)
            healer = Healer(journal, replace(desk_of(opened, journal), tell=lambda _: None), tell=say)
        mailbox = Mailbox()
        watch = Watch(
            Eyes(_looking(opened), _diagnosing(opened, wanted)),
            Roster(wanted, clock=time.monotonic),
            mailbox,
            limits,
            alert=lambda alert: _announce(settings, alert, courier, useful),
            healer=healer,
            least=Severity(settings.fail_on),
            about={"host": platform.node(), "engine": opened.engine.host.url},
            tell=say,
            unbroken=signals.held,
            sent=lambda: {
                "alerts_sent": courier.sent,
                "alerts_failed": courier.failed,
                "alerts_merged": courier.merged,
            },
        )
        if listen is not None:
            server = stack.enter_context(MetricsServer(*listen, watch.numbers))
            say(f"metrics at {server.url}")
        stack.enter_context(courier)
        stack.enter_context(Follower(lambda since: EventStream(opened.engine, since, patience=PATIENCE), mailbox))
        # What changes from here on is heard; what was there before is seen by the first look.
        mailbox.wait(CONNECTED_WITHIN)
        watch.step(mailbox.take())
        for line in _first(watch.states):
            say(line)
        _settle_down()
        watch.run()


PATIENCE = 300.0
"""Seconds without an event before the stream is opened anew: a dead connection says nothing either."""
CONNECTED_WITHIN = 5.0


def _usable(journal: Journal) -> None:
    """A journal that cannot be read or written is told now, not at the first recreation. Raises JournalError."""
    from netdoctor.fixes.store import JournalBusy

    journal.transactions()
    try:
        with journal.locked():
            pass
    except JournalBusy:
        return  # somebody writes it just now: so can we, later


def _settle_down() -> None:
    """A short run hardly ever collects garbage (see ``main``); one that stays has to, but for what it began with."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 10, 10)


def _there(opened: Session, named: Named) -> None:
    """A name that nobody carries is a mistake when we begin, and an outage later. ``--wait`` is for a host that boots.

    Raises UsageError.
    """
    deadline = time.monotonic() + opened.settings.wait
    while True:
        try:
            edges_for(opened.topology, named.source, named.target)
            return
        except UsageError:
            if time.monotonic() + 0.5 >= deadline:
                raise
        time.sleep(0.5)
        opened.look_again()


def _looking(opened: Session) -> Callable[[], Topology]:
    from netdoctor.engine.events import knock

    def look() -> Topology:
        knock(opened.engine)
        return opened.look_again()

    return look


def _diagnosing(opened: Session, wanted: Source) -> Callable[[Sequence[Edge], Topology], Report]:
    """What is not possible, and how to get better, is said once and not every minute."""
    from netdoctor.live.wanted import Expected

    def diagnose(edges: Sequence[Edge], topology: Topology) -> Report:
        report = opened.diagnose(edges, topology)
        opened.settings = replace(opened.settings, quiet=max(1, opened.settings.quiet))
        if isinstance(wanted, Expected):
            from netdoctor.diagnosis.expected import settle

            # What somebody accepts fails nothing, until the day that they named.
            return settle(report, wanted.file.suppress, datetime.now(UTC).astimezone().date())
        return report

    return diagnose


def _first(states: Sequence[tuple[str, Any, str]]) -> Iterator[str]:
    """What the first look found."""
    if not states:
        yield "nothing to watch yet: no container declares a connection"
        return
    yield f"watching {len(states)} connections" if len(states) > 1 else "watching 1 connection"
    for label, verdict, reason in states:
        yield f"  {label}: {verdict.value}{f' ({reason})' if reason else ''}"


def _announce(settings: Settings, alert: Alert, courier: Courier, useful: bool) -> None:
    """To stdout as it happens; to the outside merged and limited.

    ``useful``: the watch goes on when nobody reads its stdout any more, because it repairs, alerts or serves metrics.
    """
    if settings.format == "jsonl":
        line = json.dumps(alert.document(), ensure_ascii=True, allow_nan=False)
    else:
        when = datetime.fromisoformat(alert.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        line = f"{when} {alert.event.replace('_', ' '):<11} {plain(redact_text(alert.text))}"
    courier.put(alert)
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        give_up_stdout()
        if not useful:
            raise Told from None


class Told(BaseException):
    """SIGTERM, SIGHUP: an order to stop, not a failure."""


class Signals:
    """SIGTERM, SIGHUP and SIGINT raise in the main thread; while the engine is being changed only a second one does."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # Whoever was started to outlive its terminal does.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        self._held = True
        try:
            yield
        finally:
            self._held = False
            if self._waiting is not None:
                self._raise(self._waiting)

    def _came(self, number: int, frame: FrameType | None) -> None:
        # Whether it is held is asked when the moment has come: by then the engine may be under change.
        at_a_good_moment(lambda: self._obey(number), frame)

    def _obey(self, number: int) -> None:
        if self._held and self._waiting is None:
            self._waiting = number
            return
        self._raise(number)

    def _raise(self, number: int) -> None:
        self._waiting = None
        # What cleans up after us is not to be interrupted by the same signal once more.
        for each in self._before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else Told


__all__ = ["Duration", "Line", "Signals", "Told", "command"]
