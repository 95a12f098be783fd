"""What a format is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from netdoctor.model import Report, Severity
from netdoctor.registry import Registry


@dataclass(frozen=True, slots=True)
class Look:
    """How the output may look: ``color`` only where a terminal (or --color) asks for it."""

    color: bool = False
    width: int = 80
    verbose: bool = False
    next_command: str = ""
    fail_on: Severity = Severity.ERROR
    """The least severity that fails the run, for formats that tell failures from remarks."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of netdoctor itself, for formats that carry errors in the same shape."""

    message: str
    hint: str
    status: int
    code: str | None = None


class Format(Protocol):
    def render(self, report: Report, look: Look) -> str:
        """The whole document, with its final newline."""

    def render_error(self, failure: Failure) -> str:
        """The document for a run that ended in an error; empty when the format has no place for it."""


FORMATS: Registry[Format] = Registry("netdoctor.formats")
