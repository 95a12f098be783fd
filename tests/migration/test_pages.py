"""The switch that keeps memory is tried in a process of its own: it cannot be turned back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
if sys.argv[1] == "kept":
    from netdoctor.migration.pages import keep_pages
    assert keep_pages()
def batch():
    return [b"x" * (1 << 20) for _ in range(12)]
batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    batch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    return int(subprocess.check_output([sys.executable, "-c", FAULTS, how], text=True, timeout=60))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the switch is glibc's")
def test_memory_that_is_used_again_costs_no_new_pages():
    assert faults("kept") < faults("given back") / 4


def test_where_there_is_no_such_switch_nothing_happens(monkeypatch):
    from netdoctor.migration import pages

    monkeypatch.setattr(sys, "platform", "darwin")
    assert pages.keep_pages() is False
