"""One container engine in namespaces of its own, beside whatever else runs on this machine (as root).

Its network, mounts and processes are its own; its root is a cached root file system under a layer of memory, so
that several may run from one. It sees this checkout (read-only) and its run's temporary folder at their own
paths, because stacks mount files from there. ``stop`` leaves no process, mount, file or control group.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rootfs import CannotHave, prepare

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
IMAGES = ("busybox", "scratch", "python", "probe")
SECONDS = 60.0

# If this program dies, so does unshare (setpriv), and with it the namespace's first process and every other.
SEPARATE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--"]

# $1 root file system, $2 run folder, $3 checkout, $4 folder of this script; $5... the engine's command.
ENTER = r"""
root=$2/layer/root
mount --make-rprivate /
python3 "$4/../netif.py" up lo
# An uplink into nowhere: routes as a machine has them, and not one packet leaves it.
ip link add up0 type veth peer name nowhere
ip address add 198.18.213.2/24 dev up0
ip link set up0 up
ip link set nowhere up
ip neighbour add 198.18.213.1 lladdr 02:00:00:00:00:01 dev up0
ip route add default via 198.18.213.1
mount -t tmpfs tmpfs "$2/layer"
mkdir "$2/layer/upper" "$2/layer/work" "$root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/layer/upper,workdir=$2/layer/work" "$root"
mkdir -p "$root/old" "$root/sock" "$root/var/lib/docker" "$root/var/lib/containers" "$root$2/tmp" "$root$3"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root$2/tmp" "$root$3"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
# Podman's runtime takes either version of control groups, never both.
case $5 in podman) umount -l "$root/sys/fs/cgroup/unified" 2>/dev/null || true ;; esac
mount --rbind /dev "$root/dev"
mount --bind "$2/docker" "$root/var/lib/docker"
mount --bind "$2/containers" "$root/var/lib/containers"
mount --bind "$2/sock" "$root/sock"
mount --bind "$2/tmp" "$root$2/tmp"
mount --rbind "$3" "$root$3"
mount -o remount,bind,ro "$root$3"
cp "$4/lab-runtime" "$root/usr/local/bin/lab-runtime"
mkdir -p "$root/etc/containers"
[ -e "$root/usr/bin/ps" ] || ln -s busybox "$root/usr/bin/ps"
cp "$4/containers.conf" "$root/etc/containers/containers.conf"
# A name that nobody carries: refused at once; Podman would take a nameserver on loopback for none at all.
case $5 in podman) nameserver=198.18.213.1 ;; *) nameserver=127.0.0.1 ;; esac
printf 'nameserver %s\n' "$nameserver" >"$root/etc/resolv.conf"
cd "$root"
pivot_root . old
cd /
shift 4
exec /bin/sh -eu -c '
busybox umount -l /old
# The first process of a PID namespace inherits every orphan; this shell reaps them, which an engine would not do.
"$@" &
engine=$!
trap "kill -TERM $engine" TERM
while kill -0 "$engine" 2>/dev/null; do wait "$engine" || true; done
' engine "$@"
"""


class Node:
    """A running engine. ``host`` is its DOCKER_HOST."""

    def __init__(self, name: str) -> None:
        """Prepares the root file system and starts the engine. Raises CannotHave."""
        self.name = name
        self._root = prepare(name)
        self.folder = Path(tempfile.mkdtemp(prefix="nde-", dir="/tmp"))
        self.folder.chmod(0o755)
        for part in ("docker", "containers", "sock", "tmp", "layer"):
            (self.folder / part).mkdir()
        self.host = f"unix://{self.folder}/sock/d.sock"
        self.temporary = self.folder / "tmp"
        self._group = self.folder.name
        self._podman_groups = _groups("libpod_parent")
        log = (self.folder / "log").open("wb")
        with log:
            self._process = subprocess.Popen(
                [*SEPARATE, "/bin/sh", "-eu", "-c", ENTER, "enter", *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={key: value for key, value in os.environ.items() if key != "TMPDIR"},
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The engine's first process, as this machine numbers it."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children:
            raise CannotHave(f"the engine {self.name} ended: {self.last_words()}")
        return int(children[0])

    def docker(self, *words: str, check: bool = True, data: bytes | None = None) -> str:
        """A docker command against it; its stdout."""
        done = subprocess.run(
            ["docker", "-H", self.host, *words],
            input=data if data is not None else b"",
            capture_output=True,
            timeout=300,
            check=False,
        )
        if check and done.returncode != 0:
            raise CannotHave(f"{self.name}: docker {' '.join(words)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode(errors="replace").strip()

    def load(self, images: Sequence[str] = IMAGES) -> None:
        """The lab's images, from the engine that the docker client talks to by itself."""
        names = [f"netdoctor-lab/{each}:1" for each in images]
        saved = subprocess.run(["docker", "save", *names], capture_output=True, timeout=300, check=False)
        if saved.returncode != 0:
            raise CannotHave(f"the lab's images are missing (compose/images/build.sh): {saved.stderr.decode().strip()}")
        self.docker("load", data=saved.stdout)

    def version(self) -> str:
        return self.docker("version", "--format", "{{.Server.Version}} (API {{.Server.APIVersion}})")

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command with this engine's network as the machine's own: then it is "the host" of its containers."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *command]

    def environment(self) -> dict[str, str]:
        """What makes docker clients, the tests and the clinic use it."""
        kept = {key: value for key, value in os.environ.items() if key not in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY")}
        return {
            **kept,
            "DOCKER_HOST": self.host,
            "TMPDIR": str(self.temporary),
            "NETDOCTOR_STATE_DIR": str(self.temporary / "state"),
            "NETDOCTOR_ENGINE_ROOT": str(self._root),
            "NETDOCTOR_ENGINE_PIDS": "own",
        }

    def last_words(self) -> str:
        with contextlib.suppress(OSError):
            return " / ".join((self.folder / "log").read_text(errors="replace").strip().splitlines()[-3:])
        return ""

    def stop(self) -> None:
        """Ends it, by its pid, and removes everything of it. May be called twice."""
        if self._process.poll() is None:
            with contextlib.suppress(CannotHave, subprocess.TimeoutExpired):
                left = self.docker("ps", "-aq", check=False).split()
                if left:
                    self.docker("rm", "-f", "-v", *left, check=False)
            with contextlib.suppress(CannotHave, OSError):
                os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
            if self._process.poll() is None:
                # Takes the namespace's first process with it (--kill-child), and that every other.
                self._process.kill()
                self._process.wait()
        for group in [*_groups(self._group), *(set(_groups("libpod_parent")) - set(self._podman_groups))]:
            for each in sorted([group, *(path for path in group.rglob("*") if path.is_dir())], reverse=True):
                with contextlib.suppress(OSError):
                    each.rmdir()
        _remove(self.folder)

    def _arguments(self) -> list[str]:
        return [str(self._root), str(self.folder), str(CHECKOUT), str(HERE), *self._command()]

    def _command(self) -> list[str]:
        if self.name == "podman":
            return ["podman", "system", "service", "--time=0", "unix:///sock/d.sock"]
        # A name that no container carries is forwarded: with this it never leaves the container that asked.
        return ["dockerd", "--dns", "127.0.0.1", "--host", "unix:///sock/d.sock", "--cgroup-parent", self._group]

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(CannotHave, subprocess.TimeoutExpired):
                self.version()
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CannotHave(f"the engine {self.name} did not come up: {self.last_words()}")
            time.sleep(0.2)

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _groups(name: str) -> list[Path]:
    """Control groups of that name, in every hierarchy and at every depth."""
    return [Path(where, name) for where, folders, _ in os.walk("/sys/fs/cgroup") if name in folders]


def _remove(folder: Path) -> None:
    """A killed engine's last files may still be going away."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    print(f"engines: {folder} could not be removed", file=sys.stderr)
