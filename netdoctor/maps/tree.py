"""A tree for the terminal: networks with who is on them, then the connections and what keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from netdoctor.maps.interface import BROKEN, HOLDS, MAPS, UNASKED, UNKNOWN, UNSEEN, Arrow, Box, Joint, Net, Picture

_MARKS = {HOLDS: "ok", BROKEN: "BROKEN", UNKNOWN: "?", UNASKED: "-"}
_STYLES = {HOLDS: "green", BROKEN: "bold red", UNKNOWN: "yellow", UNASKED: "dim"}


class Tree:
    def draw(self, picture: Picture, *, color: bool, width: int) -> str:
        import io

        from rich.console import Console
        from rich.text import Text
        from rich.tree import Tree as Branches

        root = Branches(Text(picture.title, "bold"))
        for net in picture.nets:
            branch = root.add(Text.assemble((net.name, "bold cyan"), _facts(net)))
            members = picture.on(net)
            for box, joint in members:
                branch.add(Text.assemble((box.name, "" if box.up else "dim"), _place(box, joint)))
            if not members:
                branch.add(Text("nobody", "dim"))
        for heading, boxes in _apart(picture):
            branch = root.add(Text(heading, "bold"))
            for box in boxes:
                branch.add(Text.assemble(box.name, f"  {box.note}" if box.note else "", _state(box)))
        if picture.arrows:
            branch = root.add(Text("connections", "bold"))
            for arrow in picture.arrows:
                line = Text.assemble((f"{_MARKS[arrow.says]:<7}", _STYLES[arrow.says]), arrow.label)
                under = branch.add(line)
                for text in _why(arrow):
                    under.add(Text(text))
        out = io.StringIO()
        console = Console(
            file=out, force_terminal=color, no_color=not color, width=width, highlight=False, emoji=False, markup=False
        )
        console.print(root)
        # A tree pads its lines to the width; what is copied from a terminal should not carry that along.
        return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _facts(net: Net) -> str:
    return "".join(f"  {part}" for part in (*net.subnets, *(f"[{flag}]" for flag in net.flags)))


def _place(box: Box, joint: Joint) -> str:
    names = f"  as {', '.join(joint.aliases)}" if joint.aliases else ""
    return f"  {', '.join(joint.addresses)}{names}{_state(box)}" if joint.addresses else f"{names}{_state(box)}"


def _state(box: Box) -> str:
    return "" if box.state in ("", "running") else f"  ({box.state})"


def _apart(picture: Picture) -> Iterator[tuple[str, list[Box]]]:
    alone = [box for box in picture.boxes if box.kind == "container" and not box.joints]
    unseen = [box for box in picture.boxes if box.kind == UNSEEN]
    outside = [box for box in picture.boxes if box.kind not in ("container", UNSEEN)]
    if alone:
        yield "on no network of their own", alone
    if unseen:
        yield "nobody knows where", unseen
    if outside:
        yield "outside Docker's networks", outside


def _why(arrow: Arrow) -> list[str]:
    lines = [f"{cause.code} {cause.sentence}" for cause in arrow.causes]
    lines += [f"fix: {cause.fix[0]}" for cause in arrow.causes[:1] if cause.fix]
    return lines or ([arrow.detail] if arrow.detail and arrow.says in (BROKEN, UNKNOWN) else [])


MAPS.add("tree", Tree(), home=__name__)
