"""Portainer: stacks live in its own volume; the stack editor is the source."""

from __future__ import annotations

import re

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import PLATFORMS, STACK, Permanence, compose_text, paths_of

_STACK_FOLDER = re.compile(r"^/data/compose/\d+(/|$)")


class Portainer:
    title = "Portainer"
    rank = 40

    def recognises(self, container: Container, topology: Topology) -> bool:
        return any(_STACK_FOLDER.match(path) for path in paths_of(container))

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        stack = container.project or container.labels.get(STACK) or container.name
        return Permanence(
            self.title,
            why="Portainer keeps this stack's file in its own volume and replaces it on every update of the stack.",
            text=(
                f"In Portainer, open Stacks > {stack} > Editor (or the stack's repository), add these lines, and "
                f"choose Update the stack:\n{compose_text(container, membership)}"
            ),
        )


PLATFORM = PLATFORMS.add("portainer", Portainer(), home=__name__)
