"""What a command loads before it begins, and what it spends when it is done: nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys


def spoken(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )


def test_the_end_of_a_run_collects_nothing():
    # Exit handlers run before the interpreter's last collections, which leave alone what is frozen.
    code = (
        "import atexit, gc, sys; from netdoctor.cli.main import main;"
        "atexit.register(lambda: print(gc.get_freeze_count() > len(gc.get_objects())));"
        "main(['--version'])"
    )
    found = spoken(code)
    assert found.stdout.splitlines()[1:] == ["True"], found.stderr
