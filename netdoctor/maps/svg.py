"""SVG: rows of containers, lanes of networks, and the connections in the colour of their verdict."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from netdoctor.maps._grid import CHARACTER, GAP, Grid, Lane, Row, Track, place
from netdoctor.maps.interface import BROKEN, HOLDS, MAPS, UNASKED, UNKNOWN, Arrow, Picture

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
CLASSES = {HOLDS: "holds", BROKEN: "broken", UNKNOWN: "unknown", UNASKED: "unasked"}
STYLE = """
svg.netdoctor { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--paper); }
svg.netdoctor { --paper: #fff; --ink: #1f2328; --faint: #57606a; --line: #d0d7de; --lane: #0969da; --lanes: #0a3069;
  --holds: #1a7f37; --broken: #cf222e; --unknown: #9a6700; --unasked: #6e7781; }
@media (prefers-color-scheme: dark) { svg.netdoctor { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1;
  --line: #30363d; --lane: #4493f8; --lanes: #79c0ff; --holds: #3fb950; --broken: #ff7b72; --unknown: #d29922;
  --unasked: #9198a1; } }
.netdoctor text { fill: var(--ink); dominant-baseline: middle; }
.netdoctor .name { text-anchor: end; }
.netdoctor .down, .netdoctor .about { fill: var(--faint); }
.netdoctor .net { fill: var(--lanes); }
.netdoctor .rule { stroke: var(--line); }
.netdoctor .lane { stroke: var(--lane); stroke-width: 2; }
.netdoctor .dot { fill: var(--paper); stroke: var(--lane); stroke-width: 3; }
.netdoctor .code { fill: var(--broken); font-weight: bold; }
.netdoctor .arrow path { fill: none; stroke-width: 2; }
.netdoctor .arrow polygon { stroke: none; }
.netdoctor .holds path { stroke: var(--holds); } .netdoctor .holds polygon { fill: var(--holds); }
.netdoctor .broken path { stroke: var(--broken); stroke-dasharray: 6 3; }
.netdoctor .broken polygon { fill: var(--broken); }
.netdoctor .unknown path { stroke: var(--unknown); stroke-dasharray: 2 3; }
.netdoctor .unknown polygon { fill: var(--unknown); }
.netdoctor .unasked path { stroke: var(--unasked); stroke-dasharray: 2 5; }
.netdoctor .unasked polygon { fill: var(--unasked); }
"""


class Svg:
    def draw(self, picture: Picture, *, color: bool, width: int) -> str:
        return drawing(picture, f"<style>{escape(STYLE)}</style>", interactive=False) + "\n"


def drawing(picture: Picture, inside: str, *, interactive: bool) -> str:
    """The ``svg`` element. ``inside`` stands first in it; ``interactive``: a page's script hears the arrows."""
    grid = place(picture)
    numbers = {id(arrow): number for number, arrow in enumerate(picture.arrows)}
    role = "group" if interactive else "img"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="netdoctor" role="{role}" '
        f'aria-label={quoteattr(f"Map: {picture.title}")} width="{_n(grid.width)}" height="{_n(grid.height)}" '
        f'viewBox="0 0 {_n(grid.width)} {_n(grid.height)}">',
        inside,
        *(_row_line(grid, row) for row in grid.rows),
        *(_lane(lane) for lane in grid.lanes),
        *(_row(grid, row) for row in grid.rows),
        *(_track(track, numbers[id(track.arrow)], interactive) for track in grid.tracks),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def spoken(arrow: Arrow) -> str:
    """The arrow in words, for titles and screen readers."""
    causes = "; ".join(f"{cause.code} {cause.sentence}" for cause in arrow.causes) or arrow.unknown
    return f"{arrow.label}: {arrow.says}{f'. {causes}' if causes else ''}"


def _lane(lane: Lane) -> str:
    whole = f"<title>{_t(lane.net.name)}</title>"
    return (
        f'<g data-net={_a(lane.net.id)}><line class="lane" x1="{_n(lane.x)}" y1="{_n(lane.top)}" x2="{_n(lane.x)}" '
        f'y2="{_n(lane.bottom)}"/><text class="net" x="{_n(lane.label_x)}" y="{_n(lane.label_y)}" '
        f'xml:space="preserve">{_t(lane.label)}{whole}</text></g>'
    )


def _row_line(grid: Grid, row: Row) -> str:
    left, right, y = _n(grid.names_x + 6), _n(grid.about_x - 6), _n(row.y)
    return f'<line class="rule" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>'


def _row(grid: Grid, row: Row) -> str:
    kind = "name" if row.box.up else "name down"
    dots = "".join(f'<circle class="dot" cx="{_n(x)}" cy="{_n(row.y)}" r="5"/>' for x, _ in row.dots)
    about = f'<text class="about" x="{_n(grid.about_x)}" y="{_n(row.y)}">{_t(row.about)}</text>' if row.about else ""
    codes, x = "", grid.codes_x
    for code in row.codes:
        codes += f'<text class="code" x="{_n(x)}" y="{_n(row.y)}">{_t(code)}</text>'
        x += len(code) * CHARACTER + GAP
    return (
        f'<g class="row" data-box={_a(row.box.id)}><text class="{kind}" x="{_n(grid.names_x)}" y="{_n(row.y)}">'
        f"{_t(row.label)}<title>{_t(_whole(row))}</title></text>{dots}{about}{codes}</g>"
    )


def _whole(row: Row) -> str:
    """The name, and every alias it has somewhere; or why it is on no network, which beside it may be cut short."""
    aliases = dict.fromkeys(alias for joint in row.box.joints for alias in joint.aliases)
    note = f": {row.box.note}" if row.box.note else ""
    return f"{row.box.name}, also {', '.join(aliases)}" if aliases else f"{row.box.name}{note}"


def _track(track: Track, number: int, interactive: bool) -> str:
    arrow = track.arrow
    words = spoken(arrow)
    behave = f' tabindex="0" role="button" aria-label={_a(words)} data-arrow="{number}"' if interactive else ""
    y1, y2, x, start = track.source_y, track.target_y, track.x, track.start
    line = f"M {_n(start)} {_n(y1)} H {_n(x)} V {_n(y2)} H {_n(start + 8)}"
    head = f"{_n(start)},{_n(y2)} {_n(start + 9)},{_n(y2 - 4)} {_n(start + 9)},{_n(y2 + 4)}"
    return (
        f'<g class="arrow {CLASSES[arrow.says]}"{behave}><title>{_t(words)}</title><path d="{line}"/>'
        f'<polygon points="{head}"/></g>'
    )


def _t(text: str) -> str:
    return escape(_allowed(text))


def _a(text: str) -> str:
    return quoteattr(_allowed(text))


def _allowed(text: str) -> str:
    """XML has no place for some characters, not even as entities."""
    return "".join(
        char if char >= " " and not "\ud800" <= char <= "\udfff" and char not in "\ufffe\uffff" else "�"
        for char in text
    )


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


MAPS.add("svg", Svg(), home=__name__)
