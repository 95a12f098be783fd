"""Talking to a panel: JSON over HTTP with a token, no redirect, no proxy, and one clear sentence for every failure."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from netdoctor.errors import FixFailed, UsageError
from netdoctor.redact import MASK, redact_text
from netdoctor.terminal import plain

LIMIT = 8 << 20
"""Bytes of an answer; no stack's description is longer."""
_CONNECT = 5.0
_READ = 20.0
_PATIENCE = 10.0
"""Seconds: the longest that a panel may ask us to wait before a second try."""
_TRIES = 3
_AGAIN = frozenset({502, 503, 504})


class PanelError(FixFailed):
    """A panel says no, or nothing that can be used. Nothing was changed there."""


class PanelUnsure(PanelError):
    """A change was sent, and nobody said whether it arrived."""


@dataclass(frozen=True, slots=True)
class Access:
    """Which panel, and the token for it."""

    address: str
    """Scheme, host, port and perhaps a folder; no credentials."""
    token: str = field(repr=False)
    ca_file: str | None = None
    """A PEM file with the certificate that the panel's own is signed by (or its own, where it signs itself)."""


def clean_address(text: str, root: str, variable: str) -> str:
    """The address of a panel as typed, without the ``root`` of its API. Raises UsageError."""
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or any(char.isspace() or not char.isprintable() for char in address):
        raise UsageError(f"{variable} is no http or https URL.", hint=f"Like: {variable}=https://panel.example.com")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(
            f"{variable} holds more than an address.",
            hint="Credentials, ? and # do not belong in it; the token is apart.",
        )
    return address.removesuffix(root).rstrip("/")


def clean_token(text: str, variable: str) -> str:
    """Raises UsageError for what could not be put into a header."""
    token = text.strip()
    if not 0 < len(token) <= 4096 or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"{variable} holds no token: it is empty, too long, or has characters that no token has.")
    return token


class Http:
    """An :class:`~netdoctor.platforms.interface.Ask` over httpx."""

    def __init__(
        self,
        access: Access,
        title: str,
        root: str,
        headers: Mapping[str, str],
        variable: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        read_timeout: float = _READ,
    ) -> None:
        """``variable``: the name before ``_URL``, ``_TOKEN`` and ``_CA_FILE``."""
        import httpx

        self.address = access.address
        self._title = title
        self._root = root
        self._variable = variable
        self._token = access.token
        self._sleep = sleep
        self._read = read_timeout
        self._client = httpx.Client(
            verify=_trust(access, variable),
            trust_env=False,
            follow_redirects=False,
            headers={"Accept": "application/json", **headers},
        )

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, **query: str) -> Any:
        """Raises PanelError. A panel that is busy is asked again, a little later."""
        for turn in range(_TRIES):
            try:
                return self._call("GET", path, None, self._read, query)
            except _Busy as busy:
                if turn + 1 == _TRIES or busy.wait > _PATIENCE:
                    raise busy.error from None
                self._sleep(busy.wait)
        raise AssertionError

    def send(self, method: str, path: str, body: Mapping[str, Any], *, seconds: float = 30.0, **query: str) -> Any:
        """Raises PanelError, or PanelUnsure when the change may have arrived."""
        for turn in range(_TRIES):
            try:
                return self._call(method, path, body, seconds, query)
            except _Busy as busy:
                # "Too many requests" is said before anything is done; every other failure may come after it.
                if busy.code != 429:
                    raise PanelUnsure(busy.error.message, hint=busy.error.hint) from None
                if turn + 1 == _TRIES or busy.wait > _PATIENCE:
                    raise busy.error from None
                self._sleep(busy.wait)
        raise AssertionError

    def refuse(self, message: str, hint: str) -> PanelError:
        return PanelError(self._said(message), hint=hint)

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float, query: Mapping[str, str]
    ) -> Any:
        import httpx

        changing = body is not None
        timeout = httpx.Timeout(seconds, connect=_CONNECT)
        try:
            with self._client.stream(
                method, f"{self.address}{self._root}{path}", json=body, params=query or None, timeout=timeout
            ) as answer:
                data = self._whole(answer.iter_bytes(), seconds)
                return self._judged(answer.status_code, answer.headers, data, changing)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(error) from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            kind = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "broke off its answer"
            raised = PanelUnsure if changing else PanelError
            raise raised(f"{self._title} at {self.address} {kind}.", hint=self._check()) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise PanelError(f"{self.address} is no address that can be asked.", hint=self._check()) from error

    def _whole(self, parts: Any, seconds: float) -> bytes:
        """The body, bounded in bytes and in time: a panel that drips never times out by itself."""
        import httpx

        data = bytearray()
        end = time.monotonic() + seconds
        for part in parts:
            data += part
            if len(data) > LIMIT:
                raise PanelError(f"{self._title} at {self.address} answers without end.", hint=self._check())
            if time.monotonic() > end:
                raise httpx.ReadTimeout("too slow")
        return bytes(data)

    def _judged(self, code: int, headers: Mapping[str, str], data: bytes, changing: bool) -> Any:
        if 300 <= code < 400:
            where = plain(redact_text(headers.get("location", "")))[:200]
            raise PanelError(
                f"{self._title} at {self.address} sends us elsewhere ({code}: {where}); the token does not go there.",
                hint=f"Set {self._variable}_URL to the address that it is really at.",
            )
        answer = self._json(headers, data)
        if 200 <= code < 300:
            if data.strip() and answer is _NO_JSON:
                kind = plain(headers.get("content-type", "no type"))[:60]
                raised = PanelUnsure if changing else PanelError
                raise raised(
                    f"{self.address} does not answer as {self._title}'s API does ({kind}).", hint=self._check()
                )
            return None if answer is _NO_JSON else answer
        reason = self._reason(answer)
        said = f" ({reason})" if reason else ""
        if code == 401:
            raise PanelError(f"{self._title} does not accept the token{said}.", hint=f"Check {self._variable}_TOKEN.")
        if code == 403:
            raise PanelError(f"{self._title} does not allow this with that token{said}.", hint="Give it more rights.")
        if code == 404:
            raise PanelError(f"{self._title} at {self.address} knows nothing of it{said}.", hint=self._check())
        if code == 429 or code in _AGAIN:
            kind = "has had too many requests" if code == 429 else f"is not ready ({code})"
            error = PanelError(f"{self._title} {kind}{said}.", hint="Try again in a minute.")
            raise _Busy(code, _wait(headers), error)
        if code >= 500:
            raised = PanelUnsure if changing else PanelError
            raise raised(f"{self._title} failed with {code}{said}.", hint=f"Look at {self._title}'s own log.")
        raise PanelError(f"{self._title} refuses this with {code}{said}.", hint=f"Do it in {self._title} by hand.")

    def _json(self, headers: Mapping[str, str], data: bytes) -> Any:
        if "json" not in headers.get("content-type", "").lower():
            return _NO_JSON
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return _NO_JSON

    def _reason(self, answer: Any) -> str:
        """What the panel says itself, on one short line without secrets."""
        if not isinstance(answer, dict):
            return ""
        words = [answer.get(name) for name in ("message", "details")]
        errors = answer.get("errors")
        if isinstance(errors, dict):
            for name, said in errors.items():
                first = said[0] if isinstance(said, list) and said else said
                words.append(f"{name}: {first}")
        found = "; ".join(word.rstrip(".") for word in words if isinstance(word, str) and word)
        return self._said(found)[:300]

    def _unreachable(self, error: Exception) -> PanelError:
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
            return PanelError(
                f"The certificate of {self.address} is signed by nobody that is trusted here.",
                hint=f"Name the file of its certificate: {self._variable}_CA_FILE=/path/to/panel.pem",
            )
        kind = "does not speak TLS as expected" if "SSL" in text else "cannot be reached"
        return PanelError(f"{self._title} at {self.address} {kind}.", hint=self._check())

    def _said(self, text: str) -> str:
        return plain(redact_text(text.replace(self._token, MASK)))

    def _check(self) -> str:
        return f"Check {self._variable}_URL, and that this machine can reach it."


class _Busy(Exception):
    def __init__(self, code: int, wait: float, error: PanelError) -> None:
        super().__init__(code)
        self.code = code
        self.wait = wait
        self.error = error


_NO_JSON: Any = object()


def _wait(headers: Mapping[str, str]) -> float:
    try:
        return max(float(headers.get("retry-after", "1")), 0.0)
    except ValueError:
        return 1.0


def _trust(access: Access, variable: str) -> Any:
    import ssl

    if not access.address.startswith("https:") and access.ca_file is None:
        # Nothing is encrypted: a context that trusts nobody spares reading every certificate of the machine.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context()
    if access.ca_file is not None:
        try:
            context.load_verify_locations(cafile=access.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"{variable}_CA_FILE names no file of certificates: {plain(access.ca_file)}.",
                hint="It is a PEM file, with -----BEGIN CERTIFICATE----- in it.",
            ) from error
    return context
