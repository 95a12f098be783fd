"""A command that is fed frames: what it reads, when it ends, and with which status. Run as in a helper, without one."""

from __future__ import annotations

import subprocess
import sys
import time

from netdoctor.live.programs import text

MARKER = "a-marker"
COUNT = "import sys; print(len(sys.stdin.buffer.read()))"


def frames(*pieces: bytes, end: bool = True) -> bytes:
    return b"".join(len(each).to_bytes(4, "big") + each for each in (*pieces, *((b"",) if end else ())))


def fed(*command: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-ISc", text("fed.py"), MARKER, *command]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(given: bytes, *command: str) -> tuple[int, bytes, bytes]:
    """The connection stays open: only a frame tells the end."""
    with fed(*command) as process:
        process.stdin.write(given)
        process.stdin.flush()
        try:
            out, err = process.stdout.read(), process.stderr.read()
            return process.wait(20), out, err
        finally:
            process.kill()


def test_the_end_is_a_frame_and_not_the_connections():
    assert run(frames(b"x" * 70_000, b"y", b"z" * 7), sys.executable, "-c", COUNT) == (0, b"70008\n", b"")
    assert run(frames(), sys.executable, "-c", COUNT) == (0, b"0\n", b"")


def test_the_exit_status_is_the_commands_own():
    assert run(frames(), sys.executable, "-c", "raise SystemExit(7)")[0] == 7
    assert run(b"", sys.executable, "-c", "raise SystemExit(3)")[0] == 3, "it need not read"
    assert run(b"", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")[0] == 137


def test_what_cannot_be_run_is_told_by_the_marker_alone():
    for name in ("/no/such/program", "/etc/passwd", "/"):
        assert run(b"", name) == (127, b"", MARKER.encode()), name


def test_one_that_closes_its_stdin_is_not_ended_by_what_still_comes():
    program = "import os, time; os.close(0); time.sleep(0.5); print('done')"
    assert run(frames(*[b"x" * 60_000] * 20), sys.executable, "-c", program) == (0, b"done\n", b"")


def test_when_the_frames_break_off_the_command_is_ended():
    """Whoever sent them is gone; a command that reads nothing would go on for ever."""
    for given in (b"", frames(b"half", end=False), frames(b"whole"), b"\0\0\1\0only this", b"\0\0"):
        before = time.monotonic()
        with fed(sys.executable, "-c", "import time; time.sleep(600)") as process:
            process.stdin.write(given)
            process.stdin.close()
            assert process.wait(60) == 137
        assert time.monotonic() - before < 60
