"""What a shell is given completes in that shell."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from .conftest import ROOT, in_a_child, settings

PROGRAM = f'#!/bin/sh\nexec {sys.executable} -m netdoctor "$@"\n'


def completed(words: str, **env: str) -> set[str]:
    """What bash would be offered after these words."""
    done = subprocess.run(
        [sys.executable, "-m", "netdoctor"],
        env=settings(
            _NETDOCTOR_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1), **env
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
    )
    return {line.partition(",")[2] for line in done.stdout.splitlines()}


def test_commands_and_options_are_offered():
    assert completed("netdoctor che") == {"check"}
    assert {"--bundle", "--all", "--timeout"} <= completed("netdoctor check --")
    assert completed("netdoctor completion z") == {"zsh"}
    assert {"verify", "rollback"} <= completed("netdoctor vectors v") | completed("netdoctor vectors r")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_own_and_reads_it(shell, tmp_path):
    ended = in_a_child("completion", shell)
    assert (ended.status, ended.err) == (0, "")
    assert "_NETDOCTOR_COMPLETE" in ended.out
    if shutil.which(shell):
        path = tmp_path / "completion"
        path.write_text(ended.out, "utf-8")
        subprocess.run([shell, "-n", str(path)], check=True, timeout=30)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_with_it(tmp_path):
    program = tmp_path / "netdoctor"
    program.write_text(PROGRAM, "utf-8")
    program.chmod(0o755)
    (tmp_path / "c").write_text(in_a_child("completion", "bash").out, "utf-8")
    script = f"""
        . {tmp_path / "c"}
        COMP_WORDS=(netdoctor expl); COMP_CWORD=1
        _netdoctor_completion netdoctor; echo "${{COMPREPLY[@]}}"
    """
    path = f"{tmp_path}:{settings()['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env=settings(PATH=path), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "explain"


def test_another_shell_is_refused_with_the_list():
    ended = in_a_child("completion", "tcsh")
    assert ended.status == 2
    assert "fish" in ended.err
