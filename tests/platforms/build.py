"""Containers as each platform labels them."""

from __future__ import annotations

from netdoctor.model import Container, Endpoint, Fact, Membership, Topology


def container(name: str, labels: dict[str, str] | None = None, networks: tuple[str, ...] = ("net",)) -> Container:
    endpoints = tuple(Endpoint(f"{each}-id", each, names=(name,)) for each in networks)
    return Container(f"{name}-id", name, labels=labels or {}, endpoints=endpoints)


def compose(name: str, project: str, service: str, folder: str = "/srv/app", **more: str) -> Container:
    labels = {
        "com.docker.compose.project": project,
        "com.docker.compose.service": service,
        "com.docker.compose.project.working_dir": folder,
        "com.docker.compose.project.config_files": f"{folder}/docker-compose.yml",
    }
    named = {key.replace("__", "."): value for key, value in more.items()}
    return container(name, labels | named, (f"{project}_default",))


def alone(one: Container) -> Topology:
    return Topology(frozenset({Fact.RUNTIME}), (one,), ())


def joins(one: Container, network: str = "shared", *aliases: str) -> Membership:
    return Membership(one.id, network, aliases)
