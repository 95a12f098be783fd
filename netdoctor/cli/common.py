"""What every verb needs: an engine, its topology, vantages, and one place that prints and chooses the exit status."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from netdoctor.cli.settings import Settings
from netdoctor.engine.client import Engine, open_engine
from netdoctor.engine.hosts import resolve_host
from netdoctor.errors import Gone, NotFound, UsageError
from netdoctor.exits import Exit
from netdoctor.formats.interface import FORMATS, Format, Look
from netdoctor.model import Confidence, Edge, Report, Severity, Topology, Verdict
from netdoctor.redact import redact_text, redacted
from netdoctor.terminal import plain

LEAST_PATIENCE = 8.0
"""Seconds that an engine may take for an answer, however short --timeout is: it may be busy."""


@dataclass(slots=True)
class Session:
    """One engine for one command. ``topology`` is the last look at it."""

    settings: Settings
    engine: Engine
    topology: Topology
    whole: bool = False
    """Whether a look at which one container could not be looked at is none; for a verb that changes things."""

    def look_again(self, *, whole: bool = False) -> Topology:
        """Read the engine anew."""
        from netdoctor.topology.engine import read_topology

        self.topology = read_topology(self.engine, whole=whole or self.whole)
        return self.topology

    def diagnose(self, edges: Sequence[Edge], topology: Topology | None = None) -> Report:
        """Ask and judge; once more from a fresh look when a target changed while it was asked."""
        from netdoctor.diagnosis.steady import diagnose_steadily

        return diagnose_steadily(topology or self.topology, edges, self._diagnose, self.look_again)

    def diagnose_pairs(self, edges: Sequence[Edge], left_out: Sequence[str]) -> Report:
        """Every one of these edges, lightly; see ``diagnosis.everyone``."""
        from netdoctor.diagnosis.everyone import diagnose_pairs

        return self._standing(
            self.topology,
            lambda vantages, options: diagnose_pairs(self.topology, edges, vantages, left_out=left_out, **options),
        )

    def _diagnose(self, topology: Topology, edges: Sequence[Edge]) -> Report:
        from netdoctor.diagnosis.run import diagnose

        return self._standing(topology, lambda vantages, options: diagnose(topology, edges, vantages, **options))

    def _standing(self, topology: Topology, work: Callable[[Any, dict[str, Any]], Report]) -> Report:
        """Do the work with this run's vantages and options; close the vantages."""
        from netdoctor.cli._progress import progress_line
        from netdoctor.vantage.choose import Vantages

        settings = self.settings
        with (
            progress_line(settings) as progress,
            Vantages(
                self.engine,
                topology,
                preference=settings.vantage,
                allow_pull=settings.pull == "missing",
                notice=speaker(settings),
            ) as vantages,
        ):
            options = {
                "timeout": settings.timeout,
                "only": codes(settings.only),
                "skip": codes(settings.skip),
                "progress": progress,
            }
            return work(vantages, options)


@contextmanager
def session(settings: Settings, *, whole: bool = False, told: bool = False) -> Iterator[Session]:
    """Open the engine that the options name and take a first look.

    A container that could not be looked at is told of (unless what the verb prints tells of it: ``told``), and is not
    in the topology; with ``whole`` it is an error.
    Raises EngineUnreachable, PermissionRefused.
    """
    from netdoctor.topology.engine import read_topology

    refuse_bad_settings(settings)
    host = resolve_host(settings.host, settings.context)
    engine = open_engine(host, timeout=patience(settings))
    try:
        topology = read_topology(engine, whole=whole)
        if not told:
            tell_of_unseen(settings, topology)
        yield Session(settings, engine, topology, whole)
    finally:
        engine.close()


def tell_of_unseen(settings: Settings, topology: Topology) -> None:
    """Who could not be looked at, and why."""
    for each in topology.unseen:
        speaker(settings)(f"warning: {each.label} could not be looked at. {each.reason}")


def patience(settings: Settings) -> float:
    """Seconds for one whole answer of the engine: 20, less where --timeout is short, more where it is long."""
    return max(settings.timeout * 2, min(20.0, max(LEAST_PATIENCE, settings.timeout * 5)))


def refuse_bad_settings(settings: Settings) -> None:
    """Before anything is asked or changed: a format, a rule or a vantage that does not exist. Raises UsageError."""
    format_of(settings)
    further_reports(settings)
    codes(settings.only)
    codes(settings.skip)
    if settings.vantage != "auto":
        from netdoctor.vantage.choose import PREFERENCES

        if settings.vantage not in PREFERENCES:
            raise UsageError(
                f"There is no vantage {plain(settings.vantage)!r}.", hint=f"Choose one of: {', '.join(PREFERENCES)}."
            )


def speaker(settings: Settings) -> Callable[[str], None]:
    """Says things on stderr, unless --quiet."""

    def say(text: str) -> None:
        if settings.quiet:
            return
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more: no reason to stop
            sys.stderr.write(f"netdoctor: {plain(redact_text(text))}\n")

    return say


def codes(given: Sequence[str]) -> frozenset[str]:
    """``ND101,nd201`` -> codes. Raises UsageError for one that no rule has."""
    from netdoctor.rules.registry import RULES

    wanted = {part.strip().upper() for text in given for part in text.split(",") if part.strip()}
    unknown = sorted(wanted - {rule.code for rule in RULES})
    if unknown:
        raise UsageError(f"There is no rule {plain(unknown[0])}.", hint="List them with: netdoctor explain --list")
    return frozenset(wanted)


def format_of(settings: Settings) -> Format:
    """Raises UsageError for a format that does not exist."""
    return _format_named(settings.format)


def _format_named(name: str) -> Format:
    if name not in FORMATS:
        raise UsageError(f"There is no format {plain(name)!r}.", hint=f"Choose one of: {', '.join(FORMATS.names())}.")
    return FORMATS.get(name)


def refuse_other_formats(settings: Settings) -> None:
    """For a verb whose result is no report: human or json. A document of another kind would not be valid."""
    format_of(settings)
    if settings.format not in ("human", "json"):
        raise UsageError(f"This is not printed as {plain(settings.format)}.", hint="Use --format human or json.")


def further_reports(settings: Settings) -> list[tuple[Format, str]]:
    """``--report junit=report.xml``: formats and paths. Raises UsageError for another shape."""
    found = []
    for text in settings.report:
        name, equals, path = text.partition("=")
        if not (equals and path):
            raise UsageError(
                f"--report {plain(text)!r} is not FORMAT=PATH.", hint="For example: --report junit=netdoctor.xml"
            )
        found.append((_format_named(name), path))
    return found


def publish(settings: Settings, report: Report, next_command: str = "") -> None:
    """The report in every format that was asked for; files first, so that stdout is the last word."""
    for form, path in further_reports(settings):
        beside = replace(settings, output=path, color="never")
        emit(beside, form.render(report, look_of(beside)))
    emit(settings, format_of(settings).render(report, look_of(settings, next_command)))


def look_of(settings: Settings, next_command: str = "") -> Look:
    """Colour by --color, NO_COLOR and whether stdout is a terminal."""
    return Look(
        color=wants_color(settings),
        width=80,
        verbose=settings.verbose > 0,
        next_command=redact_text(next_command),
        fail_on=Severity(settings.fail_on),
    )


def wants_color(settings: Settings) -> bool:
    if settings.color != "auto":
        return settings.color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return settings.output is None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(settings: Settings, text: str) -> None:
    """The report, and only the report: to stdout, or whole to a file. Raises UsageError when it cannot be written."""
    if settings.output is not None and settings.output != "-":
        from netdoctor.files import write_whole

        try:
            write_whole(settings.output, text)
        except OSError as error:
            raise _unwritten(plain(settings.output), error) from error
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (``| head``). What was found does not change by that, nor does the exit status.
        give_up_stdout()
    except OSError as error:
        give_up_stdout()
        raise _unwritten("stdout", error) from error


def emit_told(settings: Settings, told: dict[str, Any] | str) -> None:
    """What a verb found that is no report: a document for --format json, else text. No secret leaves with it."""
    if isinstance(told, str):
        emit(settings, redact_text(told))
        return
    import json

    emit(settings, json.dumps(redacted(told), indent=2, ensure_ascii=True, allow_nan=False) + "\n")


def give_up_stdout() -> None:
    """What is still buffered goes nowhere, so that the flush at exit cannot fail once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unwritten(where: str, error: Exception) -> UsageError:
    why = getattr(error, "strerror", None) or str(error)
    return UsageError(f"The report cannot be written to {where}: {why}.", hint="Name another file.")


def status_of(report: Report, settings: Settings) -> Exit:
    """The exit table: findings, then unknown, then health."""
    if settings.exit_zero:
        return Exit.OK
    threshold = Severity(settings.fail_on).rank
    failing = [
        finding
        for finding in report.findings
        if finding.severity.rank <= threshold and finding.confidence is not Confidence.POSSIBLE
    ]
    broken = [edge for edge in report.edges if edge.verdict is Verdict.BROKEN and not edge.accepted]
    if failing or any(edge.severity.rank <= threshold for edge in broken):
        return Exit.FINDINGS
    if report.topology is not None and report.topology.unseen:
        return Exit.UNKNOWN
    if report.verdict is Verdict.HOLDS:
        return Exit.OK
    # What is broken below the threshold, or accepted, is no reason to call the rest unknown.
    excused = report.edges and all(edge.verdict is not Verdict.UNKNOWN for edge in report.edges)
    return Exit.OK if excused else Exit.UNKNOWN


def is_green(report: Report, settings: Settings) -> bool:
    """Nothing is left to wait for."""
    return status_of(report, replace(settings, exit_zero=False)) is Exit.OK


def until_green(
    attempt: Callable[[int], Report],
    seconds: float,
    *,
    pause: float = 0.5,
    green: Callable[[Report], bool] = lambda report: report.verdict is Verdict.HOLDS,
) -> Report:
    """Ask again until everything holds or the time is up; ``attempt`` is given the number of the try, from 0.

    While there is time, a container that does not exist (yet, or just now) is waited for too.
    """
    deadline = time.monotonic() + seconds
    turn = 0
    while True:
        try:
            report = attempt(turn)
        except (NotFound, Gone):
            if time.monotonic() + pause >= deadline:
                raise
        else:
            if green(report) or time.monotonic() + pause >= deadline:
                return report
        time.sleep(pause)
        turn += 1
