"""Mermaid, for README files and wikis that draw it: https://mermaid.js.org/syntax/flowchart.html."""

from __future__ import annotations

from netdoctor.maps.interface import BROKEN, HOLDS, MAPS, UNASKED, UNKNOWN, Box, Net, Picture

_COLORS = {HOLDS: "#2da44e", BROKEN: "#cf222e", UNKNOWN: "#9a6700", UNASKED: "#8c959f"}
_BREAK = "<br/>"
_LONGEST = 60
"""Letters on a line between two boxes."""


class Mermaid:
    def draw(self, picture: Picture, *, color: bool, width: int) -> str:
        names = {each.id: f"n{number}" for number, each in enumerate(picture.nets)}
        names |= {each.id: f"c{number}" for number, each in enumerate(picture.boxes)}
        lines = ["flowchart LR"]
        lines += [f"  {names[net.id]}{_net(net)}:::network" for net in picture.nets]
        lines += [f"  {names[box.id]}{_box(box)}:::{'up' if box.up else 'down'}" for box in picture.boxes]
        drawn = 0
        for box in picture.boxes:
            for joint in box.joints:
                lines.append(f"  {names[box.id]} --- {names[joint.net]}")
                drawn += 1
        styles = []
        for arrow in picture.arrows:
            says = arrow.causes[0].code if arrow.causes else _short(arrow.unknown)
            code = f"|{_text(says)}|" if says else ""
            line = "-.->" if arrow.says != HOLDS else "-->"
            lines.append(f"  {names[arrow.source]} {line}{code} {names[arrow.target]}")
            styles.append(f"  linkStyle {drawn} stroke:{_COLORS[arrow.says]},stroke-width:2px")
            drawn += 1
        lines += styles
        lines += [
            "  classDef network fill:#ddf4ff,stroke:#0969da,color:#0a3069",
            "  classDef up fill:#ffffff,stroke:#57606a,color:#24292f",
            "  classDef down fill:#f6f8fa,stroke:#57606a,color:#57606a,stroke-dasharray:4",
        ]
        return "\n".join([*lines, ""])


def _net(net: Net) -> str:
    about = ", ".join((*net.subnets, *net.flags))
    return f'(["{_text(net.name)}{_BREAK + _text(about) if about else ""}"])'


def _box(box: Box) -> str:
    about = box.note or ("" if box.state in ("", "running") else box.state)
    said = f"{_text(box.name)}{_BREAK + _text(about) if about else ''}"
    return f'["{said}"]' if box.kind == "container" else f'(("{said}"))'


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _text(text: str) -> str:
    """Inside quotes; what Mermaid or a page would read as code becomes an entity of Mermaid's own."""
    safe = "".join(char if char.isalnum() or char in " .:/_-,'()" else f"#{ord(char)};" for char in text)
    return safe or " "


MAPS.add("mermaid", Mermaid(), home=__name__)
