"""Mermaid: every line is one that its grammar knows, whatever a container is called."""

from __future__ import annotations

import re

from netdoctor.maps.interface import MAPS

from .pictures import EMPTY, HOSTILE, INCIDENT, crowd

LINE = re.compile(
    r"flowchart LR"
    r"|  [nc]\d+(\(\[\"[^\"`<>]*(<br/>[^\"`<>]*)?\"\]\)|\[\"[^\"`<>]*(<br/>[^\"`<>]*)?\"\]|\(\(\"[^\"`<>]*\"\)\)):::\w+"
    r"|  c\d+ --- n\d+"
    r"|  c\d+ (-->|-\.->)(\|[^|\"<>]*\|)? c\d+"
    r"|  linkStyle \d+ stroke:#[0-9a-f]{6},stroke-width:2px"
    r"|  classDef \w+ [\w:#,-]+"
)


def drawn(picture) -> list[str]:
    return MAPS.get("mermaid").draw(picture, color=False, width=80).splitlines()


def test_every_line_is_of_the_grammar():
    for picture in (EMPTY, INCIDENT, HOSTILE, crowd()):
        for line in drawn(picture):
            assert LINE.fullmatch(line), line


def test_the_broken_connection_is_red_and_carries_its_code():
    lines = drawn(INCIDENT)
    assert "  c0 -.->|ND101| c1" in lines
    links = [line for line in lines if " --- " in line or "->" in line]
    number = links.index("  c0 -.->|ND101| c1")
    assert f"  linkStyle {number} stroke:#cf222e,stroke-width:2px" in lines


def test_every_arrow_has_a_style_of_its_own():
    lines = drawn(crowd())
    assert sum("linkStyle" in line for line in lines) == len(crowd().arrows)
