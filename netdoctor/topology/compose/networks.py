"""The networks of a project, by key, as the engine will know them."""

from __future__ import annotations

from netdoctor.model import Network, Ref
from netdoctor.terminal import plain
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.load import Project
from netdoctor.topology.compose.tree import Node, mapping

BRIDGE = Network("bridge", "bridge", default_bridge=True, external=True)
HOST = Network("host", "host", driver="host", external=True)
NONE = Network("none", "none", driver="null", external=True)
PREDEFINED = {network.name: network for network in (BRIDGE, HOST, NONE)}
_ICC = "com.docker.network.bridge.enable_icc"


def declared(project: Project) -> dict[str, Network]:
    """Key to network: what the top level declares, and ``default``, which is always there to be used."""
    section = project.root.get("networks")
    if section is not None and not isinstance(section.value, dict):
        raise Unreadable("networks is not a mapping of names to networks", section.place)
    found = {key: _network(project, key, entry) for key, entry in (section.fields if section else {}).items()}
    found.setdefault("default", _network(project, "default", mapping(project.root.place)))
    return found


def refs(project: Project) -> dict[str, Ref]:
    """Key to ref, for the keys that the file itself declares."""
    section = project.root.get("networks")
    known = declared(project)
    return {key: known[key].ref for key in (section.fields if section else {})}


def _network(project: Project, key: str, entry: Node) -> Network:
    if entry.value is not None and not isinstance(entry.value, dict):
        raise Unreadable(f"network {plain(key)!r} is not a mapping of settings", entry.place)
    external = entry.truth("external") or bool(entry.get("external", "name"))
    name = _name(project, entry, "name") or _name(project, entry, "external", "name")
    name = name or (key if external else f"{project.name}_{key}")
    if external:
        # Its name is all that is known; the engine's own three are what they always are.
        return PREDEFINED.get(name, Network(name, name, external=True))
    options = {option: value.text or "" for option, value in _pairs(entry, "driver_opts").items()}
    configs = entry.get("ipam", "config")
    ranges = configs.items if configs is not None else []
    driver = entry.string("driver") or "bridge"
    return Network(
        name,
        name,
        driver=driver,
        scope="swarm" if driver == "overlay" else "local",
        internal=entry.truth("internal"),
        attachable=driver != "overlay" or entry.truth("attachable"),
        icc=options.get(_ICC, "true").lower() != "false",
        ipv6=entry.truth("enable_ipv6"),
        subnets=tuple(text for each in ranges if (text := each.string("subnet"))),
        gateways=tuple(text for each in ranges if (text := each.string("gateway"))),
        labels={
            **{label: value.text or "" for label, value in _pairs(entry, "labels").items()},
            "com.docker.compose.project": project.name,
            "com.docker.compose.network": key,
        },
        options=options,
    )


def _name(project: Project, entry: Node, *path: str) -> str | None:
    """The text there; a variable without a value stands for itself, so that the same one means the same network."""
    found = entry.get(*path)
    if found is None or found.text is None:
        return None
    variable = project.blanks.get(found.place)
    return f"${{{variable}}}" if variable is not None and not found.text else found.text or None


def _pairs(entry: Node, key: str) -> dict[str, Node]:
    found = entry.get(key)
    if found is None:
        return {}
    if isinstance(found.value, dict):
        return found.fields
    pairs = {}
    for item in found.items:
        name, _, value = (item.text or "").partition("=")
        pairs[name] = item.with_value(value)
    return pairs
