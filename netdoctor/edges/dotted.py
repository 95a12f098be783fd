"""``http://api.internal:8080``: a name with a dot that nobody carries, whose first label is one container's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from netdoctor.edges.address import Address
from netdoctor.edges.loopback import for_browsers, ports_of
from netdoctor.model import Container, Topology

_INSIDE = frozenset({"internal", "local", "lan", "localdomain", "localhost", "home", "intranet", "private", "docker"})
"""Last labels that no registry gives out, and that people write behind a container's name."""
_CLUSTER = re.compile(r"(?:[a-z0-9-]+\.)?svc(?:\.cluster\.local)?\Z|[a-z0-9-]+\.svc\.cluster\.local\Z")
"""As Kubernetes has them: a manifest's value that came along into a compose file."""
_DEFAULT = re.compile(r"[a-z0-9][a-z0-9_-]*[_-]default\Z")
"""The network that Compose makes for a project, of whatever project."""
_WORLD = frozenset(
    {"ai", "app", "art", "biz", "blog", "cloud", "club", "co", "com", "de", "dev", "eu", "fun", "games", "info", "io"}
    | {"live", "link", "me", "media", "net", "network", "news", "ngo", "one", "online", "org", "page", "pro", "pub"}
    | {"run", "sh", "shop", "site", "social", "space", "store", "tech", "tools", "tv", "uk", "us", "wiki", "xyz"}
)  # fmt: skip
"""Networks and projects are called so as well; a name that ends like this is more often one of the world outside."""
Named = Iterable[tuple[Container, frozenset[str]]]


def may_be_inside(topology: Topology, host: str) -> bool:
    """Whether what follows the first dot is nobody's in the world: a cheap question, for whoever has many to ask."""
    _, _, rest = host.lower().rstrip(".").partition(".")
    if rest in _INSIDE or _CLUSTER.match(rest) or _DEFAULT.match(rest):
        return True
    named = (*(each.name for each in topology.networks), *(each.project or "" for each in topology.containers))
    return bool(rest) and rest not in _WORLD and any(name.lower() == rest for name in named)


def meant_by_first_label(
    topology: Topology, caller: Container, variable: str, address: Address, others: Named
) -> Container | None:
    """The one container that ``api.internal``, ``api.lan``, ``api.<network>`` or ``api.<project>`` must mean; None when
    nobody is called ``api``, several are, or the name may well be one of the world outside.

    ``others``: the other containers with their names, lower case. For a host that nobody carries on the caller's
    networks. A stranger (another project, no shared network) must also have the port.
    """
    label, _, rest = address.host.lower().rstrip(".").partition(".")
    if not label or label.isdigit() or not may_be_inside(topology, address.host):
        return None
    if for_browsers(variable) or _knows(caller, address.host):
        return None
    found = [each for each, names in others if each.id != caller.id and label in names]
    on_it = _on(topology, rest)
    if on_it is not None and rest not in _WORLD:
        return _only([each for each in found if any(e.network in on_it for e in each.endpoints)] or found, caller)
    if not (rest in _INSIDE or _CLUSTER.match(rest) or _DEFAULT.match(rest) or _is_project(rest, (caller, *found))):
        return None
    own = [each for each in found if each.project is not None and each.project == caller.project]
    near = [each for each in found if topology.shared_networks(caller, each)]
    fitting = [each for each in found if address.port is not None and address.port in ports_of(each)]
    return _only(own or near or fitting, caller)


def _on(topology: Topology, rest: str) -> frozenset[str] | None:
    """The ids of the networks of that name; None when there is none."""
    found = frozenset(network.id for network in topology.networks if network.name.lower() == rest)
    return found or None


def _is_project(rest: str, containers: Iterable[Container]) -> bool:
    return rest not in _WORLD and any((each.project or "").lower() == rest for each in containers)


def _only(found: Sequence[Container], caller: Container) -> Container | None:
    """One of them, where they are one service's containers; its running one first."""
    if not found or any((each.project, each.service or each.name) != _who(found[0]) for each in found):
        return None
    if _who(found[0]) == _who(caller):
        return None
    return next((each for each in found if each.running), found[0])


def _who(container: Container) -> tuple[str | None, str]:
    return container.project, container.service or container.name


def _knows(caller: Container, host: str) -> bool:
    """Its hosts file says whom it means."""
    wanted = host.lower().rstrip(".")
    return any(line.partition(":")[0].lower() == wanted for line in caller.extra_hosts or ())
