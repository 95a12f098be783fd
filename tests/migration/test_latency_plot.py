"""The plot is valid XML without script, whatever the names; every line stays inside its frame."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.latency import Row
from netdoctor.migration.latency_plot import svg

SVG = "{http://www.w3.org/2000/svg}"
TIMES = st.lists(st.floats(1e-4, 1e6), min_size=1, max_size=300).map(lambda found: tuple(sorted(found)))


@given(
    st.lists(st.tuples(st.text(max_size=60), TIMES), min_size=1, max_size=7),
    st.text(max_size=200),
    st.dictionaries(st.sampled_from(["p50", "p95", "p99"]), st.floats(1e-4, 1e6)),
)
def test_any_names_and_times_draw(
    rows: list[tuple[str, tuple[float, ...]]], title: str, base: dict[str, float]
) -> None:
    made = [Row(name, times) for name, times in rows]
    drawn = svg(made, title, baseline={made[0].name: base}, baseline_name=title)
    root = ElementTree.fromstring(drawn.encode())
    lines = root.findall(f"{SVG}polyline")
    assert len(lines) == len(made)
    for line in lines:
        corners = [tuple(map(float, each.split(","))) for each in line.attrib["points"].split()]
        assert all(63 <= x <= 571 and 43 <= y <= 373 for x, y in corners), corners
        assert corners == sorted(corners, key=lambda corner: (corner[0], -corner[1]))


def test_nothing_in_it_can_run() -> None:
    drawn = svg([Row("<script>alert(1)</script>", (1.0,))], '"><script>x</script>\x1b[31m')
    root = ElementTree.fromstring(drawn.encode())
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "rect", "text", "line", "polyline", "circle",
    }  # fmt: skip
    assert not [name for element in root.iter() for name in element.attrib if name.lower().startswith(("on", "href"))]
    assert "\x1b" not in drawn and not re.search(r"https?://(?!www\.w3\.org)", drawn)
