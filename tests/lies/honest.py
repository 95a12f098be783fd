"""An engine on a unix socket that is whole enough to be believed: a helper or an exec of it is a real relay.

Two containers of one network, ``app`` and ``db``; ``db`` listens. Their addresses are this machine's loopback, so what
the relay is asked to dial is dialled, and a check of the two holds. Who is to lie stands between: see ``server.py``.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fake_engine import VERSION
from topology.inspects import SHAPES, full, stack

from netdoctor.vantage.programs import text

JSON = dict[str, Any]
APP, DB = "127.0.0.2", "127.0.0.3"
NETWORK = full("back")
_SWITCHED = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
SWITCHED = _SWITCHED + b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """``kind``: the endpoint's name in the table of lies."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes
    kind: str


@dataclass
class Reply:
    """``stream``: what follows the head is a relay's, both ways."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stream: str = ""
    """The id of the container or the exec whose process speaks here."""
    events: bool = False


KINDS: tuple[tuple[str, str, str], ...] = (
    ("version", "GET", r"/version"),
    ("info", "GET", r"/info"),
    ("containers", "GET", r"/containers/json"),
    ("inspect", "GET", r"/containers/[^/]+/json"),
    ("networks", "GET", r"/networks"),
    ("network", "GET", r"/networks/[^/]+"),
    ("image", "GET", r"/images/.+/json"),
    ("stat", "HEAD", r"/containers/[^/]+/archive"),
    ("file", "GET", r"/containers/[^/]+/archive"),
    ("create", "POST", r"/containers/create"),
    ("attach", "POST", r"/containers/[^/]+/attach"),
    ("start", "POST", r"/containers/[^/]+/start"),
    ("wait", "POST", r"/containers/[^/]+/wait"),
    ("remove", "DELETE", r"/containers/[^/]+"),
    ("exec", "POST", r"/containers/[^/]+/exec"),
    ("exec-start", "POST", r"/exec/[^/]+/start"),
    ("exec-inspect", "GET", r"/exec/[^/]+/json"),
    ("events", "GET", r"/events"),
    ("services", "GET", r"/services"),
    ("service", "GET", r"/services/[^/]+"),
    ("service-update", "POST", r"/services/[^/]+/update"),
    ("tasks", "GET", r"/tasks"),
    ("stats", "GET", r"/containers/[^/]+/stats"),
    ("pull", "POST", r"/images/create"),
)
SERVICE = "s" * 25
PROJECT = {"com.docker.compose.project": "shop", "com.docker.compose.project.config_files": "compose.yaml"}
STREAMS = frozenset({"attach", "exec-start"})


def kind_of(method: str, path: str) -> str:
    return next((name for name, verb, form in KINDS if verb == method and re.fullmatch(form, path)), "?")


def parse(line: str, body: bytes) -> Request:
    method, target, _ = line.split(" ", 2)
    parts = urlsplit(target)
    path = re.sub(r"^/v\d[\d.]*(?=/)", "", parts.path)
    return Request(method, path, parse_qs(parts.query), body, kind_of(method, path))


class Honest:
    """``port``: where ``db`` listens. ``helpers``: made and not removed yet. ``running``: the relays' processes.

    ``scene``: "swarm" where its containers are tasks of a service, "composed" where Compose made them from the file in
    ``folder``, "bare" where it has no image yet; else plain.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.scene = ""
        self.folder = ""
        self.helpers: dict[str, str] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.lock = threading.Lock()
        self.started = threading.Condition()
        self.told_to_start: set[str] = set()
        self._numbers = itertools.count(1)
        containers, networks = stack(SHAPES[0])
        self.containers = [_placed(each) for each in containers if each["Id"] in (full("app"), full("db"))]
        self.networks = [each for each in networks if each["Name"] == "back"]
        for each in self.networks:
            each["IPAM"]["Config"] = [{"Subnet": "127.0.0.0/24", "Gateway": "127.0.0.1"}]
            each["Internal"] = False
        self.containers[0]["Config"]["Env"] = [f"DATABASE_URL=http://db:{port}/"]
        self.containers[1]["Config"]["ExposedPorts"] = {f"{port}/tcp": {}}

    def answer(self, request: Request) -> Reply:
        maker: Callable[[Request], Reply] | None = getattr(self, f"_{request.kind.replace('-', '_')}", None)
        return maker(request) if maker else _json({"message": "page not found"}, 404)

    def _version(self, _: Request) -> Reply:
        return _json(VERSION)

    def _info(self, _: Request) -> Reply:
        return _json({"ID": "LIES", "OperatingSystem": "fake"})

    def _containers(self, request: Request) -> Reply:
        if "netdoctor.owner" in "".join(request.query.get("filters", ())):
            return _json([])
        sizes = {"SizeRw": 1, "SizeRootFs": 2} if "size" in request.query else {}
        return _json(
            [{"Id": each["Id"], "Names": [each["Name"]], "State": "running", **sizes} for each in self.containers]
        )

    def _inspect(self, request: Request) -> Reply:
        wanted = request.path.split("/")[2]
        found = next((each for each in self.containers if each["Id"] == wanted), None)
        return _json(self._labelled(found)) if found else _json({"message": f"No such container: {wanted}"}, 404)

    def _labelled(self, told: JSON) -> JSON:
        name = told["Name"].lstrip("/")
        labels: dict[str, str] = {}
        if self.scene == "swarm":
            labels = {"com.docker.swarm.service.id": SERVICE, "com.docker.swarm.service.name": f"shop_{name}"}
        elif self.scene == "composed":
            labels = {
                **PROJECT,
                "com.docker.compose.service": name,
                "com.docker.compose.project.working_dir": self.folder,
            }
        return {**told, "Config": {**told["Config"], "Labels": labels}} if labels else told

    def _networks(self, _: Request) -> Reply:
        return _json(self.networks)

    def _network(self, _: Request) -> Reply:
        inside = {
            each["Id"]: {
                "Name": each["Name"].lstrip("/"),
                "EndpointID": each["NetworkSettings"]["Networks"]["back"]["EndpointID"],
                "IPv4Address": each["NetworkSettings"]["Networks"]["back"]["IPAddress"] + "/24",
            }
            for each in self.containers
        }
        return _json({**self.networks[0], "Containers": inside})

    def _image(self, _: Request) -> Reply:
        if self.scene == "bare":
            return _json({"message": "No such image: it"}, 404)
        return _json({"Id": "sha256:" + "a" * 64})

    def _stat(self, request: Request) -> Reply:
        path = request.query["path"][0]
        if path not in ("/bin", "/bin/python3"):
            return Reply(status=404)
        told = json.dumps({"name": path, "size": 5, "mode": 0o755, "linkTarget": ""}).encode()
        return Reply(headers={"X-Docker-Container-Path-Stat": base64.b64encode(told).decode()})

    def _file(self, request: Request) -> Reply:
        path = request.query["path"][0]
        held = {
            "/etc/hosts": f"127.0.0.1 localhost\n{APP} app\n{DB} db\n",
            "/etc/resolv.conf": "nameserver 127.0.0.11\n",
        }
        if path not in held:
            return _json({"message": f"Could not find the file {path}"}, 404)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            member = tarfile.TarInfo(path.rpartition("/")[2])
            member.size = len(held[path])
            archive.addfile(member, io.BytesIO(held[path].encode()))
        return Reply(packed.getvalue(), headers={"Content-Type": "application/x-tar"})

    def _create(self, _: Request) -> Reply:
        made = f"{next(self._numbers):064x}"
        with self.lock:
            self.helpers[made] = "created"
        return _json({"Id": made, "Warnings": []}, 201)

    def _attach(self, request: Request) -> Reply:
        return Reply(stream=request.path.split("/")[2])

    def _start(self, request: Request) -> Reply:
        with self.started:
            self.told_to_start.add(request.path.split("/")[2])
            self.started.notify_all()
        return Reply(status=204)

    def _wait(self, _: Request) -> Reply:
        return _json({"StatusCode": 0})

    def _remove(self, request: Request) -> Reply:
        with self.lock:
            known = self.helpers.pop(request.path.split("/")[2], None)
        return Reply(status=204) if known else _json({"message": "No such container: x"}, 404)

    def _exec(self, _: Request) -> Reply:
        return _json({"Id": f"{next(self._numbers):064x}"}, 201)

    def _exec_start(self, request: Request) -> Reply:
        return Reply(stream=request.path.split("/")[2])

    def _exec_inspect(self, _: Request) -> Reply:
        return _json({"ExitCode": 0, "Running": False})

    def _events(self, _: Request) -> Reply:
        return Reply(events=True)

    def _services(self, _: Request) -> Reply:
        if self.scene != "swarm":
            return _json({"message": "This node is not a swarm manager."}, 503)
        return _json([self._told_of_service()])

    def _service(self, _: Request) -> Reply:
        return _json(self._told_of_service())

    def _told_of_service(self) -> JSON:
        task = {"Networks": [{"Target": full("back")}], "ContainerSpec": {"Image": "x"}}
        spec = {"Name": "shop", "TaskTemplate": task, "Mode": {"Replicated": {"Replicas": 1}}}
        return {"ID": SERVICE, "Version": {"Index": 7}, "Spec": spec}

    def _service_update(self, _: Request) -> Reply:
        return _json({"Warnings": None})

    def _tasks(self, _: Request) -> Reply:
        spec = {"Networks": [{"Target": full("back")}, {"Target": full("front")}]}
        return _json([{"ID": "t" * 25, "Status": {"State": "running"}, "Spec": spec}])

    def _stats(self, _: Request) -> Reply:
        memory = {"usage": 5000, "limit": 9000, "stats": {"inactive_file": 1000}}
        return _json({"cpu_stats": {"cpu_usage": {"total_usage": 10**9}}, "memory_stats": memory})

    def _pull(self, _: Request) -> Reply:
        lines = [{"status": "Pulling from x"}, {"status": "Downloading", "progressDetail": {"current": 1, "total": 2}}]
        body = "".join(f"{json.dumps(each)}\r\n" for each in [*lines, {"status": "Status: Downloaded newer image"}])
        return Reply(body.encode(), 200, {"Content-Type": "application/json"})

    def relay(self, who: str) -> subprocess.Popen[bytes]:
        # Files and sockets of this machine are not the container's: the files are had from the engine.
        program = text("relay_python.py").replace("with open(name, ", 'with open(name.replace("/", "/nowhere/"), ')
        argv = [sys.executable, "-ISc", program]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with self.lock:
            self.running[who] = child
        return child

    def ended(self, who: str) -> None:
        """AutoRemove."""
        with self.lock:
            self.helpers.pop(who, None)


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


def _placed(container: JSON) -> JSON:
    """On ``back`` alone, with an address that can be dialled from here."""
    address = APP if container["Id"] == full("app") else DB
    endpoint = container["NetworkSettings"]["Networks"]["back"]
    endpoint |= {"IPAddress": address, "Gateway": "127.0.0.1", "IPAMConfig": None}
    container["NetworkSettings"] = {"Networks": {"back": endpoint}, "Ports": {}}
    container["HostConfig"] |= {"NetworkMode": "back", "PortBindings": {}}
    container["Config"].pop("Healthcheck", None)
    container["State"].pop("Health", None)
    return container
