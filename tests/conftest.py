"""What every test may use: an engine, and a lab on it that leaves nothing behind.

``NETDOCTOR_REQUIRE_ENGINE=1`` (``make test`` sets it) turns "skipped, no engine" into a failure.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from netdoctor.engine.client import Engine
    from netdoctor.model import Container, Topology

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "compose" / "images" / "build.sh"
LABEL = "netdoctor.test"
IDLE = {
    "busybox": ["sleep", "3600"],
    "python": ["python3", "-c", "import signal; signal.pause()"],
    "probe": ["python3", "-c", "import signal; signal.pause()"],
}


def pytest_configure() -> None:
    """A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes says how busy the machine is. All else stays as it is here (the same examples in CI).
    settings.register_profile("busy", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")


def missing(reason: str) -> Any:
    """Skip with the reason, or fail where an engine is promised."""
    if os.environ.get("NETDOCTOR_REQUIRE_ENGINE") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that the docker CLI would talk to."""
    from netdoctor.engine.client import open_engine
    from netdoctor.engine.hosts import resolve_host
    from netdoctor.errors import NetdoctorError

    try:
        found = open_engine(resolve_host())
    except NetdoctorError as error:
        missing(f"no engine: {error.message}")
    with found:
        yield found


@dataclass(frozen=True, slots=True)
class LabNetwork:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class LabContainer:
    id: str
    name: str


class Lab:
    """Networks and containers with random names and a label; :meth:`close` removes every one of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.api: Any = engine.api
        self.suffix = uuid.uuid4().hex[:8]
        self._networks: list[str] = []
        self._containers: list[str] = []
        self._count = 0

    def name(self, word: str) -> str:
        """A name that nobody else has."""
        self._count += 1
        return f"ndtest-{self.suffix}-{self._count}-{word}"

    def network(
        self,
        word: str = "net",
        *,
        internal: bool = False,
        icc: bool = True,
        ipv6_subnet: str | None = None,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> LabNetwork:
        """A bridge. ``name`` asks for an exact one (several networks may carry it)."""
        name = name or self.name(word)
        ipam = {"Config": [{"Subnet": ipv6_subnet}]} if ipv6_subnet else None
        made = self.api.create_network(
            name,
            driver="bridge",
            internal=internal,
            options={} if icc else {"com.docker.network.bridge.enable_icc": "false"},
            labels={LABEL: self.suffix, **(labels or {})},
            enable_ipv6=bool(ipv6_subnet),
            ipam=ipam,
        )
        self._networks.append(made["Id"])
        return LabNetwork(made["Id"], name)

    def container(
        self,
        image: str = "busybox",
        *,
        networks: Sequence[LabNetwork] = (),
        aliases: Sequence[str] = (),
        command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        word: str | None = None,
        name: str | None = None,
        mode: str | None = None,
        start: bool = True,
        **host: Any,
    ) -> LabContainer:
        """A running container of a lab image (``busybox``, ``scratch``, ``python``, ``probe``) or of any other.

        ``aliases`` count on every network. ``mode`` is a network mode instead of ``networks`` (``host``, ``none``,
        ``container:<id>``); neither means ``none``. ``host``: further host settings (``cap_add``, ``binds``, ...).
        """
        name = name or self.name(word or image.rpartition("/")[2].partition(":")[0])
        first = networks[0] if networks else None
        mode = mode or (first.id if first else "none")
        networking = None
        if first:
            networking = self.api.create_networking_config(
                {first.id: self.api.create_endpoint_config(aliases=list(aliases) or None)}
            )
        made = self.api.create_container(
            self.image(image),
            command=list(command) if command is not None else IDLE.get(image),
            name=name,
            environment=dict(env or {}),
            labels={LABEL: self.suffix, **(labels or {})},
            host_config=self.api.create_host_config(network_mode=mode, **host),
            networking_config=networking,
        )
        self._containers.append(made["Id"])
        for network in networks[1:]:
            self.api.connect_container_to_network(made["Id"], network.id, aliases=list(aliases) or None)
        if start:
            self.api.start(made["Id"])
        return LabContainer(made["Id"], name)

    def image(self, image: str) -> str:
        """The full name of a lab image, built when it is not on the engine."""
        if "/" in image or ":" in image:
            return image
        full = f"netdoctor-lab/{image}:1"
        if not self.engine.has_image(full):
            built = subprocess.run([str(BUILD), image], capture_output=True, text=True, timeout=300, check=False)
            if built.returncode != 0:
                missing(f"the lab image {full} cannot be built: {built.stderr.strip()[-300:]}")
        return full

    def keep(self, container: LabContainer) -> None:
        """Leave its removal to the test (it is removed already, or will be)."""
        self._containers.remove(container.id)

    def address(self, container: LabContainer, network: LabNetwork) -> str:
        """Its IPv4 address there."""
        return str(self.endpoint(container, network)["IPAddress"])

    def endpoint(self, container: LabContainer, network: LabNetwork) -> dict[str, Any]:
        attached = self.api.inspect_container(container.id)["NetworkSettings"]["Networks"]
        # Podman has the name there.
        names = (network.id, network.name)
        found: dict[str, Any] = next(each for each in attached.values() if each["NetworkID"] in names)
        return found

    def free_address(self, network: LabNetwork) -> str:
        """An address of that network which nobody has."""
        import ipaddress

        config = self.api.inspect_network(network.id)["IPAM"]["Config"][0]
        return str(ipaddress.ip_network(config["Subnet"])[200])

    def pid(self, container: LabContainer) -> int:
        """Its main process, as this machine numbers it."""
        told = int(self.api.inspect_container(container.id)["State"]["Pid"])
        if os.environ.get("NETDOCTOR_ENGINE_PIDS") == "own":
            found: int = _pids().pid_here(container.id, told)
            return found
        return told

    def processes(self, id_: str) -> list[str]:
        """What runs in that container, a line each."""
        if os.environ.get("NETDOCTOR_ENGINE_PIDS") == "own":
            found: list[str] = _pids().processes_here(id_)
            return found
        return [" ".join(map(str, row)) for row in self.api.top(id_)["Processes"]]

    def iptables(self, container: LabContainer, *rule: str) -> None:
        """A rule inside that container's own namespace; it vanishes with the container. Needs root."""
        if os.geteuid() != 0 or shutil.which("nsenter") is None or shutil.which("iptables") is None:
            missing("a packet filter rule needs root, nsenter and iptables")
        subprocess.run(
            ["nsenter", f"--net=/proc/{self.pid(container)}/ns/net", "iptables", *rule], check=True, timeout=20
        )

    def wait_for_listener(self, container: LabContainer, *ports: int, seconds: float = 20.0) -> None:
        """Until the container listens on all of these TCP ports."""
        self.wait_until(lambda: set(ports) <= self._listening(container), f"{container.name} on {ports}", seconds)

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds:.0f} s in vain for: {what}")
            time.sleep(0.03)

    def topology(self) -> Topology:
        from netdoctor.topology.engine import read_topology

        return read_topology(self.engine)

    def seen(self, container: LabContainer) -> Container:
        """The container as the topology has it."""
        found = self.topology().container(container.id)
        assert found is not None
        return found

    def close(self) -> None:
        from docker.errors import APIError

        def remove(id_: str) -> None:
            with contextlib.suppress(APIError):
                self.api.remove_container(id_, force=True, v=True)

        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(remove, self._containers))
        for network in self._networks:
            try:
                self.api.remove_network(network)
            except APIError:
                # What a test connected by itself is disconnected first.
                with contextlib.suppress(APIError):
                    for id_ in self.api.inspect_network(network)["Containers"]:
                        self.api.disconnect_container_from_network(id_, network, force=True)
                    self.api.remove_network(network)

    def _listening(self, container: LabContainer) -> set[int]:
        from netdoctor.vantage.procnet import parse_listeners

        folder = Path(f"/proc/{self.pid(container)}/net")
        try:
            found = parse_listeners((folder / "tcp").read_text(), (folder / "tcp6").read_text())
        except OSError:
            return set()
        return {each.port for each in found}


def _pids() -> Any:
    """The module that finds a process of an engine with a PID namespace of its own (``make engines``)."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("lab_pids", ROOT / "compose" / "engines" / "pids.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def plain_names() -> Iterator[None]:
    """The documentation's own names (app, qdrant, web, ...) are one test's at a time, also across workers."""
    with Path(tempfile.gettempdir(), f"netdoctor-tests-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def lab(engine: Engine) -> Iterator[Lab]:
    """A lab for one test."""
    made = Lab(engine)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def module_lab(engine: Engine) -> Iterator[Lab]:
    """A lab for one module, where making it anew for each test would take too long."""
    made = Lab(engine)
    try:
        yield made
    finally:
        made.close()
