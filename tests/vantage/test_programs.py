"""The programs that run inside containers are shipped with the package, and are fixed texts."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from netdoctor.vantage import programs

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(programs.__file__).parent
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file() and path.name != "__init__.py")


def test_every_program_is_declared_as_package_data() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["netdoctor"]
    shipped = {path.name for pattern in patterns for path in (ROOT / "netdoctor").glob(pattern)}
    assert {"relay.js", "relay.pl", "shuttle.sh"} <= set(FILES)
    assert set(FILES) <= shipped


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
