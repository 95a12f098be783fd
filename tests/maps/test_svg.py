"""The drawing is well-formed XML without a script in it, and nothing in it overlaps."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdoctor.maps._grid import CHARACTER, HEAD, ROW, place
from netdoctor.maps.interface import MAPS, Arrow, Box, Joint, Net, Picture

from .pictures import EMPTY, HOSTILE, INCIDENT, crowd

SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "style", "g", "line", "text", "title", "circle", "path", "polygon"}


def drawn(picture: Picture) -> ET.Element:
    return ET.fromstring(MAPS.get("svg").draw(picture, color=False, width=80))


@pytest.mark.parametrize("picture", [EMPTY, INCIDENT, HOSTILE, crowd()], ids=["empty", "incident", "hostile", "crowd"])
def test_there_is_nothing_in_it_but_shapes_and_words(picture):
    for element in drawn(picture).iter():
        assert element.tag.removeprefix(SVG) in ALLOWED
        assert not [name for name in element.attrib if name.startswith("on") or name.endswith("href")]


def test_the_broken_connection_is_red_with_its_code_and_cause():
    (broken,) = [each for each in drawn(INCIDENT).iter(f"{SVG}g") if each.get("class") == "arrow broken"]
    assert "share no network" in (broken.findtext(f"{SVG}title") or "")
    assert [each.text for each in drawn(INCIDENT).iter(f"{SVG}text") if each.get("class") == "code"] == ["ND101"]


def boxes_of(picture: Picture) -> list[tuple[str, float, float, float, float]]:
    """(text, left, top, right, bottom) of every label, as the grid reckons them."""
    grid = place(picture)
    found = []
    for lane in grid.lanes:
        found.append((lane.label, lane.label_x, lane.label_y - HEAD / 2, len(lane.label), lane.label_y + HEAD / 2))
    labels = [(label, x, top, x + letters * CHARACTER, bottom) for label, x, top, letters, bottom in found]
    for row in grid.rows:
        top, bottom = row.y - ROW / 2, row.y + ROW / 2
        labels.append((row.label, grid.names_x - len(row.label) * CHARACTER, top, grid.names_x, bottom))
        if row.about:
            labels.append((row.about, grid.about_x, top, grid.about_x + len(row.about) * CHARACTER, bottom))
        if row.codes:
            labels.append(("".join(row.codes), grid.codes_x, top, grid.codes_x + CHARACTER, bottom))
    return labels


def overlapping(picture: Picture) -> list[tuple[str, str]]:
    return [
        (one[0], other[0])
        for one, other in combinations(boxes_of(picture), 2)
        if one[1] < other[3] and other[1] < one[3] and one[2] < other[4] - 0.01 and other[2] < one[4] - 0.01
    ]


def test_no_two_labels_of_a_crowd_overlap():
    assert overlapping(crowd()) == []
    assert overlapping(INCIDENT) == []


names = st.text("abcdefgh-_.", min_size=1, max_size=80)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(names, unique=True, max_size=8),
    st.lists(names, unique=True, max_size=20),
    st.randoms(use_true_random=False),
)
def test_whatever_they_are_called_nothing_overlaps_and_everybody_is_there(nets, boxes, chance):
    made = tuple(Net(f"n{i}", name) for i, name in enumerate(nets))
    members = tuple(
        Box(f"c{i}", name, joints=tuple(Joint(net.id, ("10.0.0.1",)) for net in made if chance.random() < 0.3))
        for i, name in enumerate(boxes)
    )
    arrows = tuple(
        Arrow(a.id, b.id, "x", "broken") for a in members for b in members if a != b and chance.random() < 0.1
    )
    picture = Picture("t", made, members, arrows)
    assert overlapping(picture) == []
    grid = place(picture)
    assert {row.box.id for row in grid.rows} == {box.id for box in members}
    assert len(grid.tracks) == len(arrows)
    inside = [track.x for track in grid.tracks] + [lane.x for lane in grid.lanes]
    assert all(0 < x < grid.width for x in inside)


def test_two_connections_never_run_over_each_other():
    tracks = place(crowd()).tracks
    for one, other in combinations(tracks, 2):
        if one.x == other.x:
            low, high = sorted((one.source_y, one.target_y))
            first, last = sorted((other.source_y, other.target_y))
            assert high < first or last < low
