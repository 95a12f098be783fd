"""Alerts leave here: as JSON to a webhook, or on the standard input of a command. Where to is never said: it is secret.

One thread sends, so that a slow receiver holds up neither a check nor a repair; what comes meanwhile is summed up.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from netdoctor.commands import find_command
from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.live.alerts import Alert, Outbox
from netdoctor.redact import redact_text
from netdoctor.terminal import plain

PATIENCE = 10.0
"""Seconds for one delivery."""
AGAIN = (1.0, 4.0)
"""Seconds before the second and the third attempt."""
GRACE = 5.0
"""Seconds for what waits when we end."""


class DeliveryFailed(NetdoctorError):
    """The receiver did not take an alert. The message never says where it is."""


class Channel(Protocol):
    name: str

    def send(self, document: Mapping[str, Any], patience: float) -> None:
        """Raises DeliveryFailed."""

    def abort(self) -> None:
        """End what is being sent, from another thread."""


class Webhook:
    """A JSON POST. Redirects are not followed: the headers are for this address only."""

    name = "the webhook"

    def __init__(self, url: str, headers: Sequence[str] = ()) -> None:
        """``headers``: ``Name: value``. Raises UsageError, without the URL or a header in its words."""
        import httpx

        try:
            self._url = httpx.URL(url.strip())
            # The standard library is stricter about brackets.
            good = self._url.scheme in ("http", "https") and bool(self._url.host and urlsplit(url.strip()).hostname)
        except (httpx.InvalidURL, TypeError, ValueError):
            good = False
        if not good:
            raise UsageError(
                "--webhook is no web address.", hint="Give a whole one, with http:// or https://; it is not shown here."
            )
        self._headers = {"content-type": "application/json", "user-agent": "netdoctor"}
        for text in headers:
            name, colon, value = text.partition(":")
            if not colon or not name.strip() or not (name.strip() + value).isascii() or not text.isprintable():
                raise UsageError("--webhook-header is not NAME: VALUE.", hint="For example: X-Team: storage")
            self._headers[name.strip().lower()] = value.strip()
        # They say every address that they ask, at a level that somebody may have switched on.
        for talker in ("httpx", "httpcore"):
            logging.getLogger(talker).setLevel(logging.WARNING)

    def send(self, document: Mapping[str, Any], patience: float) -> None:
        import httpx

        try:
            # The status is all that we want: however long the body is, it is not read.
            with httpx.stream(
                "POST",
                self._url,
                content=json.dumps(document, allow_nan=False).encode(),
                headers=self._headers,
                timeout=patience,
                follow_redirects=False,
            ) as answer:
                status = answer.status_code
        except (httpx.HTTPError, OSError, ValueError) as error:
            # Their texts may quote the address.
            raise DeliveryFailed(f"no answer ({type(error).__name__})") from None
        if not 200 <= status < 300:
            raise DeliveryFailed(f"it answered HTTP {status}")

    def abort(self) -> None:
        """Nothing of a request outlives the process."""


class Command:
    """An argument list, never a shell; the alert comes on its standard input."""

    name = "the alert command"

    def __init__(self, text: str) -> None:
        """Raises UsageError for what is no command, or one that is not there."""
        try:
            self._argv = shlex.split(text)
        except ValueError as error:
            raise UsageError(
                f"--alert-command cannot be read: {str(error).lower()}.", hint="Quote it as you would for a shell."
            ) from None
        program = find_command(self._argv[0]) if self._argv else None
        if program is None:
            raise UsageError(
                "The program of --alert-command is not there, or may not be run.",
                hint="Name it with its whole path. It is no shell: for pipes write a script.",
            )
        self._argv[0] = program
        self._process: subprocess.Popen[bytes] | None = None

    def abort(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            _kill(process)

    def send(self, document: Mapping[str, Any], patience: float) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NETDOCTOR_")}
        try:
            # In a session of its own: Ctrl-C is for us, and we can end it with everything that it started.
            process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=kept,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise DeliveryFailed(f"it did not start ({getattr(error, 'strerror', None) or error})") from None
        self._process = process
        try:
            process.communicate(json.dumps(document, allow_nan=False).encode() + b"\n", timeout=patience)
        except subprocess.TimeoutExpired:
            raise DeliveryFailed(f"it did not end within {patience:g} s") from None
        finally:
            if process.poll() is None:
                _kill(process)
                process.wait()
            if process.stdin is not None and not process.stdin.closed:
                process.stdin.close()
        if process.returncode != 0:
            raise DeliveryFailed(f"it ended with {process.returncode}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        process.kill()


class Courier:
    """Takes alerts from the watcher and sends them from a thread of its own."""

    def __init__(
        self,
        channels: Sequence[Channel],
        outbox: Outbox | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] = lambda _: None,
        again: Sequence[float] = AGAIN,
    ) -> None:
        self._channels = tuple(channels)
        self._outbox = outbox or Outbox()
        self._clock, self._tell, self._again = clock, tell, tuple(again)
        self._changed = threading.Condition()
        self._ending: float | None = None
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self.sent = 0
        self.failed = 0

    @property
    def merged(self) -> int:
        return self._outbox.merged

    def __enter__(self) -> Courier:
        if self._channels:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What waits is sent at once, for as long as the grace allows."""
        if not self._channels:
            return
        with self._changed:
            self._ending = self._clock() + GRACE
            self._changed.notify()
        self._thread.join(GRACE + 1)
        for channel in self._channels:
            channel.abort()
        self._thread.join(1)

    def put(self, alert: Alert) -> None:
        if not self._channels:
            return
        with self._changed:
            self._outbox.put(alert, self._clock())
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                ending = self._ending is not None
                alert = self._outbox.take(self._clock(), hurry=ending)
                if alert is None:
                    if ending:
                        return
                    self._changed.wait(self._outbox.due(self._clock()))
                    continue
            document = alert.document()
            for channel in self._channels:
                self._deliver(channel, document)

    def _deliver(self, channel: Channel, document: Mapping[str, Any]) -> None:
        said = ""
        for pause in (0.0, *self._again):
            patience = self._rest_until(pause)
            if patience <= 0:
                said = said or "there was no time left"
                break
            try:
                channel.send(document, patience)
            except DeliveryFailed as error:
                said = error.message
            else:
                self.sent += 1
                return
        self.failed += 1
        self._tell(plain(redact_text(f"warning: {channel.name} did not take an alert: {said}")))

    def _rest_until(self, pause: float) -> float:
        """Wait before an attempt; returns the seconds that the attempt may take."""
        with self._changed:
            if pause:
                self._changed.wait_for(lambda: self._ending is not None, pause)
            if self._ending is None:
                return PATIENCE
            return min(PATIENCE, self._ending - self._clock())
