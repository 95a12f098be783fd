"""The list of a live index's ids: on disk, in its order, readable from anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdoctor.errors import MigrationFailed
from netdoctor.migration.listing import Listing

IDS = [("", f"a{n}") for n in range(2500)] + [("nä\n", f"b\ud800{n}") for n in range(7)] + [("z", 'q"')]


def test_it_gives_back_what_it_was_given_from_any_place(tmp_path: Path) -> None:
    listing = Listing.write(tmp_path / "ids", iter(IDS))
    assert len(listing) == len(IDS)
    for start in (0, 1, 999, 1000, 1001, 2506, 2507, 2508, 9999):
        assert list(listing.entries(start)) == IDS[start:]
    again = Listing.read(tmp_path / "ids")
    assert (len(again), again.digest) == (len(listing), listing.digest)
    assert [file.name for file in tmp_path.iterdir()] == ["ids"]


def test_its_pages_are_of_one_namespace_each(tmp_path: Path) -> None:
    listing = Listing.write(tmp_path / "ids", IDS)
    pages = list(listing.pages(1000, 100))
    assert [(first, namespace, len(ids)) for first, namespace, ids in pages] == [
        (100, "", 1000),
        (1100, "", 1000),
        (2100, "", 400),
        (2500, "nä\n", 7),
        (2507, "z", 1),
    ]
    assert [identity for _, _, ids in pages for identity in ids] == [identity for _, identity in IDS[100:]]


def test_an_interrupted_one_leaves_nothing_and_a_lost_one_is_told(tmp_path: Path) -> None:
    def broken():
        yield ("", "a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Listing.write(tmp_path / "ids", broken())
    assert not list(tmp_path.iterdir())
    with pytest.raises(MigrationFailed, match="cannot be read"):
        Listing.read(tmp_path / "ids")
    with pytest.raises(MigrationFailed, match="cannot be kept"):
        Listing.write(tmp_path / "no" / "ids", IDS)


def test_an_empty_index_is_an_empty_list(tmp_path: Path) -> None:
    listing = Listing.write(tmp_path / "ids", [])
    assert len(listing) == 0 and not list(listing.entries()) and not list(listing.pages(5))
