"""How the command line comes by expectations, and what it says of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from netdoctor.cli.common import codes
from netdoctor.errors import UsageError
from netdoctor.model import Edge, Report, Topology
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.edges.expectation_file import ExpectationFile


def expectations(path: str | None) -> ExpectationFile | None:
    """The file that was named, else the one in this folder, else None. Raises UsageError."""
    from netdoctor.edges.expectation_file import BadExpectations, find_file, read_file

    found = Path(path) if path is not None else find_file()
    if found is None:
        return None
    file = read_file(found)
    for code, place in file.codes().items():
        try:
            codes([code])
        except UsageError as error:
            raise BadExpectations(error.message, place, hint=error.hint) from None
    return file


def something(file: ExpectationFile) -> ExpectationFile:
    """Raises UsageError when the file asserts nothing: nothing asked is not health."""
    if not file.entries:
        raise UsageError(
            f"{plain(file.path)} expects nothing.",
            hint="Write it from what works now: netdoctor expect --learn --force",
        )
    return file


def meet_expectations(
    file: ExpectationFile,
    look: Callable[[int], Topology],
    diagnose: Callable[[Sequence[Edge], Topology], Report],
    projects: frozenset[str],
) -> Report:
    from netdoctor.diagnosis.expected import meet

    # Suppressions end with a day of the calendar that people here use.
    today = datetime.now(UTC).astimezone().date()
    return meet(file, look, diagnose, today=today, sleep=time.sleep, projects=projects)
