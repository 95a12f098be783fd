"""DOT, for Graphviz: https://graphviz.org/doc/info/lang.html."""

from __future__ import annotations

from netdoctor.maps.interface import BROKEN, HOLDS, MAPS, UNASKED, UNKNOWN, Box, Net, Picture

_COLORS = {HOLDS: "#2da44e", BROKEN: "#cf222e", UNKNOWN: "#9a6700", UNASKED: "#8c959f"}


class Dot:
    def draw(self, picture: Picture, *, color: bool, width: int) -> str:
        lines = [
            "digraph netdoctor {",
            f"  graph [label={_quoted(picture.title)}, layout=dot, rankdir=LR, fontname=Helvetica]",
            "  node [fontname=Helvetica, fontsize=11]",
            "  edge [fontname=Helvetica, fontsize=10]",
        ]
        lines += [
            f'  {_quoted(_key(net))} [label={_net(net)}, shape=oval, style=filled, fillcolor="#ddf4ff"]'
            for net in picture.nets
        ]
        lines += [
            f"  {_quoted(box.id)} [label={_box(box)}, shape={_shape(box)}, style={_style(box)}]"
            for box in picture.boxes
        ]
        nets = {net.id: net for net in picture.nets}
        for box in picture.boxes:
            for joint in box.joints:
                about = _quoted("\n".join(joint.addresses))
                lines.append(f"  {_quoted(box.id)} -> {_quoted(_key(nets[joint.net]))} [dir=none, label={about}]")
        for arrow in picture.arrows:
            says = ", ".join(cause.code for cause in arrow.causes)
            why = [cause.sentence for cause in arrow.causes] or [arrow.unknown]
            tip = "\n".join(part for part in (arrow.label, *why) if part)
            lines.append(
                f"  {_quoted(arrow.source)} -> {_quoted(arrow.target)} "
                f'[color="{_COLORS[arrow.says]}", penwidth=2, constraint=false, '
                f"style={'solid' if arrow.says == HOLDS else 'dashed'}, label={_quoted(says)}, tooltip={_quoted(tip)}]"
            )
        return "\n".join([*lines, "}", ""])


def _key(net: Net) -> str:
    """A network may bear a container's id in a file that was made by hand; a prefix keeps the two apart."""
    return f"network {net.id}"


def _net(net: Net) -> str:
    return _quoted("\n".join([net.name, *net.subnets, *net.flags]))


def _box(box: Box) -> str:
    about = box.note or ("" if box.state in ("", "running") else box.state)
    return _quoted("\n".join(part for part in (box.name, about) if part))


def _shape(box: Box) -> str:
    return "box" if box.kind == "container" else "diamond"


def _style(box: Box) -> str:
    return "solid" if box.up else "dashed"


def _quoted(text: str) -> str:
    r"""A quoted string; a backslash is doubled, or ``\N`` would be a name and ``\l`` a line's end."""
    body = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{body}"'


MAPS.add("dot", Dot(), home=__name__)
