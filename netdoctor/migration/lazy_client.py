"""A Qdrant client that an app creates at import, and that connects when it is first used.

A client made at import breaks every build and test that imports the module without a server; a placeholder that was
never filled in is dialled as it stands. This one reads the environment, refuses what is no address, and asks the
server once, all on the first call.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.model.placeholders import placeholder
from netdoctor.redact import redact_text
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

VARIABLES = ("QDRANT_URL_MIGRATION", "QDRANT_URL")
"""The first that is set wins."""
_LOG = logging.getLogger("netdoctor.lazy")


class BadQdrantUrl(UsageError):
    """No URL is set, or what is set is none: empty, a placeholder, another scheme."""


class QdrantUnreachable(MigrationFailed):
    """The URL is sound, and no Qdrant answers there, or not with this key."""


class LazyQdrant:
    """Stands for a ``qdrant_client.QdrantClient``: every public attribute is the client's own.

    Nothing is read, imported or dialled before the first one is used. Then, in one thread, the URL is taken (``url``,
    else the first of ``variables`` that is set), checked, logged once (credentials redacted), and the server asked for
    its collections, which proves address, name and key. What failed is tried anew by the next use. A process that was
    forked makes a client of its own.

    ``options`` go to ``QdrantClient`` (``prefer_grpc``, ``timeout``, ...); ``api_key`` else ``QDRANT_API_KEY``.
    ``ask`` False: the server is not asked, only the URL is checked. Raises BadQdrantUrl, QdrantUnreachable on use.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        variables: tuple[str, ...] = VARIABLES,
        environment: Mapping[str, str] | None = None,
        ask: bool = True,
        make: Callable[..., QdrantClient] | None = None,
        **options: Any,
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._variables = variables
        self._environment = environment
        self._ask = ask
        self._make = make
        self._options = options
        self._lock = threading.Lock()
        self._made: tuple[int, QdrantClient] | None = None
        self._attempts = 0
        self._failure: BadQdrantUrl | QdrantUnreachable | None = None

    @property
    def client(self) -> QdrantClient:
        """The client itself, where its type matters. Raises BadQdrantUrl, QdrantUnreachable."""
        made = self._made
        if made is not None and made[0] == os.getpid():
            return made[1]
        seen = self._attempts
        with self._lock:
            if self._made is not None and self._made[0] == os.getpid():
                return self._made[1]
            if self._failure is not None and self._attempts != seen:
                # Who waited while another thread failed has its answer: they do not all wait for a dead server in turn.
                raise type(self._failure)(self._failure.message, hint=self._failure.hint)
            try:
                self._failure = None
                self._made = (os.getpid(), self._create())
            except (BadQdrantUrl, QdrantUnreachable) as failure:
                self._failure = failure
                raise
            finally:
                self._attempts += 1
            return self._made[1]

    @property
    def connected(self) -> bool:
        """Whether this process has made its client. Asking makes none."""
        return self._made is not None and self._made[0] == os.getpid()

    def __getattr__(self, name: str) -> Any:
        # Tools that look at objects (copy, a shell, a test's report) ask for private names, and must not connect.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.client, name)

    def __enter__(self) -> LazyQdrant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {'connected' if self.connected else 'not used yet'}>"

    def close(self) -> None:
        """Close the client if there is one; the next use makes another."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None and made[0] == os.getpid():
            made[1].close()

    def _create(self) -> QdrantClient:
        environment = os.environ if self._environment is None else self._environment
        url, origin = self._address(environment)
        key = self._api_key if self._api_key is not None else environment.get("QDRANT_API_KEY") or None
        shown = plain(redact_text(url))
        make = self._make or _client
        try:
            client = make(url=url, api_key=key, **self._options)
        except (ValueError, TypeError) as error:
            raise BadQdrantUrl(f"No client can be made for {shown} (from {origin}): {error}") from error
        if self._ask:
            try:
                client.get_collections()
            except Exception as error:
                client.close()
                raise QdrantUnreachable(
                    f"No Qdrant answers at {shown} (from {origin}): {_reason(error)}.",
                    hint=f"netdoctor check CONTAINER {plain(redact_text(urlsplit(url).netloc.rpartition('@')[2]))}",
                ) from error
        _LOG.info("Qdrant at %s (from %s)", shown, origin)
        return client

    def _address(self, environment: Mapping[str, str]) -> tuple[str, str]:
        """The URL and who gave it. Raises BadQdrantUrl."""
        url, origin = self._url, "the code"
        if url is None:
            # Compose files hand on what nobody set as an empty text.
            given = [name for name in self._variables if name in environment]
            origin = next((name for name in given if environment[name].strip()), given[0] if given else "")
            if not origin:
                raise BadQdrantUrl(
                    f"None of {', '.join(self._variables)} is set, so Qdrant has no address.",
                    hint=f"set {self._variables[-1]}, like http://qdrant:6333, where this container is declared",
                )
            url = environment[origin]
        url = url.strip()
        said = placeholder(url)
        if said is not None:
            raise BadQdrantUrl(
                f"{origin} {plain(said[0])}: it is no address of Qdrant.",
                hint="set it, like http://qdrant:6333, and recreate the container: a restart keeps the old value",
            )
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            good = False
        if not good:
            raise BadQdrantUrl(
                f"{origin} is no http:// or https:// URL: {plain(redact_text(url))!r}.", hint="like http://qdrant:6333"
            )
        return url, origin


def _client(**options: Any) -> QdrantClient:
    from qdrant_client import QdrantClient

    # It would ask the server at creation, and warn where it does not answer; that is asked, and told, here.
    return QdrantClient(**{"check_compatibility": False, **options})


def _reason(error: Exception) -> str:
    """One line, without secrets, bounded."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return f"it refuses the API key (HTTP {status})"
    text = " ".join(str(error).split()) or type(error).__name__
    return plain(redact_text(text))[:300].rstrip(".")
