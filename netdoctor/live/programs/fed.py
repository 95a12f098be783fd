"""Run a command whose stdin arrives in frames, so that it can end while the connection goes on.

Run as ``python3 -ISc <this> <marker> COMMAND...`` as the main process of a helper container. Stdin is frames of four
bytes (big-endian) of length and that many bytes of the command's stdin; a length of 0 is its end. When the frames
break off, whoever sent them is gone, and the command is ended. The exit status is the command's; a command that
cannot be run is told by the marker on stderr.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading


def exactly(size: int) -> bytes:
    """Raises EOFError where there is no more."""
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def feed(child: subprocess.Popen[bytes]) -> None:
    into = child.stdin
    assert into is not None
    reads = True
    try:
        while size := int.from_bytes(exactly(4), "big"):
            data = exactly(size)
            try:
                while reads and data:
                    data = data[into.write(data) or 0 :]
            except OSError:
                # It has closed its stdin. That we are still there is learned from what follows all the same.
                reads = False
        into.close()
        exactly(1)
    except EOFError:
        child.kill()
    except OSError:
        pass


def main(marker: str, *command: str) -> int:
    try:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0)
    except OSError:
        sys.stderr.write(marker)
        return 127
    threading.Thread(target=feed, args=(child,), daemon=True).start()
    status = child.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stderr.flush()
    # The thread still waits for a frame, and the interpreter would wait for its lock.
    os._exit(status)
