"""The engine's events, as they come: a decoder over bytes, and a stream that can be closed from another thread.

An event only says that it is time to look again. What is true is read from the engine, so an event that never came
(the engine keeps 256, and none across its own restart) delays a look and falsifies nothing.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from netdoctor.engine.client import HELPER_LABEL, Engine
from netdoctor.engine.translate import translated, unreachable
from netdoctor.engine.transport import at_the_door
from netdoctor.errors import EngineRefused

LINE_LIMIT = 1 << 20
"""Bytes of one event; labels can be long, but nothing honest is longer than this."""

CONTAINER_ACTIONS = (
    "start",
    "restart",
    "die",
    "died",
    "stop",
    "oom",
    "pause",
    "unpause",
    "rename",
    "update",
    "destroy",
    "remove",
    "health_status",
)
"""What may change whether a container can be reached; ``died`` and ``remove`` are Podman's words."""
NETWORK_ACTIONS = ("connect", "disconnect", "create", "destroy", "remove")
CONNECT = 10.0
"""Seconds until the engine has to begin its answer."""


class Quiet(Exception):
    """Nothing came for the time that was asked for. The connection may be dead: ask for a new one."""


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """One event. ``at``: nanoseconds of the engine's own clock, 0 where it does not say."""

    kind: str
    """container, network, image, volume, ..."""
    action: str
    """Without what follows a colon: ``health_status``, ``exec_start``."""
    id: str
    """Of the container or the network."""
    name: str = ""
    ours: bool = False
    """About a helper container of a netdoctor."""
    at: int = 0

    @property
    def matters(self) -> bool:
        """Whether it is a reason to look again: not an exec, not a helper of ours."""
        if self.ours:
            return False
        return self.action in (CONTAINER_ACTIONS if self.kind == "container" else NETWORK_ACTIONS)


def decode(chunks: Iterable[bytes]) -> Iterator[EngineEvent]:
    """Events out of the stream's bytes, however they are cut. What is no event is left out, and so is a torn end.

    Never holds more than :data:`LINE_LIMIT` bytes and one chunk.
    """
    rest = bytearray()
    skipping = False
    for chunk in chunks:
        rest += chunk
        while (end := rest.find(b"\n")) >= 0:
            line = bytes(rest[:end])
            del rest[: end + 1]
            event = None if skipping else event_of(line)
            skipping = False
            if event is not None:
                yield event
        if len(rest) > LINE_LIMIT:
            rest.clear()
            skipping = True


def event_of(line: bytes) -> EngineEvent | None:
    """One line; None for what is no event."""
    try:
        told: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    actor = told.get("Actor") if isinstance(told, dict) else None
    if not isinstance(actor, dict) or not isinstance(told.get("Action"), str):
        return None
    attributes = actor.get("Attributes")
    known = attributes if isinstance(attributes, dict) else {}
    at = told.get("timeNano")
    return EngineEvent(
        kind=str(told.get("Type") or ""),
        action=told["Action"].partition(":")[0],
        id=str(actor.get("ID") or ""),
        name=str(known.get("name") or ""),
        ours=HELPER_LABEL in known,
        # A time that no clock shows would be asked for again, and nothing that is true ever follows it.
        at=at if isinstance(at, int) and 0 <= at < 2**63 else 0,
    )


class EventStream:
    """One open connection; iterate it in one thread, :meth:`close` it from any.

    Iterating ends when the engine ends the stream, raises Quiet when nothing came for ``patience`` seconds, and
    EngineUnreachable when it broke.
    """

    def __init__(self, engine: Engine, since: int | None, *, patience: float) -> None:
        """``since``: replay from that event on (its ``at``), itself included. Raises what ``translated`` raises."""
        from netdoctor.engine.careful import reader_of

        api: Any = engine.api
        self._engine = engine
        params: dict[str, Any] = {
            "filters": json.dumps({"type": ["container", "network"], "event": [*_ALL]}, separators=(",", ":"))
        }
        if since is not None:
            params["since"] = f"{since // 10**9}.{since % 10**9:09d}"
        knock(engine)
        with translated(engine.host, "follow the engine's events"):
            # The engine may have been replaced by another version while nobody looked.
            api._version = api.version(api_version=False)["ApiVersion"]
            self._response = api._get(api._url("/events"), params=params, stream=True, timeout=(CONNECT, patience))
            try:
                api._raise_for_status(self._response)
                reader = reader_of(self._response)
                if reader is None:
                    raise EngineRefused("The engine has no events to tell.")
            except BaseException:
                self._response.close()
                raise
        self._reader = reader
        self._socket: socket.socket = reader._sock  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[EngineEvent]:
        return decode(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        import urllib3

        raw = self._response.raw
        try:
            # Each piece as it comes; of an answer that is not chunked only single bytes come without waiting.
            pieces = raw.stream(1 << 16 if getattr(raw, "chunked", False) else 1, decode_content=False)
            while True:
                # Between two pieces there is one short line.
                self._reader.bytes = LINE_LIMIT
                piece = next(pieces, None)
                if piece is None:
                    return
                yield piece
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Quiet from error
        except (urllib3.exceptions.HTTPError, OSError, AttributeError, ValueError) as error:
            # The last two are what the layers below make of a socket that was closed under them.
            raise unreachable(self._engine.host, str(error) or "the event stream broke off") from error

    def hang_up(self) -> None:
        """Wake whoever iterates it; they close it. From any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """By the thread that iterates it. May be called twice."""
        self.hang_up()
        with contextlib.suppress(Exception):
            self._response.close()
        with contextlib.suppress(OSError):
            self._socket.close()


def knock(engine: Engine) -> None:
    """Raises EngineUnreachable while nobody listens at the engine's socket.

    To be asked first where the engine may be down: the SDK keeps every socket that it could not connect.
    """
    if engine.host.socket_path is not None:
        at_the_door(engine.host, engine.host.socket_path, CONNECT)


_ALL = tuple(dict.fromkeys((*CONTAINER_ACTIONS, *NETWORK_ACTIONS)))
