"""DOT: Graphviz reads it where it is installed; everywhere its strings end where they should."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from netdoctor.maps.interface import MAPS

from .pictures import EMPTY, HOSTILE, INCIDENT, NASTY, crowd

STRING = r'"(?:[^"\\]|\\.)*"'


def drawn(picture) -> str:
    return MAPS.get("dot").draw(picture, color=False, width=80)


@pytest.mark.parametrize("picture", [EMPTY, INCIDENT, HOSTILE, crowd()], ids=["empty", "incident", "hostile", "crowd"])
def test_outside_its_strings_there_is_only_the_grammar(picture):
    bare = re.sub(STRING, "S", drawn(picture))
    assert '"' not in bare
    for line in bare.splitlines():
        assert re.fullmatch(r"digraph netdoctor \{|\}|  (graph|node|edge|S|S -> S) \[[\w=, .#-]*\]", line), line


def test_the_broken_connection_is_red_and_says_why():
    line = next(line for line in drawn(INCIDENT).splitlines() if "ND101" in line)
    assert '"c1" -> "c2"' in line
    assert "#cf222e" in line
    assert "share no network" in line


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("picture", [EMPTY, INCIDENT, HOSTILE], ids=["empty", "incident", "hostile"])
def test_graphviz_reads_it_and_shows_the_names(picture):
    done = subprocess.run(
        ["dot", "-Tplain"], input=drawn(picture).encode(), capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    if picture is HOSTILE:
        assert NASTY.split()[1].encode() in done.stdout
