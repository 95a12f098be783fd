"""``docker netdoctor ...``: the Docker CLI asks a plugin who it is, then runs it with its own name first."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

from netdoctor.version import __version__

METADATA = {
    "SchemaVersion": "0.1.0",
    "Vendor": "netdoctor",
    "Version": __version__,
    "ShortDescription": "Find out why one container cannot reach another, and fix it",
}

_WITH_VALUE = frozenset({"-H", "--host", "-c", "--context", "--config", "-l", "--log-level"})
"""The Docker CLI's own options that take their value as the next word."""


def main() -> NoReturn:
    """Entry point of ``docker-netdoctor``."""
    words = sys.argv[1:]
    if words[:1] == ["docker-cli-plugin-metadata"]:
        print(json.dumps(METADATA))  # noqa: T201 - the plugin protocol's answer
        sys.exit(0)
    from netdoctor.cli._start import main as run

    run(without_own_name(words))


def without_own_name(words: list[str]) -> list[str]:
    """The Docker CLI hands over everything that stood after ``docker``: its own options, our name, our words."""
    position = 0
    while position < len(words) and words[position].startswith("-"):
        position += 2 if words[position] in _WITH_VALUE else 1
    if words[position : position + 1] == ["netdoctor"]:
        return [*words[:position], *words[position + 1 :]]
    return words
