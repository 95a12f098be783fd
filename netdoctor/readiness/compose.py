"""Is there a Compose to give a second opinion on a patched file?"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from netdoctor.fixes.second_opinion import compose_command
from netdoctor.readiness.interface import CHECKS, Line, Situation, State
from netdoctor.terminal import plain


class Compose:
    rank = 40

    def look(self, situation: Situation) -> Iterable[Line]:
        command = compose_command()
        if not command:
            yield Line(
                "compose",
                State.NOTE,
                "no compose command: fix --persist judges a patched file by netdoctor's own reading alone",
                "install the Compose plugin",
            )
            return
        words = " ".join(part.rpartition("/")[2] for part in command)
        try:
            asked = subprocess.run(
                [*command, "version", "--short"], capture_output=True, stdin=subprocess.DEVNULL, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            yield Line("compose", State.NOTE, f"{words} does not answer: {error}", f"{words} version")
            return
        version = plain(asked.stdout.decode("utf-8", "replace").strip().partition("\n")[0])
        if asked.returncode != 0 or not version:
            yield Line("compose", State.NOTE, f"{words} does not say its version", f"{words} version")
            return
        yield Line("compose", State.OK, f"{words} {version}")


CHECKS.add("compose", Compose(), home=__name__)
