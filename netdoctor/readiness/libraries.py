"""Are the libraries here that make a migration fast?"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.util import find_spec

from netdoctor.readiness.interface import CHECKS, Line, Situation, State
from netdoctor.version import __version__

FAST = {"simdjson": "reads exports several times faster", "orjson": "writes REST bodies several times faster"}


class Libraries:
    rank = 70

    def look(self, situation: Situation) -> Iterable[Line]:
        yield Line("netdoctor", State.OK, f"{__version__} on Python {platform.python_version()}")
        missing = [name for name in FAST if find_spec(name) is None]
        if missing:
            told = "; ".join(f"{name} {FAST[name]}" for name in missing)
            yield Line("migration", State.NOTE, f"not installed: {told}", 'pip install "docker-netdoctor[fast]"')
        else:
            yield Line("migration", State.OK, "the fast reader and writer are installed")


CHECKS.add("libraries", Libraries(), home=__name__)
