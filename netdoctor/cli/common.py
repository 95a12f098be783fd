"""What every verb needs: an engine, its topology, vantages, and one place that prints and chooses the exit status."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netdoctor.cli.settings import Settings
from netdoctor.engine.client import Engine, open_engine
from netdoctor.engine.hosts import resolve_host
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.formats.interface import FORMATS, Format, Look
from netdoctor.model import Confidence, Edge, Report, Severity, Topology, Verdict
from netdoctor.terminal import plain


@dataclass(slots=True)
class Session:
    """One engine for one command. ``topology`` is the last look at it."""

    settings: Settings
    engine: Engine
    topology: Topology

    def look_again(self) -> Topology:
        """Read the engine anew."""
        from netdoctor.topology.engine import read_topology

        self.topology = read_topology(self.engine)
        return self.topology

    def diagnose(self, edges: Sequence[Edge], topology: Topology | None = None) -> Report:
        """Ask and judge; once more from a fresh look when a target changed while it was asked."""
        from netdoctor.diagnosis.run import CHANGED

        report = self._diagnose(edges, topology or self.topology)
        if any(edge.reason.startswith(CHANGED) for edge in report.edges):
            report = self._diagnose(edges, self.look_again())
        return report

    def _diagnose(self, edges: Sequence[Edge], topology: Topology) -> Report:
        from netdoctor.diagnosis.run import diagnose
        from netdoctor.vantage.choose import Vantages

        settings = self.settings
        with Vantages(self.engine, topology, preference=settings.vantage, notice=speaker(settings)) as vantages:
            return diagnose(
                topology,
                edges,
                vantages,
                timeout=settings.timeout,
                only=codes(settings.only),
                skip=codes(settings.skip),
            )


@contextmanager
def session(settings: Settings) -> Iterator[Session]:
    """Open the engine that the options name and take a first look. Raises EngineUnreachable, PermissionRefused."""
    from netdoctor.topology.engine import read_topology

    host = resolve_host(settings.host, settings.context)
    engine = open_engine(host, timeout=max(20.0, settings.timeout * 2))
    try:
        yield Session(settings, engine, read_topology(engine))
    finally:
        engine.close()


def speaker(settings: Settings) -> Callable[[str], None]:
    """Says things on stderr, unless --quiet."""

    def say(text: str) -> None:
        if not settings.quiet:
            sys.stderr.write(f"netdoctor: {plain(text)}\n")

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
    if settings.format not in FORMATS:
        raise UsageError(
            f"There is no format {plain(settings.format)!r}.", hint=f"Choose one of: {', '.join(FORMATS.names())}."
        )
    return FORMATS.get(settings.format)


def look_of(settings: Settings, next_command: str = "") -> Look:
    """Colour by --color, NO_COLOR and whether stdout is a terminal."""
    return Look(color=wants_color(settings), width=80, verbose=settings.verbose > 0, next_command=next_command)


def wants_color(settings: Settings) -> bool:
    if settings.color != "auto":
        return settings.color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return settings.output is None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(settings: Settings, text: str) -> None:
    """The report, and only the report: to stdout, or whole to a file. Raises UsageError when it cannot be written."""
    if settings.output is None or settings.output == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    path = Path(settings.output)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as beside:
            beside.write(text)
        Path(beside.name).chmod(0o666 & ~_umask())
        Path(beside.name).replace(path)
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {plain(str(path))}: {error.strerror}.", hint="Choose another --output."
        ) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


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
    if failing or any(edge.verdict is Verdict.BROKEN for edge in report.edges):
        return Exit.FINDINGS
    return Exit.OK if report.verdict is Verdict.HOLDS else Exit.UNKNOWN


def until_green(attempt: Callable[[], Report], seconds: float, *, pause: float = 0.5) -> Report:
    """Ask again until everything holds or the time is up."""
    deadline = time.monotonic() + seconds
    report = attempt()
    while report.verdict is not Verdict.HOLDS and time.monotonic() + pause < deadline:
        time.sleep(pause)
        report = attempt()
    return report
