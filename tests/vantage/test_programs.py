"""The programs that run inside containers are shipped with the package, and are fixed texts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from netdoctor.vantage import programs
from netdoctor.vantage.interface import CannotAsk
from netdoctor.vantage.interfaces import sizes_in
from netdoctor.vantage.relay import Relay

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(programs.__file__).parent
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file() and path.name != "__init__.py")


def test_every_program_is_shipped_for_the_whole_package_is() -> None:
    """What is in the wheel is looked at where one is built (tests/ship); here, that nothing is left out by name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["netdoctor"]
    assert set(wheel) == {"packages", "shared-data"}
    assert {"relay.js", "relay.pl", "shuttle.sh"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_program_is_read_whole(name: str) -> None:
    assert programs.text(name) == (FOLDER / name).read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("relay.pl", ["perl", "-c"]),
        ("relay.js", ["node", "--check"]),
        ("shuttle.sh", ["dash", "-n"]),
        ("shuttle.sh", ["bash", "-n"]),
        ("dial_nc.sh", ["dash", "-n"]),
        ("sizes.sh", ["dash", "-n"]),
        ("dial_bash.sh", ["bash", "-n"]),
        ("relay_python.py", ["python3", "-m", "py_compile"]),
    ],
)
def test_each_interpreter_takes_its_program(name: str, check: list[str], tmp_path: Path) -> None:
    if shutil.which(check[0]) is None:
        pytest.skip(f"there is no {check[0]} here")
    copy = tmp_path / name
    copy.write_text(programs.text(name), "utf-8")
    done = subprocess.run([*check, str(copy)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_the_perl_relay_needs_nothing_but_perl_base() -> None:
    """Which is all that a slim Debian image has of Perl."""
    only_base = "BEGIN { @INC = grep { m{/perl-base$} } @INC; exit 77 unless @INC } eval $ARGV[0]; die $@ if $@"
    if shutil.which("perl") is None:
        pytest.skip("there is no perl here")
    done = subprocess.run(
        ["perl", "-e", only_base, programs.text("relay.pl")], input=b"", capture_output=True, timeout=30, check=False
    )
    if done.returncode == 77:
        pytest.skip("this perl keeps no perl-base of its own: not Debian's")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"netdoctor relay 1 perl" in done.stdout


class Here:
    """A program of ours, run on this machine, as a relay's pipe."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, timeout: float | None = None) -> tuple[int, bytes] | None:
        assert self._process.stdout is not None
        said = os.read(self._process.stdout.fileno(), 65536)
        return (1, said) if said else None

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@pytest.mark.parametrize(
    ("name", "interpreter"),
    [("relay_python.py", ["python3", "-ISc"]), ("relay.pl", ["perl", "-e"]), ("relay.js", ["node", "-e"])],
)
def test_each_relay_tells_how_large_a_packet_may_be(name: str, interpreter: list[str]) -> None:
    if shutil.which(interpreter[0]) is None:
        pytest.skip(f"there is no {interpreter[0]} here")
    pipe = Here([*interpreter, programs.text(name)])
    relay = Relay(pipe, patience=10, name="x")
    try:
        told = dict(sizes_in(relay.packet_sizes()))
        with pytest.raises((CannotAsk, FileNotFoundError)):
            relay.net_table("../../etc/passwd")
    finally:
        relay.close()
        assert pipe._process.stdout is not None
        pipe._process.stdout.close()
    assert told["lo"] == int(Path("/sys/class/net/lo/mtu").read_text())


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "busybox"])
def test_a_shell_alone_tells_how_large_a_packet_may_be(shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"there is no {shell} here")
    argv = [path, *(["sh"] if shell == "busybox" else []), "-c", programs.text("sizes.sh")]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True, env={"PATH": "/nowhere"})
    assert said.stderr == ""
    assert dict(sizes_in(said.stdout))["lo"] == int(Path("/sys/class/net/lo/mtu").read_text())


def test_lines_that_tell_no_size_are_passed_over() -> None:
    assert sizes_in("eth0 1500\n\nlo\neth1 many\neth2 1 2\nwg0 1420\n") == (("eth0", 1500), ("wg0", 1420))
