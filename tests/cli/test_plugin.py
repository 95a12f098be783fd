"""``docker netdoctor ...``: the Docker CLI's plugin protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from netdoctor.version import __version__

from .conftest import ROOT


def plugin(*words):
    code = "import sys; from netdoctor.cli.plugin import main; main()"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("NETDOCTOR_")}
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=30, check=False,
        env={**kept, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_it_says_who_it_is():
    done = plugin("docker-cli-plugin-metadata")
    told = json.loads(done.stdout)
    assert (done.returncode, told["SchemaVersion"], told["Version"]) == (0, "0.1.0", __version__)
    assert told["Vendor"] and told["ShortDescription"]


@pytest.mark.parametrize(
    "words",
    [
        ["netdoctor", "--version"],
        ["--version"],
        ["-H", "tcp://x", "netdoctor", "--version"],
        ["--context", "x", "netdoctor", "--version"],
        ["--context=x", "netdoctor", "--version"],
    ],
)
def test_its_own_name_among_the_words_is_not_a_verb(words):
    done = plugin(*words)
    assert (done.returncode, done.stdout) == (0, f"netdoctor {__version__}\n")


def test_an_end_named_like_the_plugin_stays_an_end():
    done = plugin("check", "netdoctor", "app", "-H", "unix:///nonexistent/x")
    assert done.returncode == 3
    done = plugin("netdoctor", "check", "netdoctor", "-H", "unix:///nonexistent/x")
    assert done.returncode == 3
