"""Compose files to one topology: each service a container, each network by its real name, everything with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from netdoctor.model import Container, Fact, Network, Place, Ref, Topology
from netdoctor.terminal import plain
from netdoctor.topology.compose.build import build_of
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.files import looked_up, project_name, wanted
from netdoctor.topology.compose.load import Project, load
from netdoctor.topology.compose.networks import PREDEFINED, declared
from netdoctor.topology.compose.service import container, variables
from netdoctor.topology.compose.tree import Node

EVERY_PROFILE = "*"
_SHOWN = 8
"""Variables in one notice."""


def read_compose(
    projects: Sequence[Sequence[str]] = (),
    *,
    environment: Mapping[str, str] | None = None,
    env_files: Sequence[str] = (),
    profiles: Sequence[str] = (EVERY_PROFILE,),
    start: Path | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Topology:
    """Each element of ``projects`` is one project's files, merged in order; none at all: what Compose would look up.

    ``environment``: the shell's variables (this process's own when None). ``profiles``: services of these only,
    and those without one. ``notice`` is told what a person should know. Raises Unreadable, UsageError.
    """
    shell = dict(os.environ if environment is None else environment)
    asked = [tuple(files) for files in projects] or [looked_up(start or Path(), shell)]
    wanting = [wanted(files, shell, env_files=env_files, one_of_several=len(asked) > 1) for files in asked]
    loaded = _apart([load(each) for each in wanting], notice)
    containers: list[Container] = []
    networks: dict[str, Network] = {}
    places: dict[Ref, Place] = {}
    for project in loaded:
        found = _containers(project, profiles, places)
        containers += found
        _networks(project, found, networks, places)
        blank = sorted(set(project.blanks.values()))
        if blank:
            more = f" and {len(blank) - _SHOWN} more" if len(blank) > _SHOWN else ""
            listed = ", ".join(blank[:_SHOWN])
            notice(f"without a value here, so left empty in {plain(project.files[0])}: {listed}{more}")
    return Topology(
        knows=frozenset({Fact.DECLARED}),
        containers=tuple(_by_name(containers)),
        networks=tuple(networks.values()),
        places=places,
        source="compose",
    )


def _apart(projects: list[Project], notice: Callable[[str], None]) -> list[Project]:
    """Projects whose folder gives them one name are told apart by their files: they were named as separate ones."""
    names = [project.name for project in projects]
    found: list[Project] = []
    for project in projects:
        if names.count(project.name) > 1 and not project.named:
            stem = project_name(Path(project.files[0]).name.removesuffix(Path(project.files[0]).suffix))
            name, number = f"{project.name}-{stem}", 2
            while name in {*names, *(each.name for each in found)}:
                name, number = f"{project.name}-{stem}-{number}", number + 1
            notice(
                f"{plain(project.files[0])} is judged as a project of its own, {name}: its folder holds several files"
            )
            project = replace(project, name=name)
        found.append(project)
    return found


def _containers(project: Project, profiles: Sequence[str], places: dict[Ref, Place]) -> list[Container]:
    known = declared(project)
    found: list[Container] = []
    for service, body in project.root.fields["services"].fields.items():
        if body.get("provider") is not None or not _active(body, profiles):
            continue
        made = container(project, service, body, known)
        _place(project, made, body, known, places)
        found.append(replace(made, build=build_of(project, body.get("build"), places)))
    _refuse_equal_names(found, places)
    _refuse_cycles(project)
    return found


def _active(body: Node, profiles: Sequence[str]) -> bool:
    listed = body.get("profiles")
    wanted = {item.text for item in listed.items} if listed is not None else set()
    return not wanted or EVERY_PROFILE in profiles or bool(wanted & set(profiles))


def _place(
    project: Project, made: Container, body: Node, known: Mapping[str, Network], places: dict[Ref, Place]
) -> None:
    """Every setting, and every entry of it, by name: ``("ports", "8080:80")``, ``("labels", "traefik.enable")``."""
    places[made.ref] = body.place
    for field, node in body.fields.items():
        places[made.ref.at(field)] = node.place
        for key, entry in node.fields.items():
            places[made.ref.at(field, key)] = entry.place
        for position, item in enumerate(node.items):
            places[made.ref.at(field, item.text if item.text is not None else str(position))] = item.place
    for key, place in variables(project, body).places.items():
        places[made.ref.at("environment", key)] = place
    listed = body.get("networks")
    for key, entry in (listed.fields if listed is not None else {}).items():
        if key in known:
            places[made.ref.at("networks", known[key].name)] = entry.place


def _networks(
    project: Project, containers: list[Container], networks: dict[str, Network], places: dict[Ref, Place]
) -> None:
    """Adds what the project declares and uses. Who defines a network knows more of it than who calls it external."""
    used = {endpoint.network for each in containers for endpoint in each.endpoints}
    section = project.root.get("networks")
    entries = section.fields if section is not None else {}
    for key, network in declared(project).items():
        if key not in entries and network.id not in used:
            continue
        if network.id not in networks or (networks[network.id].external and not network.external):
            networks[network.id] = network
            if key in entries:
                places[network.ref] = entries[key].place
    for each in containers:
        for endpoint in each.endpoints:
            plain_one = Network(endpoint.network, endpoint.network_name, external=True)
            networks.setdefault(endpoint.network, PREDEFINED.get(endpoint.network, plain_one))


def _by_name(containers: list[Container]) -> list[Container]:
    """``network_mode: container:NAME`` by the id of who has that name, where somebody has."""
    ids = {each.name: each.id for each in containers}
    found = []
    for each in containers:
        mode, _, name = (each.network_mode or "").partition(":")
        known = ids.get(name) if mode == "container" else None
        found.append(replace(each, network_mode=f"container:{known}") if known is not None else each)
    return found


def _refuse_equal_names(containers: list[Container], places: dict[Ref, Place]) -> None:
    seen: dict[str, Container] = {}
    for each in containers:
        other = seen.setdefault(each.name, each)
        # Two profiles may offer one name in turns.
        if other is not each and not (other.profiles and each.profiles and set(other.profiles) != set(each.profiles)):
            what = f"services {plain(other.service or '')!r} and {plain(each.service or '')!r} have one container name"
            raise Unreadable(f"{what}, {plain(each.name)!r}", places.get(each.ref.at("container_name")))


def _refuse_cycles(project: Project) -> None:
    """``depends_on`` in a circle starts never."""
    services = project.root.fields["services"].fields
    waits = {name: [other for other in _awaited(body) if other in services] for name, body in services.items()}
    done: set[str] = set()
    for name in services:
        trail: list[str] = []
        todo = [(name, False)]
        while todo:
            current, leaving = todo.pop()
            if leaving:
                trail.pop()
                done.add(current)
            elif current in trail:
                circle = " -> ".join(plain(each) for each in [*trail[trail.index(current) :], current])
                raise Unreadable(f"services depend on each other in a circle: {circle}", services[current].place)
            elif current not in done:
                trail.append(current)
                todo.append((current, True))
                todo += [(other, False) for other in waits[current]]


def _awaited(body: Node) -> Iterable[str]:
    section = body.get("depends_on")
    return section.fields if section is not None else ()


__all__ = ["EVERY_PROFILE", "read_compose"]
