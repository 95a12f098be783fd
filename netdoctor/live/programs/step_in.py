"""Step into a network namespace and become a command there.

Run as ``python -ISc <this> <descriptor of the namespace> <descriptor of the files> COMMAND...`` by a process that may.
The files are JSON: what /etc/resolv.conf and /etc/hosts are to hold. They are laid over this machine's own in a mount
namespace that only the command sees and that ends with it.
"""
# ruff: noqa: PTH101, PTH112, PTH114, PTH123, S108, S606 -- pathlib makes the start slower; a mount of ours covers the folder

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import sys
from typing import Any

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x1000, 0x4000, 0x40000, 0x2, 0x4
MNT_DETACH = 2
SCRATCH = ("/mnt", "/tmp", "/run", "/media")
NOT_FOUND, CANNOT_RUN = 127, 126

libc = ctypes.CDLL(None, use_errno=True)


def call(function: Any, *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    call(libc.mount, source and source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), None)


def say(sentence: str) -> None:
    sys.stderr.write(f"netdoctor: {sentence}\n")
    sys.stderr.flush()


def order() -> str | None:
    """This machine's nsswitch.conf, with names looked up in the two files that are laid over, and nowhere else."""
    try:
        with open("/etc/nsswitch.conf", encoding="utf-8", errors="surrogateescape") as found:
            lines = found.read().splitlines()
    except OSError:
        return None
    kept = [line for line in lines if not line.strip().startswith("hosts:")]
    return "\n".join([*kept, "hosts: files dns", ""])


def lay_over(files: dict[str, str]) -> None:
    """Each path of ``files`` holds that text from now on, for us."""
    scratch = next(folder for folder in SCRATCH if os.path.isdir(folder))
    mount("netdoctor", scratch, "tmpfs", MS_NOSUID | MS_NODEV)
    try:
        for number, (path, text) in enumerate(files.items()):
            own = f"{scratch}/{number}"
            with open(own, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
            os.chmod(own, 0o644)
            try:
                mount(own, path, None, MS_BIND)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
                say(f"this machine has no {path} to lay the container's over")
    finally:
        # What was bound stays; only the folder shows what it had before.
        call(libc.umount2, scratch.encode(), MNT_DETACH)


def quiet_caches() -> None:
    """A name service cache would answer with this machine's names."""
    for folder in ("/run/nscd", "/var/run/nscd"):
        if os.path.isdir(folder) and not os.path.islink(folder):
            mount("netdoctor", folder, "tmpfs", MS_NOSUID | MS_NODEV)


def show_interfaces() -> None:
    """/sys lists the interfaces of the namespace it was mounted in."""
    try:
        call(libc.umount2, b"/sys", MNT_DETACH)
        mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV)
    except OSError:
        return  # an own /sys is a comfort; the network is the same without it


def main(namespace: str, described: str, *command: str) -> int:
    with os.fdopen(int(described), encoding="utf-8") as file:
        files = json.load(file)
    switched = order()
    if switched is not None:
        files["/etc/nsswitch.conf"] = switched
    try:
        call(libc.unshare, CLONE_NEWNS)
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        lay_over(files)
        quiet_caches()
        call(libc.setns, int(namespace), CLONE_NEWNET)
    except OSError as error:
        say(f"cannot step into the container's network: {error.strerror}")
        return 3
    os.close(int(namespace))
    show_interfaces()
    # Python ignores these two, and what is ignored stays so in the command: `| head` would not end it.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except (FileNotFoundError, NotADirectoryError):
        say(f"{command[0]} is not on this machine")
        return NOT_FOUND
    except OSError as error:
        say(f"{command[0]} cannot be run: {error.strerror}")
        return CANNOT_RUN


sys.exit(main(*sys.argv[1:]))
