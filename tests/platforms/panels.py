"""Coolify, Dokploy and Portainer on loopback, as far as their API documents say what they answer. Faults on demand."""

from __future__ import annotations

import base64
import binascii
import json
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

TOKEN = "17|n0t-a-real-t0ken-4711"

Answer = tuple[int, Any]
Fault = Callable[["Handler"], bool]
"""Called before the panel is; True: it has answered (or hung up) itself."""


class Panel:
    """One panel: what it holds, what it was asked, how it misbehaves."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.faults: list[tuple[str, str, Fault]] = []
        """(method, part of the path, what to do), each used once, in order."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.panel = self  # type: ignore[attr-defined]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.scheme = "http"

    def __enter__(self) -> Panel:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}"

    def tls(self, certificate: str, key: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https"

    def misbehave(self, method: str, part: str, fault: Fault, times: int = 1) -> None:
        self.faults += [(method, part, fault)] * times

    def changes(self) -> int:
        """How often it was told something."""
        return sum(method != "GET" for method, _ in self.asked)

    def authorised(self, headers: Any) -> Answer | None:
        raise NotImplementedError

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        raise NotImplementedError


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_any(self) -> None:
        panel: Panel = self.server.panel  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        panel.asked.append((self.command, url.path))
        for index, (method, part, fault) in enumerate(panel.faults):
            if method == self.command and part in url.path:
                del panel.faults[index]
                if fault(self):
                    return
                break
        refused = panel.authorised(self.headers)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        status, body = refused or panel.answer(self.command, url.path, query, json.loads(raw) if raw else None)
        self.reply(status, body)

    def do_GET(self) -> None:
        self.do_any()

    def do_POST(self) -> None:
        self.do_any()

    def do_PUT(self) -> None:
        self.do_any()

    def do_PATCH(self) -> None:
        self.do_any()

    def reply(self, status: int, body: Any, kind: str = "application/json", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


# --- faults ----------------------------------------------------------------------------------------------------------


def says(status: int, body: Any = None, kind: str = "application/json", **headers: str) -> Fault:
    def fault(handler: Handler) -> bool:
        handler.reply(status, body if body is not None else {"message": "no"}, kind, **headers)
        return True

    return fault


def hangs_up(handler: Handler) -> bool:
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.shutdown(2)
    return True


def sleeps(seconds: float) -> Fault:
    def fault(handler: Handler) -> bool:
        time.sleep(seconds)
        return hangs_up(handler)

    return fault


def does_it_and_hangs_up(handler: Handler) -> bool:
    """The change arrives, the answer does not."""
    handler.reply = lambda *_, **__: hangs_up(handler)  # type: ignore[assignment,method-assign]
    return False


def says_yes_and_does_nothing(handler: Handler) -> bool:
    handler.reply(200, {"uuid": "x"})
    return True


# --- Coolify ---------------------------------------------------------------------------------------------------------


class Coolify(Panel):
    """``abilities``: of the token. Its services' text is parsed and written anew on each change."""

    def __init__(self, *, abilities: tuple[str, ...] = ("read", "read:sensitive", "write")) -> None:
        super().__init__()
        self.abilities = abilities
        self.services: dict[str, dict[str, Any]] = {}
        self.applications: dict[str, dict[str, Any]] = {}

    def authorised(self, headers: Any) -> Answer | None:
        return None if headers["Authorization"] == f"Bearer {TOKEN}" else (401, {"message": "Unauthenticated."})

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        kind, _, uuid = path.removeprefix("/api/v1/").partition("/")
        held = {"services": self.services, "applications": self.applications}.get(kind, {})
        needed = "read" if method == "GET" else "write"
        if needed not in self.abilities:
            return 403, {"message": f"Missing required permissions: {needed}"}
        if uuid not in held:
            return 404, {"message": f"{kind[:-1].capitalize()} not found."}
        one = held[uuid]
        if method == "GET":
            hidden = set() if "read:sensitive" in self.abilities else {"docker_compose_raw", "docker_compose"}
            return 200, {"uuid": uuid, **{name: value for name, value in one.items() if name not in hidden}}
        allowed = {"connect_to_docker_network", "name"} | ({"docker_compose_raw"} if kind == "services" else set())
        extra = {name: ["This field is not allowed."] for name in body if name not in allowed}
        if extra:
            return 422, {"message": "Validation failed.", "errors": extra}
        if "docker_compose_raw" in body:
            try:
                text = base64.b64decode(body["docker_compose_raw"], validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                said = "The docker_compose_raw should be base64 encoded."
                return 422, {"message": "Validation failed.", "errors": {"docker_compose_raw": said}}
            one["docker_compose_raw"] = yaml.safe_dump(yaml.safe_load(text), sort_keys=False)
        if "connect_to_docker_network" in body:
            where = one if kind == "services" else one["settings"]
            where["connect_to_docker_network"] = body["connect_to_docker_network"]
        return 200, {"uuid": uuid, "domains": []}


# --- Dokploy ---------------------------------------------------------------------------------------------------------


class Dokploy(Panel):
    def __init__(self, *, search: bool = True) -> None:
        super().__init__()
        self.search = search
        self.compose: dict[str, dict[str, Any]] = {}

    def authorised(self, headers: Any) -> Answer | None:
        return None if headers["x-api-key"] == TOKEN else (401, {"message": "Unauthorized", "code": "UNAUTHORIZED"})

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        match method, path.removeprefix("/api/"):
            case "GET", "compose.search" if self.search:
                # Its search finds parts of names as well.
                found = [
                    {"composeId": key, "name": one["name"], "appName": one["appName"]}
                    for key, one in self.compose.items()
                    if query["appName"] in one["appName"]
                ]
                return 200, {"items": found, "total": len(found)}
            case "GET", "project.all":
                listed = [{"composeId": key, **one} for key, one in self.compose.items()]
                return 200, [{"projectId": "p", "name": "p", "environments": [{"name": "e", "compose": listed}]}]
            case "GET", "compose.one":
                if query.get("composeId") not in self.compose:
                    return 404, {"message": "Compose not found", "code": "NOT_FOUND"}
                return 200, {"composeId": query["composeId"], **self.compose[query["composeId"]]}
            case "POST", "compose.update":
                if not isinstance(body.get("composeFile"), str):
                    return 400, {"message": "Input validation failed", "code": "BAD_REQUEST", "issues": []}
                self.compose[body["composeId"]]["composeFile"] = body["composeFile"]
                return 200, {"composeId": body["composeId"]}
        return 404, {"message": "Not found", "code": "NOT_FOUND"}


# --- Portainer -------------------------------------------------------------------------------------------------------


class Portainer(Panel):
    """``deploys``: called with a stack and its new text when it is told one; False: it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.stacks: dict[str, dict[str, Any]] = {}
        self.files: dict[str, str] = {}
        self.deploys: Callable[[dict[str, Any], str], bool] = lambda *_: True

    def authorised(self, headers: Any) -> Answer | None:
        if headers["X-API-Key"] == TOKEN:
            return None
        return 401, {"message": "A valid authorization token is missing", "details": "Unauthorized"}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        number, _, rest = path.removeprefix("/api/stacks/").partition("/")
        if number not in self.stacks:
            said = "Unable to find a stack with the specified identifier inside the database"
            return 404, {"message": said, "details": "Object not found inside the database"}
        stack = self.stacks[number]
        if method == "GET":
            return 200, ({"StackFileContent": self.files[number]} if rest == "file" else stack)
        if query.get("endpointId") != str(stack["EndpointId"]):
            return 400, {"message": "Invalid query parameter: endpointId", "details": "Invalid query parameter"}
        if not body.get("StackFileContent"):
            return 400, {"message": "Invalid request payload", "details": "Invalid stack file content"}
        self.files[number] = body["StackFileContent"]
        stack["Env"] = body.get("Env", [])
        if not self.deploys(stack, body["StackFileContent"]):
            return 500, {"message": "failed to deploy a stack", "details": "exit status 1"}
        return 200, stack
