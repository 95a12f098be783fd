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


def main() -> NoReturn:
    """Entry point of ``docker-netdoctor``."""
    words = sys.argv[1:]
    if words[:1] == ["docker-cli-plugin-metadata"]:
        print(json.dumps(METADATA))  # noqa: T201 - the plugin protocol's answer
        sys.exit(0)
    if words[:1] == ["netdoctor"]:
        words = words[1:]
    from netdoctor.cli.main import main as run

    run(words)
