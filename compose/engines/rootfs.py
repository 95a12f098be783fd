"""Root file systems with a container engine inside, made once from Debian's suites and kept in a cache.

Nothing of them is installed on the machine. The mirror is the one that the machine's own apt uses.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class CannotHave(Exception):
    """This machine cannot have that engine; the text says why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one root file system is made of."""

    name: str
    suite: str
    packages: Sequence[str]
    about: str


RECIPES = {
    each.name: each
    for each in (
        Recipe("28.5", "forky", ("docker.io", "iptables", "ca-certificates", "busybox-static"), "Docker Engine 28.5"),
        Recipe("26.1", "trixie", ("docker.io", "iptables", "ca-certificates", "busybox-static"), "Docker Engine 26.1"),
        Recipe(
            "podman",
            "bookworm",
            ("podman", "netavark", "aardvark-dns", "catatonit", "iptables", "ca-certificates", "busybox-static"),
            "Podman 4.3, spoken to through Docker's API",
        ),
    )
}


def cache() -> Path:
    """Where the root file systems are kept: never in the repository."""
    base = os.environ.get("NETDOCTOR_ENGINES_CACHE")
    if base:
        return Path(base).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "netdoctor-engines"


def ready(name: str) -> Path | None:
    """The root file system, when it is there already and made by today's recipe."""
    root = cache() / name
    stamp = root / ".made-from"
    return root if stamp.is_file() and stamp.read_text() == _recipe_sum(RECIPES[name]) else None


def prepare(name: str) -> Path:
    """The root file system; made first where it is missing. Raises CannotHave."""
    if os.geteuid() != 0:
        raise CannotHave("making and entering a root file system needs root")
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return ready(name) or _make(RECIPES[name])


def _make(recipe: Recipe) -> Path:
    if os.environ.get("NETDOCTOR_NO_INSTALL", "0") not in ("", "0"):
        raise CannotHave("it is not in the cache, and NETDOCTOR_NO_INSTALL forbids downloading packages")
    if shutil.which("mmdebstrap") is None:
        raise CannotHave("it is made with mmdebstrap: sudo apt-get install --no-install-recommends mmdebstrap")
    uri = mirror()
    root, half = cache() / recipe.name, cache() / f"{recipe.name}.partial"
    for each in (root, half):
        shutil.rmtree(each, ignore_errors=True)
    command = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=essential",
        f"--include={','.join(recipe.packages)}",
        '--aptopt=APT::Install-Recommends "false"',
        # The index of a suite that is not released yet may be past its date by our clock; for this root only.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude={path}" for path in ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")),
        recipe.suite,
        str(half),
        "-",
    ]
    done = subprocess.run(
        command, input=f"deb {uri} {recipe.suite} main\n", capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        raise CannotHave(f"mmdebstrap of {recipe.suite} from the machine's own mirror failed: {_last(done.stderr)}")
    (half / ".made-from").write_text(_recipe_sum(recipe))
    half.rename(root)
    return root


def mirror() -> str:
    """The Debian mirror of this machine's own apt. Raises CannotHave."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    if shutil.which(asked[0]) is None:
        raise CannotHave("it is made of Debian packages, and there is no apt here")
    own = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    said = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False).stdout
    for line in said.splitlines():
        uri, _, rest = line.partition(" ")
        if rest == f"{own} main" and "debian" in uri:
            return uri
    raise CannotHave(f"apt's own configuration names no Debian mirror for {own or 'this system'}")


def _recipe_sum(recipe: Recipe) -> str:
    return hashlib.sha256(repr((recipe.suite, tuple(recipe.packages), platform.machine())).encode()).hexdigest()[:16]


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
