"""Where everything stands: a row for each container, a lane for each network, a track for each connection.

Nothing overlaps by construction: labels have rows and columns of their own, in a font whose letters are all of one
width. What is connected stands close together: the order of rows and lanes is the reverse Cuthill-McKee order of
who-is-on-what, by networkx.
"""

from __future__ import annotations

from dataclasses import dataclass

from netdoctor.maps.interface import BROKEN, Arrow, Box, Net, Picture

ROW, HEAD, LANE, TRACK = 24, 20, 22, 14
"""Heights of a container's and a network's row, widths of a lane and a track, in pixels."""
CHARACTER = 7.25
"""Width of a letter of the 12 pixel monospaced font, in pixels; a little more than any common one has."""
GAP = 14
LONGEST = 44
"""Letters of a label before it is shortened; the whole is in the title and in the details."""


@dataclass(frozen=True, slots=True)
class Lane:
    net: Net
    x: float
    label_x: float
    label_y: float
    label: str
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Row:
    box: Box
    y: float
    label: str
    dots: tuple[tuple[float, str], ...]
    """(x, id of the network)"""
    about: str
    """Addresses, or where it stands instead of on a network."""
    codes: tuple[str, ...]
    """Of the causes of its broken connections."""


@dataclass(frozen=True, slots=True)
class Track:
    """An arrow leaves its source's row, runs along ``x`` and enters its target's row, whose ends are at ``start``."""

    arrow: Arrow
    start: float
    x: float
    source_y: float
    target_y: float


@dataclass(frozen=True, slots=True)
class Grid:
    width: float
    height: float
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    tracks: tuple[Track, ...]
    names_x: float
    """Right edge of the containers' labels."""
    about_x: float
    codes_x: float


def place(picture: Picture) -> Grid:
    """The whole layout."""
    nets, boxes = _ordered(picture)
    lane_of = {net.id: number for number, net in enumerate(nets)}
    labels = [_short(box.name) for box in boxes]
    names_x = GAP + max((_wide(label) for label in labels), default=0.0)
    lanes_x = names_x + 2 * GAP
    top = GAP + HEAD * len(nets) + 4
    bottom = top + ROW * len(boxes)
    lanes = tuple(
        Lane(
            net,
            lanes_x + LANE * number,
            lanes_x + LANE * number + 8,
            GAP + HEAD * number + 12,
            _head(net),
            GAP + HEAD * number + 4,
            bottom,
        )
        for number, net in enumerate(nets)
    )
    about_x = lanes_x + LANE * len(nets) + GAP
    abouts = [_about(box, lane_of) for box in boxes]
    codes_x = about_x + max((_wide(text) for text in abouts), default=0.0) + GAP
    codes = [_codes(box, picture) for box in boxes]
    start = codes_x + max((sum(_wide(code) + GAP for code in each) for each in codes), default=0.0) + GAP
    middle = {box.id: top + ROW * number + ROW / 2 for number, box in enumerate(boxes)}
    rows = tuple(
        Row(
            box,
            middle[box.id],
            label,
            tuple((lanes[lane_of[joint.net]].x, joint.net) for joint in box.joints if joint.net in lane_of),
            about,
            found,
        )
        for box, label, about, found in zip(boxes, labels, abouts, codes, strict=True)
    )
    tracks = _tracks(picture, middle, start)
    heads = max((lane.label_x + _wide(lane.label) for lane in lanes), default=0.0)
    right = max([start, heads, *(track.x for track in tracks)]) + 2 * GAP
    return Grid(right, bottom + GAP, lanes, rows, tracks, names_x, about_x, codes_x)


def _ordered(picture: Picture) -> tuple[list[Net], list[Box]]:
    import networkx
    from networkx.utils import reverse_cuthill_mckee_ordering

    graph: networkx.Graph[tuple[str, str]] = networkx.Graph()
    graph.add_nodes_from(("net", net.id) for net in picture.nets)
    graph.add_nodes_from(("box", box.id) for box in picture.boxes)
    known = {net.id for net in picture.nets}
    for box in picture.boxes:
        graph.add_edges_from((("box", box.id), ("net", joint.net)) for joint in box.joints if joint.net in known)
    for arrow in picture.arrows:
        if arrow.source != arrow.target:
            graph.add_edge(("box", arrow.source), ("box", arrow.target))
    order = {node: number for number, node in enumerate(reverse_cuthill_mckee_ordering(graph))}
    nets = sorted(picture.nets, key=lambda net: order[("net", net.id)])
    boxes = sorted(picture.boxes, key=lambda box: (box.kind != "container", order[("box", box.id)]))
    return nets, boxes


def _tracks(picture: Picture, middle: dict[str, float], start: float) -> tuple[Track, ...]:
    """Short ones inside; two that would run over each other get tracks of their own."""
    arrows = [each for each in picture.arrows if each.source in middle and each.target in middle]
    taken: list[list[tuple[float, float]]] = []
    found: dict[int, Track] = {}

    def length(each: tuple[int, Arrow]) -> float:
        return abs(middle[each[1].source] - middle[each[1].target])

    for number, arrow in sorted(enumerate(arrows), key=length):
        low, high = sorted((middle[arrow.source], middle[arrow.target]))
        track = next(
            (i for i, spans in enumerate(taken) if all(high < first or last < low for first, last in spans)),
            len(taken),
        )
        if track == len(taken):
            taken.append([])
        taken[track].append((low - 1, high + 1))
        x = start + TRACK * (track + 1)
        found[number] = Track(arrow, start, x, middle[arrow.source] - 3, middle[arrow.target] + 3)
    return tuple(found[number] for number in sorted(found))


def _head(net: Net) -> str:
    flags = f" [{', '.join(net.flags)}]" if net.flags else ""
    return f"{_short(net.name)}{flags}{'  ' + ', '.join(net.subnets) if net.subnets else ''}"


def _about(box: Box, lane_of: dict[str, int]) -> str:
    joints = sorted((joint for joint in box.joints if joint.net in lane_of), key=lambda joint: lane_of[joint.net])
    addresses = ", ".join(", ".join(joint.addresses) for joint in joints if joint.addresses)
    state = f"({box.state})" if box.state not in ("", "running") else ""
    return _short(" ".join(part for part in (addresses or box.note, state) if part))


def _codes(box: Box, picture: Picture) -> tuple[str, ...]:
    broken = (arrow for arrow in picture.arrows if arrow.source == box.id and arrow.says == BROKEN)
    return tuple(dict.fromkeys(_short(arrow.causes[0].code) if arrow.causes else "broken" for arrow in broken))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _wide(text: str) -> float:
    from rich.cells import cell_len

    return cell_len(text) * CHARACTER


__all__ = ["CHARACTER", "GAP", "Grid", "Lane", "Row", "Track", "place"]
