"""The few calls of Pinecone's API that reading needs, over httpx.

Not over the vendor's client: that one tries again by itself without looking at Retry-After or at which of the two 429
it got, hides the reply's headers and size, and brings three packages along for four GET requests. Here every refusal
comes back as what it means (:mod:`_pinecone_refusals`), one pace is kept by all threads, and replies are parsed by the
fastest parser that is installed.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from netdoctor.migration.points import default_namespace
from netdoctor.migration.sources._pinecone_pace import Pace
from netdoctor.migration.sources._pinecone_refusals import (
    NotListable,
    NotTaken,
    PineconeFailed,
    PineconeKeyRefused,
    Refusal,
    TooMuch,
    not_listable,
)
from netdoctor.migration.targets.interface import Transient
from netdoctor.migration.wire import loads
from netdoctor.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ("2025-10", "2026-07", "2026-04", "2025-04")
"""Of the API, by preference: the last one whose vector calls know no documents, then newer ones, whose calls that are
used here are the same. A version lives for a year at least; the next one is taken where one is refused."""
_OF_VERSION = re.compile(r"(?i)\bapi[ -]?versions?\b|\bversion\b.*(?:support|invalid|unknown)")
PAGE = 100
"""Ids a page: the documented default, and the only size that every server is known to give."""
_HEADER = "X-Pinecone-Api-Version"
_SLOWEST = 4
"""Times the timeout, which is for each wait: so long may an answer take as a whole."""
LONGEST_URL = 6000
"""Bytes of ids in one fetch: no server or proxy in between refuses that."""


@dataclass(frozen=True, slots=True)
class About:
    """What the controller says of an index. ``metric`` and ``dimension`` None: it does not say."""

    host: str
    metric: str | None
    dimension: int | None
    kind: str
    """``serverless``, ``pod``, ``byoc``, or "" when it does not say."""
    vector_type: str = "dense"


@dataclass(frozen=True, slots=True)
class Stats:
    """Records by namespace ("" is the default one); they lag behind writes."""

    counts: dict[str, int]
    metric: str | None
    dimension: int | None
    vector_type: str = "dense"


@dataclass(frozen=True, slots=True)
class IdPage:
    ids: list[str]
    after: str
    """Token of the next page; "" at the end."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """``things`` by id, as JSON; ``size`` of the reply in bytes."""

    things: dict[str, dict[str, Any]]
    size: int


class PineconeClient:
    """Thread-safe. ``read_units`` is what the replies say that they cost. Close it."""

    def __init__(self, key: str, pace: Pace, *, timeout: float = 30.0, connections: int = 16) -> None:
        import httpx

        from netdoctor.migration.bounded import BoundedTransport

        self._timeout = timeout
        self.pace = pace
        self.read_units = 0
        self.host = ""
        self.version = VERSIONS[0]
        self._lock = threading.Lock()
        headers = {
            "Api-Key": key,
            "Accept": "application/json",
            "User-Agent": f"netdoctor/{__version__}",
        }
        how: dict[str, Any] = {
            "headers": headers,
            "timeout": httpx.Timeout(timeout, connect=min(timeout, 15.0)),
            "limits": httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            "follow_redirects": False,  # the key goes nowhere else
        }
        # A company's proxy and certificates count for the service, never for an emulator beside us.
        self._far = httpx.Client(**how)
        self._near = httpx.Client(**how, trust_env=False, transport=BoundedTransport(connections=connections))

    def close(self) -> None:
        self.pace.stop.set()
        self._far.close()
        self._near.close()

    # --- control plane ---------------------------------------------------------------------------------------------

    def describe(self, controller: str, name: str) -> About:
        """Raises PineconeFailed: there is no such index in the key's project."""
        try:
            told = self._ask("GET", controller, f"/indexes/{quote(name, safe='')}", what="describe")
            spec = told.get("spec") or told.get("deployment") or {}
            kind = next((each for each in ("serverless", "pod", "byoc") if each in spec), "")
            return About(
                str(told["host"]),
                told.get("metric"),
                int(told["dimension"]) if told.get("dimension") else None,
                kind,
                str(told.get("vector_type", "dense")),
            )
        except NotTaken as refused:
            if refused.status == 404:
                raise PineconeFailed(
                    f"There is no Pinecone index {name!r} in the project of this API key.",
                    hint="look up its name or host in Pinecone's console, and use a key of that project",
                ) from refused
            raise PineconeFailed(f"Pinecone does not describe the index {name!r}: {refused.reason}.") from refused
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise PineconeFailed(f"What answers at {controller} is not Pinecone.") from error

    # --- data plane ------------------------------------------------------------------------------------------------

    def stats(self) -> Stats:
        try:
            told = self._ask("POST", self.host, "/describe_index_stats", what="describe_index_stats")
            counts: dict[str, int] = {}
            for name, about in (told.get("namespaces") or {}).items():
                name = default_namespace(name)
                counts[name] = counts.get(name, 0) + int(about.get("vectorCount") or 0)
            if "totalVectorCount" not in told and "namespaces" not in told and "dimension" not in told:
                raise ValueError
            dimension = int(told["dimension"]) if told.get("dimension") else None
            return Stats(counts, told.get("metric"), dimension, str(told.get("vectorType") or "dense"))
        except NotTaken as refused:
            raise self._refused(refused) from refused
        except (ValueError, TypeError, AttributeError) as error:
            raise self._stranger() from error

    def namespaces(self) -> Iterator[str]:
        """As the index lists them; nothing where it cannot (older versions, emulators): then the stats must do."""
        token = ""
        while True:
            try:
                params = {"limit": str(PAGE), **({"paginationToken": token} if token else {})}
                told = self._ask("GET", self.host, "/namespaces", params, what="namespaces")
                for each in told.get("namespaces") or ():
                    yield default_namespace(str(each["name"]))
                after = str((told.get("pagination") or {}).get("next") or "")
            except (NotTaken, NotListable, PineconeKeyRefused, KeyError, TypeError, AttributeError):
                return  # also where the key may count and read, but not list them
            if not after or after == token:
                return
            token = after

    def list_ids(self, namespace: str, token: str = "", limit: int = PAGE) -> IdPage:
        """Raises TokenLost, NotListable, PineconeFailed."""
        # The default namespace has two names, and older versions know only the one of leaving it out.
        params = {"limit": str(limit), **({"namespace": namespace} if namespace else {})}
        if token:
            params["paginationToken"] = token
        try:
            told = self._ask("GET", self.host, "/vectors/list", params, what="list")
            ids = [str(each["id"]) for each in told.get("vectors") or ()]
            page = IdPage(ids, str((told.get("pagination") or {}).get("next") or ""))
            self._count(told)
        except NotTaken as refused:
            raise self._refused(refused) from refused
        except (KeyError, TypeError, AttributeError) as error:
            raise not_listable(self.host) from error
        return page

    def fetch(self, namespace: str, ids: list[str]) -> Fetched:
        """What is there of these. Raises TooMuch and NotTaken: ask for fewer; else PineconeFailed."""
        params = [("ids", each) for each in ids]
        if namespace:
            params.append(("namespace", namespace))
        sizes: list[int] = []
        try:
            told = self._ask("GET", self.host, "/vectors/fetch", params, what="fetch", sizes=sizes)
        except NotTaken as refused:
            if refused.status == 400:
                raise
            raise self._refused(refused) from refused
        try:
            things = told.get("vectors") or {}
            self._count(told)
            if not isinstance(things, dict) or not all(isinstance(each, dict) for each in things.values()):
                raise TypeError
        except (TypeError, AttributeError, ValueError) as error:
            raise self._stranger() from error
        return Fetched(things, sizes[-1])

    def query(self, namespace: str, values: list[float], count: int) -> list[str]:
        """Ids of the nearest ``count``, best first. Raises PineconeFailed."""
        body = {"vector": values, "topK": count, "includeValues": False, "includeMetadata": False}
        if namespace:
            body["namespace"] = namespace
        try:
            told = self._ask("POST", self.host, "/query", what="query", body=json.dumps(body).encode())
            self._count(told)
            return [str(each["id"]) for each in told.get("matches") or ()]
        except NotTaken as refused:
            raise self._refused(refused) from refused
        except (KeyError, TypeError, AttributeError) as error:
            raise self._stranger() from error

    def _count(self, told: dict[str, Any]) -> None:
        units = int((told.get("usage") or {}).get("readUnits") or 0)
        with self._lock:
            self.read_units += units

    def _ask(
        self,
        method: str,
        base: str,
        path: str,
        params: Any = None,
        *,
        what: str,
        sizes: list[int] | None = None,
        body: bytes = b"{}",
    ) -> dict[str, Any]:
        url = f"{base}{path}"
        token = isinstance(params, dict) and "paginationToken" in params
        client = self._far if base.startswith("https:") else self._near
        content = body if method == "POST" else None
        headers = {"Content-Type": "application/json"} if content else {}

        def once() -> bytes:
            import httpx

            from netdoctor.migration.bounded import LARGE, at_most, whole

            try:
                # Not read(): httpx ties a reply into a cycle, and megabytes would wait for the collector of cycles.
                with (
                    at_most(_SLOWEST * self._timeout, LARGE),
                    client.stream(
                        method, url, params=params, content=content, headers={**headers, _HEADER: self.version}
                    ) as reply,
                ):
                    told = whole(reply, _SLOWEST * self._timeout, LARGE)
            except httpx.TimeoutException as error:
                raise Transient(f"no answer in time ({type(error).__name__})") from error
            except httpx.UnsupportedProtocol as error:
                raise self._stranger() from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise PineconeFailed(
                        f"The certificate of {base} is not trusted here: {error}.",
                        hint="where a proxy of your company stands in between, name its certificates in SSL_CERT_FILE",
                    ) from error
                raise Transient(str(error) or type(error).__name__) from error
            except RuntimeError as error:  # closed while it was asked
                raise PineconeFailed("Reading from Pinecone was stopped.") from error
            if reply.status_code != 200:
                raise Refusal(reply.status_code, told, what, base, reply.headers.get("retry-after"), token).error()
            return told

        while True:
            version = self.version
            try:
                reply = self.pace.call(once)
                break
            except NotTaken as refused:
                if not self._other_version(refused, version):
                    raise
        if sizes is not None:
            sizes.append(len(reply))
        try:
            told = loads(reply)
        except ValueError as error:
            if what == "list":  # pod-based indexes answer 200 with a sentence
                raise not_listable(self.host) from error
            raise self._stranger() from error
        if not isinstance(told, dict):
            raise not_listable(self.host) if what == "list" else self._stranger()
        return told

    def _other_version(self, refused: NotTaken, used: str) -> bool:
        """Whether the request is to be made once more, by another version of the API."""
        if _OF_VERSION.search(refused.reason) is None:
            return False
        with self._lock:
            if self.version != used:
                return True  # another thread has found out before
            if used == VERSIONS[-1]:
                return False
            self.version = VERSIONS[VERSIONS.index(used) + 1]
        return True

    def _refused(self, refused: NotTaken) -> PineconeFailed:
        if refused.status == 404:
            return PineconeFailed(
                f"There is no Pinecone index at {self.host}: {refused.reason}.",
                hint="copy the host from Pinecone's console, or name the index",
            )
        return PineconeFailed(f"Pinecone at {self.host} refuses: {refused.reason}.")

    def _stranger(self) -> PineconeFailed:
        return PineconeFailed(
            f"What answers at {self.host or 'that address'} is not a Pinecone index.",
            hint="copy the host from Pinecone's console, or name the index",
        )


__all__ = ["PAGE", "About", "Fetched", "IdPage", "PineconeClient", "Stats", "TooMuch"]
