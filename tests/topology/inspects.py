"""One small stack, as four engines' inspect answers tell it.

``app`` is on ``front`` and ``back`` (internal); ``db`` is on ``back`` under the alias ``postgres``; ``old`` sits on the
default bridge, ``metal`` in host mode, ``alone`` in none mode, ``side`` in app's namespace; ``ended`` has stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


def full(word: str) -> str:
    """A 64-hex id that can be told by its beginning."""
    return (word.encode().hex() * 10)[:64]


@dataclass(frozen=True)
class Shape:
    """What differs between engines."""

    name: str
    podman: bool = False
    short_id_alias: bool = False
    dns_names: bool = False
    internal_gateway: bool = False
    default_mode: str = "bridge"


SHAPES = (
    Shape("20.10", short_id_alias=True, internal_gateway=True, default_mode="default"),
    Shape("26.1", dns_names=True),
    Shape("28.5", dns_names=True),
    Shape("podman-4.3", podman=True, short_id_alias=True, internal_gateway=True),
)


def stack(shape: Shape) -> tuple[list[JSON], list[JSON]]:
    """(containers' inspects, network list)"""
    return _containers(shape), _networks(shape)


def _networks(shape: Shape) -> list[JSON]:
    made = [
        _network(shape, "front", "172.18.0"),
        _network(shape, "back", "172.19.0", internal=True),
        _network(shape, "bridge", "172.17.0", default=True),
    ]
    if not shape.podman:
        made += [
            {"Name": "host", "Id": full("host"), "Driver": "host", "Scope": "local", "IPAM": {"Config": None}},
            {"Name": "none", "Id": full("none"), "Driver": "null", "Scope": "local", "IPAM": {"Config": []}},
        ]
    return made


def _network(shape: Shape, name: str, prefix: str, *, internal: bool = False, default: bool = False) -> JSON:
    options = {"com.docker.network.bridge.default_bridge": "true"} if default and not shape.podman else {}
    options.update({"com.docker.network.bridge.enable_icc": "false"} if name == "front" else {})
    return {
        "Name": name,
        "Id": full(name),
        "Created": "2026-11-01T00:00:00Z",
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Config": [{"Subnet": f"{prefix}.0/24", "Gateway": f"{prefix}.1"}]},
        "Internal": internal,
        "Attachable": False,
        "Containers": {},
        "Options": options or None,
        "Labels": {"com.docker.compose.project": "shop"} if not default else {},
    }


def _endpoint(shape: Shape, container: str, network: str, address: str, aliases: tuple[str, ...] = ()) -> JSON:
    short = full(container)[:12]
    given: list[str] | None = [*aliases, *([short] if shape.short_id_alias else [])] or None
    gateway = f"{address.rpartition('.')[0]}.1" if address else ""
    made: JSON = {
        "IPAMConfig": {"IPv4Address": address} if container == "db" else None,
        "Links": None,
        "Aliases": given,
        "NetworkID": ("podman" if network == "bridge" else network) if shape.podman else full(network),
        "EndpointID": "" if shape.podman else full("e" + container),
        "Gateway": "" if network == "back" and not shape.internal_gateway else gateway,
        "IPAddress": address,
        "IPPrefixLen": 24,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "MacAddress": "02:42:ac:12:00:02",
    }
    if shape.dns_names:
        made["DNSNames"] = None if network == "bridge" else [container, *aliases, short]
    if network == "bridge":
        made["Aliases"] = [short] if shape.podman else None
    return made


def _container(shape: Shape, name: str, networks: dict[str, JSON], mode: str, **more: Any) -> JSON:
    running = more.pop("running", True)
    ids = full(name)
    environment = more.pop("env", None)
    added = ["PATH=/bin", "TERM=xterm", "container=podman", f"HOSTNAME={ids[:12]}"]
    state: JSON = {
        "Status": "running" if running else "exited",
        "Running": running,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": False,
        "Pid": 4711 if running else 0,
        "ExitCode": 0 if running else 137,
        "Error": "",
        "StartedAt": "2026-11-01T00:00:01Z",
        "FinishedAt": "0001-01-01T00:00:00Z" if running else "2026-11-01T00:00:09Z",
    }
    if shape.podman:
        state["Health"] = {"Status": "", "FailingStreak": 0, "Log": None}
    state.update(more.pop("state", {}))
    return {
        "Id": ids,
        "Created": "2026-11-01T00:00:00Z",
        "Path": "serve",
        "Args": ["--port", "80"],
        "State": state,
        "Name": name if shape.podman else f"/{name}",
        "RestartCount": 2 if not running else 0,
        "Config": {
            "Hostname": ids[:12],
            "Image": f"localhost/lab/{name}:1" if shape.podman else f"lab/{name}:1",
            "Env": [*(environment or []), *added] if shape.podman else environment,
            "ExposedPorts": more.pop("exposed", None),
            "Labels": more.pop("labels", None),
            **more.pop("config", {}),
        },
        "HostConfig": {
            "NetworkMode": mode,
            "PortBindings": more.pop("bindings", {}),
            "ExtraHosts": [] if shape.podman else None,
            "Dns": [] if shape.podman else None,
        },
        "NetworkSettings": {"Networks": networks, "Ports": more.pop("ports", {})},
        **more,
    }


def _containers(shape: Shape) -> list[JSON]:
    def on(container: str, *attached: tuple[str, str], aliases: tuple[str, ...] = ()) -> dict[str, JSON]:
        keys = {"bridge": "podman"} if shape.podman else {}
        return {keys.get(n, n): _endpoint(shape, container, n, address, aliases) for n, address in attached}

    app = on("app", ("front", "172.18.0.2"), ("back", "172.19.0.2"), aliases=("web",))
    user_mode = "bridge" if shape.podman else "front"
    owner = f"container:{full('app')}"
    alone: dict[str, JSON] = {} if shape.podman else {"none": {"NetworkID": full("none"), "IPAddress": ""}}
    metal: dict[str, JSON] = {} if shape.podman else {"host": {"NetworkID": full("host"), "IPAddress": ""}}
    return [
        _container(
            shape,
            "app",
            app,
            user_mode,
            env=["DATABASE_URL=postgres://u:pw@postgres:5432/shop", "EMPTY=", "ODD"],
            labels={"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
            exposed={"80/tcp": {}, "53/udp": {}},
            ports={"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}]},
            bindings={"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
            state={
                "Health": {
                    "Status": "unhealthy",
                    "FailingStreak": 3,
                    "Log": [{"ExitCode": 127, "Output": "curl: not found"}],
                }
            },
            config={"Healthcheck": {"Test": ["CMD-SHELL", "curl localhost"]}},
        ),
        _container(shape, "db", on("db", ("back", "172.19.0.3"), aliases=("postgres",)), user_mode),
        _container(shape, "old", on("old", ("bridge", "172.17.0.2")), shape.default_mode),
        _container(shape, "metal", metal, "host"),
        _container(shape, "alone", alone, "none"),
        # Podman shows the owner's networks here, Docker none.
        _container(shape, "side", dict(app) if shape.podman else {}, owner),
        _container(
            shape,
            "ended",
            on("ended", ("back", "")),
            user_mode,
            running=False,
            bindings={"9000/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
        ),
    ]
