"""The way out for a file that must not be edited: a compose.override.yaml beside it."""

from __future__ import annotations

from collections.abc import Mapping as EnvMapping
from collections.abc import Sequence

from . import render
from .effective import ReadFile, membership
from .join import key_for, load_project
from .model import Mapping
from .naming import check_alias, check_network, written
from .refused import EditRefused
from .render import Style, aliases_value
from .target import sharing


def override_for(
    source: bytes,
    service: str,
    network: str,
    aliases: Sequence[str] = (),
    *,
    project: str | None = None,
    environment: EnvMapping[str, str] | None = None,
    others: Sequence[bytes] = (),
    read_file: ReadFile | None = None,
) -> bytes:
    """The text of a compose.override.yaml by which `service` joins `network` (a real name).

    Compose unites its networks with those of `source`, after anchors and `extends`, so it leaks nowhere. It is read
    without being named only when Compose runs without -f and no other override exists. The keyword arguments are those
    of `plan_join`.
    Raises EditRefused when `source` cannot be read, or the service's network mode leaves no room for networks.
    """
    check_network(network)
    for alias in aliases:
        check_alias(alias)
    known = load_project(source, project=project, environment=environment, others=others, read_file=read_file)
    name, _ = sharing(known, service)
    member = membership(known, name)
    if member.mode is not None and member.mode != "bridge":
        raise EditRefused(
            f"service {name!r} has network_mode {member.mode!r}, which excludes networks",
            "Remove `network_mode` from the service, then try again.",
        )
    if member.provider:
        raise EditRefused(
            f"service {name!r} is run by a provider, and Compose ignores its networks",
            "Connect what the provider creates by the provider's own means.",
        )
    key, declares = key_for(known, member.effective, network)
    entries: Mapping = {key: aliases_value(aliases)}
    if not member.networks and member.mode is None and key != "default":
        entries = {"default": None, **entries}
    lines = ["services:", f"  {written(name)}:"]
    if member.mode is not None:
        lines.append("    network_mode: !reset null")
    lines += render.block_networks(entries, 4, Style())
    if declares:
        lines += ["", "networks:", *render.declaration(key, network, 2, 2)]
    return ("\n".join(lines) + "\n").encode("utf-8")
