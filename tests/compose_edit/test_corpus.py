"""Real compose files, where a folder of them is at hand: never a wrong result, few refusals, added lines only.

NETDOCTOR_COMPOSE_CORPUS names the folder; else it is looked for beside the repository. None of it is in the repository.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import yaml

from netdoctor.compose_edit import EditRefused, plan_join

from .truth import assert_joined, load

_ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("NETDOCTOR_COMPOSE_CORPUS", _ROOT.parent / "shared" / "corpus" / "compose"))
NETWORK = "netdoctor-shared"
_BOM = b"\xef\xbb\xbf"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="no folder of real compose files at hand")


def test_real_files_are_edited_exactly_or_refused_by_name() -> None:
    count: Counter[str] = Counter()
    for path in sorted(path for path in CORPUS.rglob("*") if path.is_file()):
        data = path.read_bytes()
        try:
            services = load(data).get("services")
        except (yaml.YAMLError, AttributeError, UnicodeDecodeError):
            # What no parser reads is a template, and has to be refused as a file.
            with pytest.raises(EditRefused):
                plan_join(data, "any", NETWORK, path=path.name)
            count["files refused"] += 1
            continue
        if path.suffix == ".j2":
            with pytest.raises(EditRefused, match="template"):
                plan_join(data, "any", NETWORK, path=path.name)
            continue
        for service in services if isinstance(services, dict) else ():
            count["services"] += 1
            first = count[path.as_posix()] == 0
            try:
                edit = plan_join(data, service, NETWORK, path=path.name)
            except EditRefused as refused:
                assert refused.reason
                assert refused.next_step
                count["refused"] += 1
                continue
            count[path.as_posix()] += 1
            count["edited"] += 1
            count["added lines only"] += edit.added_lines_only
            assert_joined(data, edit.result, edit.service, NETWORK)
            assert edit.undo(edit.result) == data
            if first:
                _check_variants(data, service, edit.result)
    assert count["services"] > 100, "the folder holds next to nothing"
    print({name: number for name, number in count.items() if "/" not in name})
    assert count["edited"] >= 0.95 * count["services"]
    assert count["added lines only"] >= 0.98 * count["edited"]


def _check_variants(data: bytes, service: str, result: bytes) -> None:
    """A second run changes nothing; CRLF and a byte order mark make no difference."""
    again = plan_join(result, service, NETWORK)
    assert not again.changed
    assert plan_join(_BOM + data, service, NETWORK).result == _BOM + result
    if b"\r" not in data and b"\n" in data:
        crlf = plan_join(data.replace(b"\n", b"\r\n"), service, NETWORK)
        assert crlf.result == result.replace(b"\n", b"\r\n")
    # Without its last line break the file is patched elsewhere, and just as exactly.
    cut = data.rstrip(b"\r\n")
    edit = plan_join(cut, service, NETWORK)
    assert_joined(cut, edit.result, edit.service, NETWORK)
    assert edit.undo(edit.result) == cut
