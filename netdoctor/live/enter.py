"""Run a command in a container's network: a program of this machine, or of a helper's image."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Sequence
from typing import NoReturn

from netdoctor.commands import as_root
from netdoctor.engine.client import Engine
from netdoctor.errors import NetdoctorError, NoVantage
from netdoctor.live.programs import text
from netdoctor.model import Container
from netdoctor.terminal import plain
from netdoctor.vantage.interface import CannotAsk
from netdoctor.vantage.kinds import Impossible, Site
from netdoctor.vantage.netns import SocketFactory
from netdoctor.vantage.process import NotProven

FILES = ("/etc/resolv.conf", "/etc/hosts")
CONTAINER_VARIABLE = "NETDOCTOR_CONTAINER"
"""Tells the command where it stands."""


class Entrance:
    """An open door: a proven container's namespace, and its files. Close it where it is not used."""

    def __init__(self, site: Site) -> None:
        """Raises Impossible with the reason."""
        engine = site.engine
        if not engine.on_this_machine:
            raise Impossible("the engine runs on another machine", "run netdoctor on the engine's machine")
        try:
            process = site.process()
        except NotProven as error:
            raise Impossible(str(error)) from error
        try:
            self.files = {path: _read(site, process.root_file(path), path) for path in FILES}
            self.namespace = process.open_network_namespace()
        except PermissionError as error:
            raise Impossible("entering a network namespace needs root", as_root("enter ...")) from error
        except (OSError, CannotAsk) as error:
            raise Impossible(f"its network cannot be opened: {error}") from error
        finally:
            process.close()
        try:
            # Whether the kernel lets us in is found out while there is still somebody to say it.
            SocketFactory(self.namespace, site.container.short_id).close()
        except OSError as error:
            self.close()
            raise Impossible("entering a network namespace needs root", as_root("enter ...")) from error

    def close(self) -> None:
        os.close(self.namespace)

    def become(self, command: Sequence[str], container: Container) -> NoReturn:
        """Replace this process by ``command``, standing in there: its exit status, signals and terminal are its own."""
        # In memory: there need be no folder that can be written. The command's process inherits it.
        described = os.memfd_create("netdoctor")
        with os.fdopen(described, "wb", closefd=False) as writing:
            writing.write(json.dumps(self.files).encode())
        os.lseek(described, 0, os.SEEK_SET)
        for descriptor in (self.namespace, described):
            os.set_inheritable(descriptor, True)
        words = [str(self.namespace), str(described), *command]
        sys.stdout.flush()
        sys.stderr.flush()
        environment = {**os.environ, CONTAINER_VARIABLE: container.name}
        os.execve(sys.executable, [sys.executable, "-ISc", text("step_in.py"), *words], environment)  # noqa: S606


def beside(engine: Engine, site: Site, command: Sequence[str]) -> int:
    """Run a command of the helper's image in a helper container; its exit status. Raises NoVantage, EngineRefused."""
    from netdoctor.engine.visitor import NoSuchProgram, visit
    from netdoctor.vantage.sidecar import helper_image

    try:
        image = helper_image(site)
    except Impossible as refused:
        raise NoVantage(
            f"Cannot step into {site.container.name}'s network: sidecar: {refused.reason}.", hint=refused.hint
        ) from refused
    marker = b""
    argv = list(command)
    if not engine.host.half_closes:
        # The end of stdin cannot be told by the connection then.
        marker = secrets.token_hex().encode()
        argv = ["python3", "-ISc", text("fed.py"), marker.decode(), *argv]
    try:
        return visit(engine, image=image, beside=site.container.id, argv=argv, marker=marker)
    except NoSuchProgram as error:
        raise NetdoctorError(
            f"{plain(command[0])} is no program of the helper's image {plain(image)}.",
            hint=f"As root on the engine's machine every command of that machine can be used: {as_root('enter ...')}",
        ) from error


def _read(site: Site, found: str | None, path: str) -> str:
    return found if found is not None else site.read_file(path)
