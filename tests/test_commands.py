"""A command is found where it lies, PATH or not, and nobody looks one up in another way."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

import netdoctor
from netdoctor import commands
from netdoctor.commands import as_root, find_command


def program(folder: Path, name: str = "filter", mode: int = 0o755) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(mode)
    return str(path)


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A folder that is no part of PATH, as /usr/sbin is none of an ordinary user's."""
    monkeypatch.setattr(commands, "SYSTEM", (str(tmp_path / "sbin"),))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "sbin"


def test_a_command_that_only_the_system_folders_have_is_found_with_its_path(system):
    assert find_command("filter") is None
    path = program(system)
    assert find_command("filter") == path


def test_path_goes_first(system, tmp_path):
    program(system)
    mine = program(tmp_path / "bin")
    assert find_command("filter") == mine


def test_what_may_not_be_run_is_none(system):
    program(system, mode=0o644)
    (system / "folder").mkdir()
    assert find_command("filter") is None
    assert find_command("folder") is None
    assert find_command("") is None


@pytest.mark.parametrize("path", ["", None])
def test_without_a_path_the_systems_default_is_searched(system, monkeypatch, path):
    if path is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", path)
    assert find_command("sh") in ("/bin/sh", "/usr/bin/sh")
    assert find_command("filter") is None
    path = program(system)
    assert find_command("filter") == path


def test_what_is_found_stays_the_same_program_in_another_folder(system, tmp_path, monkeypatch):
    """A relative folder on PATH, and a relative name: both mean where we are now."""
    program(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "here")
    assert find_command("filter") == str(tmp_path / "here" / "filter")
    assert find_command("here/filter") == str(tmp_path / "here" / "filter")
    assert find_command(program(tmp_path / "here")) == str(tmp_path / "here" / "filter")


def test_a_link_is_run_as_what_it_is_called(system):
    """Some programs are many: what they do is in their name."""
    program(system, "many")
    (system / "one-of-them").symlink_to("many")
    assert find_command("one-of-them") == str(system / "one-of-them")


def test_the_real_folders_are_the_ones_that_debian_keeps_from_its_users():
    assert commands.SYSTEM == ("/usr/local/sbin", "/usr/sbin", "/sbin")


def test_nobody_looks_a_command_up_in_another_way():
    root = Path(netdoctor.__file__).parent
    # What runs inside a container, or as another process, has nothing of ours to ask.
    apart = {root / "commands.py", *root.glob("*/programs/*.py")}
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in root.rglob("*.py")
        if path not in apart
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr == "which")
        or (isinstance(node, ast.ImportFrom) and any(each.name == "which" for each in node.names))
    ]
    assert found == []
    assert Path(find_command("sh") or "").is_absolute()


# --- as root -------------------------------------------------------------------------------------------------------


@pytest.fixture
def sudo_finds(tmp_path, monkeypatch):
    """A folder that sudo looks into."""
    monkeypatch.setattr(commands, "ROOTS_PATH", str(tmp_path / "system"))
    return tmp_path / "system"


def test_what_pipx_or_a_venv_installed_is_named_by_its_path(tmp_path, sudo_finds, monkeypatch):
    ours = program(tmp_path / "my venv", "netdoctor")
    monkeypatch.setattr("sys.argv", [ours, "check"])
    assert as_root("check ...") == f"sudo '{ours}' check ..."
    program(sudo_finds, "netdoctor")
    assert as_root("check ...") == f"sudo '{ours}' check ...", "the one that sudo finds is another one"


def test_what_sudo_finds_needs_no_path(tmp_path, sudo_finds, monkeypatch):
    ours = program(sudo_finds, "netdoctor")
    monkeypatch.setattr("sys.argv", [ours])
    assert as_root("enter ...") == "sudo netdoctor enter ..."
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "netdoctor").symlink_to(ours)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "bin" / "netdoctor")])
    assert as_root("enter ...") == "sudo netdoctor enter ...", "a link to the same one"


@pytest.mark.parametrize("started", ["", "-c", "/nowhere/netdoctor", "/usr/lib/python3/pytest/__main__.py"])
def test_started_in_another_way_it_is_the_one_beside_the_interpreter(tmp_path, sudo_finds, monkeypatch, started):
    monkeypatch.setattr("sys.argv", [started])
    monkeypatch.setattr("sys.executable", str(tmp_path / "venv" / "python3"))
    assert as_root("x") == f"sudo {tmp_path}/venv/python3 -m netdoctor x"
    ours = program(tmp_path / "venv", "netdoctor")
    assert as_root("x") == f"sudo {ours} x"


def test_the_line_starts_the_same_program_as_a_shell_reads_it(tmp_path, sudo_finds, monkeypatch):
    """With a sudo that, like the real one, does not look into the caller's PATH."""
    ours = tmp_path / "it's a venv" / "netdoctor"
    program(ours.parent, "netdoctor")
    ours.write_text("#!/bin/sh\necho ours $*\n")
    sudo = program(tmp_path / "bin", "sudo")
    Path(sudo).write_text('#!/bin/sh\nPATH=/nowhere exec "$@"\n')
    monkeypatch.setattr("sys.argv", [str(ours)])
    done = subprocess.run(
        ["/bin/sh", "-c", as_root("check a b")], env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True
    )
    assert done.stdout == "ours check a b\n", done.stderr


def test_no_hint_names_netdoctor_after_sudo_by_itself():
    """Such a line works for who installed it system-wide, and for nobody else."""
    for path in Path(netdoctor.__file__).parent.rglob("*.py"):
        if path.name != "commands.py":
            assert "sudo netdoctor" not in path.read_text("utf-8"), path
