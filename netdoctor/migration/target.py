"""Opens the target: picks the transport that is open from where we stand, and leads it through the vantage."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from enum import Enum
from pathlib import Path

from netdoctor.migration.address import Address
from netdoctor.migration.dialled import Connect, dialled, gives_sockets
from netdoctor.migration.forwarder import Forwarder
from netdoctor.migration.targets.interface import KeyRefused, Target, TargetUnreachable
from netdoctor.model import Outcome
from netdoctor.redact import conceal
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import CannotAsk, DialFailed, Vantage

_DIAL_TIMEOUT = 4.0
_WORDS = {
    Outcome.REFUSED: "refused the connection",
    Outcome.TIMED_OUT: "did not answer",
    Outcome.NO_ROUTE: "has no route",
    Outcome.RESET: "reset the connection",
}


class Transport(Enum):
    AUTO = "auto"
    GRPC = "grpc"
    REST = "rest"


_NAMES = {Transport.GRPC: "gRPC", Transport.REST: "REST"}


def load(transport: Transport) -> None:
    """Import now what connecting imports: half a second for gRPC."""
    from netdoctor.migration.targets import rest  # noqa: F401

    if transport is not Transport.REST:
        import grpc  # noqa: F401
        import qdrant_client.grpc  # noqa: F401


@contextlib.contextmanager
def open_folder(folder: Path) -> Iterator[Target]:
    """The embedded Qdrant in ``folder``."""
    from netdoctor.migration.targets.folder import FolderTarget

    with contextlib.closing(FolderTarget(folder)) as target:
        yield target


@contextlib.contextmanager
def open_server(
    address: Address,
    *,
    vantage: Vantage | None,
    transport: Transport = Transport.AUTO,
    api_key: str | None = None,
    timeout: float = 60.0,
    hint: str = "",
    tell: Callable[[str], None] = lambda _text: None,
) -> Iterator[Target]:
    """A healthy server that accepts the key; ``hint`` is the diagnosis to type when nothing answers.

    ``tell`` hears which of its doors are open from here.

    Raises TargetUnreachable, KeyRefused. Everything opened on the way is closed at the end.
    """
    conceal(api_key or "")
    with ExitStack() as stack:
        failures: list[str] = []
        for kind, port in _choices(address, transport):
            attempt = stack.enter_context(ExitStack())
            try:
                target = _open(kind, address, port, vantage, api_key, timeout, attempt)
                target.health()
            except KeyRefused:
                raise
            except TargetUnreachable as error:
                failures.append(error.message)
                attempt.close()
                continue
            tell(", ".join([*_closed(failures, kind), f"{_NAMES[kind]} {port} open", *_others(address, port, vantage)]))
            yield target
            return
        reasons = " ".join(failures)
        if not failures:
            wanted, other = ("REST", "6333") if transport is Transport.REST else ("gRPC", "6334")
            raise TargetUnreachable(
                f"{address.url} names no {wanted} port, and this goes over {wanted} only. Nothing was written.",
                hint=f"name that port, usually {other}" + ("" if wanted == "REST" else ", with --grpc-port"),
            )
        raise TargetUnreachable(f"{reasons} Nothing was written.", hint=hint)


def _closed(failures: list[str], kind: Transport) -> list[str]:
    """The door that was tried before this one."""
    return [f"{_NAMES[Transport.GRPC]} closed"] if failures and kind is Transport.REST else []


def _others(address: Address, used: int, vantage: Vantage | None) -> list[str]:
    """The door behind the one in use, asked with one connection where its address is known."""
    if address.ip is None or used == address.rest:
        return []
    port = address.rest
    if port is None:
        return []
    stand = vantage or HostVantage()
    try:
        stand.dial(address.ip, port, _DIAL_TIMEOUT / 4).close()
    except DialFailed as failure:
        return [f"{_NAMES[Transport.REST]} {port} {_WORDS.get(failure.outcome, failure.outcome.value)}"]
    except CannotAsk:
        return []
    return [f"{_NAMES[Transport.REST]} {port} open"]


def _choices(address: Address, transport: Transport) -> list[tuple[Transport, int]]:
    choices: list[tuple[Transport, int]] = []
    if transport is not Transport.REST and address.grpc is not None:
        choices.append((Transport.GRPC, address.grpc))
    if transport is not Transport.GRPC and address.rest is not None:
        choices.append((Transport.REST, address.rest))
    return choices


def _open(
    kind: Transport,
    address: Address,
    port: int,
    vantage: Vantage | None,
    api_key: str | None,
    timeout: float,
    stack: ExitStack,
) -> Target:
    """Not asked anything yet, except that the port takes connections where we stand inside a container."""
    socket = connect = None
    if vantage is not None:
        assert address.ip is not None
        if _knock(vantage, address.ip, port, address.at(port)) and kind is Transport.REST:
            connect = dialled(vantage, address.ip, port, most=_DIAL_TIMEOUT)
        else:
            socket = stack.enter_context(Forwarder(vantage, address.ip, port, timeout=_DIAL_TIMEOUT)).path
    make: Callable[[], Target]
    if kind is Transport.GRPC:
        make = _grpc(address, port, socket, api_key, timeout)
    else:
        make = _rest(address, port, socket, connect, api_key, timeout)
    target = make()
    stack.callback(target.close)
    return target


def _grpc(address: Address, port: int, socket: str | None, api_key: str | None, timeout: float) -> Callable[[], Target]:
    from netdoctor.migration.targets.grpc_channel import GrpcTarget

    direct = address.authority(port) if address.ip is None else _literal(address.ip, port)
    return lambda: GrpcTarget(
        f"unix:{socket}" if socket else direct,
        authority=address.authority(port),
        secure=address.scheme == "https",
        api_key=api_key,
        timeout=timeout,
    )


def _rest(
    address: Address, port: int, socket: str | None, connect: Connect | None, api_key: str | None, timeout: float
) -> Callable[[], Target]:
    from netdoctor.migration.targets.rest import RestTarget

    # Without a vantage a container is reached by its address: the host does not know its name.
    direct = socket is None and connect is None and address.ip is not None
    base = f"{address.scheme}://{_literal(address.ip or '', port)}" if direct else address.at(port)
    return lambda: RestTarget(base + address.path, api_key=api_key, socket=socket, connect=connect, timeout=timeout)


def _literal(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _knock(vantage: Vantage, ip: str, port: int, url: str) -> bool:
    """One connection, so that a broken network is told in its own words; whether it was a plain socket."""
    try:
        stream = vantage.dial(ip, port, _DIAL_TIMEOUT)
        stream.close()
        return gives_sockets(stream)
    except DialFailed as failure:
        word = _WORDS.get(failure.outcome, failure.outcome.value)
        where = "" if ip in url else f" at {ip}"
        raise TargetUnreachable(f"{url}{where} {word}.") from failure
    except CannotAsk as failure:
        raise TargetUnreachable(f"{url} could not be dialled: {failure.reason}.") from failure
