"""What each answer of the engine has to look like, so far as it is read: one table, by method and path.

Written after what Docker Engine 20.10 to 29 and Podman 4 answer. Required is what no conclusion can do without: a
container whose networks are left out would look like one that is on none.
"""

from __future__ import annotations

import re
from typing import Any

from netdoctor.engine.shapes import (
    Shape,
    Unusable,
    address,
    anything,
    flag,
    identity,
    listing,
    mapping,
    maybe,
    record,
    subnet,
    text,
    whole,
    word,
)

_MOST_CONTAINERS = 20_000
"""Of one list; an engine's networks end far below."""
_api = word(r"\d{1,4}\.\d{1,4}", "an API version")
texts = listing(text)
labels = mapping(maybe(text))

VERSION = record(
    {"ApiVersion": _api}, Version=text, MinAPIVersion=maybe(word(r"|\d{1,4}\.\d{1,4}", "an API version")),
    Components=listing(record(Name=text)),
)  # fmt: skip
INFO = record(ID=text)

LISTED_ONE = record({"Id": identity}, Names=texts, Labels=labels, State=text, SizeRw=whole)
LISTED = listing(LISTED_ONE, most=_MOST_CONTAINERS)

_health = record(Status=text, FailingStreak=whole, Log=listing(record(ExitCode=whole, Output=text)))
_state = record(
    {"Status": text, "Running": flag},
    Paused=flag,
    Restarting=flag,
    OOMKilled=flag,
    Pid=whole,
    ExitCode=whole,
    Error=text,
    StartedAt=text,
    FinishedAt=text,
    Health=_health,
    Healthcheck=_health,
)
_healthcheck = record(Test=texts, Interval=whole, Timeout=whole, StartPeriod=whole, Retries=whole)
_config = record(
    Hostname=text, Image=text, Env=texts, Labels=labels, ExposedPorts=mapping(anything), Healthcheck=_healthcheck
)
_bindings = mapping(maybe(listing(record(HostIp=text, HostPort=text))))
_host_config = record(
    {"NetworkMode": text},
    PortBindings=_bindings,
    ExtraHosts=texts,
    Dns=texts,
    DnsSearch=texts,
    Links=texts,
    RestartPolicy=record(Name=text),
)
_endpoint = record(
    NetworkID=text,
    EndpointID=text,
    Aliases=texts,
    Links=texts,
    DNSNames=texts,
    IPAddress=address,
    GlobalIPv6Address=address,
    Gateway=address,
    MacAddress=text,
    IPAMConfig=record(IPv4Address=address, IPv6Address=address),
)
_container = record(
    {
        "Id": identity,
        "Name": text,
        "State": _state,
        "Config": _config,
        "HostConfig": _host_config,
        "NetworkSettings": record(Networks=mapping(maybe(_endpoint)), Ports=_bindings),
    },
    Image=text,
    Path=text,
    Args=texts,
    RestartCount=whole,
    Created=text,
    Mounts=listing(record(Type=text, Source=text, Destination=text)),
    GraphDriver=record(Data=mapping(anything)),
)
_WITHOUT_NETWORKS = re.compile(r"(host|none|private|slirp4netns|pasta|ns|container)(:.*)?", re.DOTALL)
"""Modes in which Podman leaves ``Networks`` out."""


def container(value: Any, where: str) -> None:
    """An inspect."""
    _container(value, where)
    if value["NetworkSettings"].get("Networks") is None and not _WITHOUT_NETWORKS.fullmatch(
        value["HostConfig"]["NetworkMode"]
    ):
        raise Unusable("NetworkSettings has no Networks")


_network = {"Id": identity, "Name": text, "Driver": text}
NETWORKS_ONE = record(
    _network,
    Scope=text,
    Internal=flag,
    Attachable=flag,
    EnableIPv6=flag,
    Created=text,
    Labels=labels,
    Options=mapping(maybe(text)),
    IPAM=record(Config=listing(record(Subnet=subnet, Gateway=address))),
)
NETWORKS = listing(NETWORKS_ONE)
_task_there = record(Name=text, EndpointID=text, Info=mapping(maybe(text)))
NETWORK = record(
    _network,
    Containers=mapping(record(Name=text, EndpointID=text, IPv4Address=address, IPv6Address=address)),
    Services=mapping(record(Tasks=listing(_task_there))),
)

_joined = listing(record(Target=text))
_spec = record(
    Name=text,
    Networks=_joined,
    TaskTemplate=record(Networks=_joined),
    Mode=record(Replicated=record(Replicas=whole)),
)
SERVICES = listing(record({"ID": identity}, Spec=_spec))
SERVICE = record({"Spec": _spec, "Version": record({"Index": whole})})
TASKS = listing(record(Status=record(State=text, Err=text), Spec=_spec))
STATS = record(
    cpu_stats=record(cpu_usage=record(total_usage=whole)),
    memory_stats=record(
        usage=whole, limit=whole, stats=record(total_inactive_file=whole, inactive_file=whole)
    ),
)  # fmt: skip
MADE = record({"Id": identity})
EXEC = record(ExitCode=whole, Running=flag)
ENDED = record({"StatusCode": whole})
FILE = record(name=text, size=whole, mode=whole, linkTarget=text)
"""The header that tells of a file inside a container."""

OF_LISTS: dict[str, tuple[Shape, Shape]] = {
    "/containers/json": (listing(anything, most=_MOST_CONTAINERS), LISTED_ONE),
    "/networks": (listing(anything), NETWORKS_ONE),
}
"""Lists whose entries stand for themselves: one that is broken says nothing of the others."""

_ONE = r"[^/]+"
TABLE: tuple[tuple[str, str, Shape], ...] = (
    ("GET", "/version", VERSION),
    ("GET", "/info", INFO),
    ("GET", "/containers/json", LISTED),
    ("GET", f"/containers/{_ONE}/json", container),
    ("GET", f"/containers/{_ONE}/stats", STATS),
    ("POST", "/containers/create", MADE),
    ("POST", f"/containers/{_ONE}/wait", ENDED),
    ("POST", f"/containers/{_ONE}/exec", MADE),
    ("GET", f"/exec/{_ONE}/json", EXEC),
    ("GET", "/networks", NETWORKS),
    ("POST", "/networks/create", MADE),
    ("GET", f"/networks/{_ONE}", NETWORK),
    ("GET", "/images/.+/json", record()),
    ("GET", "/services", SERVICES),
    ("GET", f"/services/{_ONE}", SERVICE),
    ("POST", f"/services/{_ONE}/update", record()),
    ("GET", "/tasks", TASKS),
)
_COMPILED = tuple((method, re.compile(rf"(?:/v[\d.]+)?{path}"), shape) for method, path, shape in TABLE)


def usable(method: str, path: str, value: Any) -> Any:
    """The value itself. Raises Unusable where it is not what that request is answered with."""
    for known, pattern, shape in _COMPILED:
        if known == method and pattern.fullmatch(path):
            shape(value, "")
            return value
    return value
