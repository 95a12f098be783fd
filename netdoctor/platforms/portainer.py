"""Portainer: stacks live in its own volume; the stack editor is the source.

Its API (``/api``, header ``X-API-Key``): ``GET /stacks/{id}``, ``GET /stacks/{id}/file``, and
``PUT /stacks/{id}?endpointId=``, which stores the text and deploys the stack at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import PLATFORMS, STACK, Ask, Held, Permanence, compose_text, paths_of

_STACK_FOLDER = re.compile(r"^/data/compose/(\d+)(/|$)")
_DEPLOYING = 600.0
"""Seconds: the answer comes when the stack is up."""
_KINDS = (1, 2)
"""Swarm and Compose; 3 is Kubernetes."""


class PortainerApi:
    root = "/api"
    token = "My account > Access tokens"  # noqa: S105 - a place
    redraws = False
    interrupts = True

    def headers(self, token: str) -> Mapping[str, str]:
        return {"X-API-Key": token}

    def serves(self, container: Container) -> bool:
        return bool(_stack_id(container))

    def find(self, ask: Ask, container: Container) -> Held:
        held = self.read(ask, f"stacks/{_stack_id(container)}")
        # Every Portainer counts from 1: the number alone would find another Portainer's stack.
        name = str(held.private["name"])
        if _plain(name) != _plain(_stack(container)):
            raise ask.refuse(
                f"Stack {_stack_id(container)} of that Portainer is {name}, not {_stack(container)}.",
                "Check that it is the Portainer which made this stack.",
            )
        return held

    def read(self, ask: Ask, resource: str) -> Held:
        number = resource.partition("/")[2]
        stack = ask.get(f"/stacks/{number}")
        if not isinstance(stack, dict) or str(stack.get("Id")) != number or not isinstance(stack.get("Name"), str):
            raise ask.refuse(f"Portainer's answer is not about stack {number}.", "Look at it in Portainer itself.")
        name = stack["Name"]
        if stack.get("GitConfig"):
            raise ask.refuse(
                f"The stack {name} comes from a repository, and a text told to Portainer would cut it off from it.",
                "Add the lines in the repository.",
            )
        if stack.get("Type") not in _KINDS or not stack.get("EndpointId"):
            raise ask.refuse(f"The stack {name} is none that takes a compose text.", "Look at it in Portainer itself.")
        file = ask.get(f"/stacks/{number}/file")
        text = file.get("StackFileContent") if isinstance(file, dict) else None
        if not isinstance(text, str):
            raise ask.refuse(f"Portainer does not give the compose text of {name}.", "Look at it in Portainer itself.")
        options = stack.get("Option")
        private = {
            "name": name,
            "endpoint": str(stack["EndpointId"]),
            # Left out, they would be emptied.
            "env": stack.get("Env") or [],
            "prune": bool(options.get("Prune")) if isinstance(options, dict) else False,
        }
        return Held(resource, f"the stack {name}", text, private=private)

    def switch(self, held: Held, container: Container, membership: Membership) -> Mapping[str, bool]:
        return {}

    def write(self, ask: Ask, now: Held, wanted: Held) -> None:
        body = {
            "StackFileContent": wanted.text,
            "Env": now.private["env"],
            "Prune": now.private["prune"],
            "PullImage": False,
            "RepullImageAndRedeploy": False,
        }
        ask.send("PUT", f"/{now.resource}", body, seconds=_DEPLOYING, endpointId=now.private["endpoint"])

    def afterwards(self, resource: str) -> str:
        return "Portainer deployed the stack with it at once."


class Portainer:
    title = "Portainer"
    rank = 40
    api = PortainerApi()

    def recognises(self, container: Container, topology: Topology) -> bool:
        return bool(_stack_id(container))

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        return Permanence(
            self.title,
            why="Portainer keeps this stack's file in its own volume and replaces it on every update of the stack.",
            text=(
                f"In Portainer, open Stacks > {_stack(container)} > Editor (or the stack's repository), add these "
                f"lines, and choose Update the stack:\n{compose_text(container, membership)}"
            ),
        )


def _stack(container: Container) -> str:
    return container.project or container.labels.get(STACK) or container.name


def _stack_id(container: Container) -> str:
    found = (_STACK_FOLDER.match(path) for path in paths_of(container))
    return next((match[1] for match in found if match is not None), "")


def _plain(name: str) -> str:
    """As Compose makes a project's name out of it."""
    return re.sub(r"[^a-z0-9_-]", "", name.lower())


PLATFORM = PLATFORMS.add("portainer", Portainer(), home=__name__)
