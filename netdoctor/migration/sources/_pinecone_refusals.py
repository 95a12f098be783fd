"""What Pinecone means when it does not answer 200: worth another try, never, or only after a change.

Requests a second and units a month are both refused with 429 and the same code; only the sentence tells them apart
(the published texts: "... max fetch requests per second for index ...", "... read unit limit for the current month
...", and the same of egress).
"""

from __future__ import annotations

import email.utils
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from netdoctor.errors import MigrationFailed
from netdoctor.migration.targets.interface import Transient

_MONTHLY = re.compile(r"(?i)\b(?:current|this|per) month\b|\bmonthly\b|\bupgrade your plan\b|\b(?:egress|unit) limit\b")
_MOMENTARY = re.compile(r"(?i)\bper (?:second|minute)\b|\bQPS\b|\bpace your\b")
_NOT_LISTED = re.compile(r"(?i)serverless|not supported|unsupported|unimplemented|document index|documents? API")
_QUOTA = re.compile(r"(?i)quota|limit|upgrade|plan")
_KEY_HINT = "set PINECONE_API_KEY, or name the file that holds the key with --source-key-file"


class PineconeFailed(MigrationFailed):
    """Pinecone does not give what was asked for, and asking again does not help."""


class PineconeKeyRefused(PineconeFailed):
    """The key is missing, wrong, or of another project."""


class QuotaSpent(PineconeFailed):
    """The plan's monthly units or egress are used up, or the account is behind with its payments."""


class NotListable(PineconeFailed):
    """A pod-based or document index: it has no list of ids."""


class TooMuch(Exception):
    """The request or its reply is too long: ask for fewer records at once."""


class NotTaken(Exception):
    """This request cannot be answered as it is; ``reason`` is the service's sentence."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class TokenLost(Exception):
    """The pagination token is not known any more: the listing must begin again."""


class RateLimited(Transient):
    """Too many requests a second: everybody must slow down, not only this request."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply that is not 200: ``what`` was asked (``list``, ``fetch``, ...), ``token``: with a pagination token."""

    status: int
    body: bytes
    what: str
    host: str
    after: str | None = None
    token: bool = False

    def error(self) -> Exception:
        """What to raise for it."""
        said = self.said()
        sentence = said.rstrip(".")
        if self.status == 429:
            if _MONTHLY.search(said) and not _MOMENTARY.search(said):
                return self._spent(sentence)
            return RateLimited(sentence or "too many requests", after=seconds_of(self.after))
        if self.status == 402:
            return self._spent(sentence or "payment required")
        if self.status == 401 or (self.status == 403 and not _QUOTA.search(said)):
            return PineconeKeyRefused(
                f"Pinecone refuses the API key at {self.host} (HTTP {self.status}). Nothing was written.",
                hint=f"{_KEY_HINT}; it must be a key of the project that the index is in",
            )
        if self.status == 403:
            return self._spent(sentence)
        if self.status in (408, 425) or (self.status >= 500 and self.status not in (501, 505)):
            return Transient(f"HTTP {self.status}: {sentence}".rstrip(": "), after=seconds_of(self.after))
        if self.status in (413, 414, 431):
            return TooMuch(sentence)
        if self.what == "list" and self.token:
            return TokenLost(sentence)
        if self.status == 501 or (self.what in ("list", "fetch") and _NOT_LISTED.search(said)):
            return not_listable(self.host, sentence)
        return NotTaken(sentence or f"HTTP {self.status}", self.status)

    def _spent(self, sentence: str) -> QuotaSpent:
        return QuotaSpent(
            f"Pinecone gives no more data on this account's plan: {sentence}.",
            hint="what is done is kept: upgrade the plan or wait for the next month, then repeat the same command",
        )

    def said(self) -> str:
        """The service's own words, one line, bounded. ``{"code", "message"}`` or ``{"error": {"message"}}`` or text."""
        try:
            told = json.loads(self.body)
            if isinstance(told, dict):
                inner = told.get("error", told)
                told = inner.get("message", "") if isinstance(inner, dict) else inner
            text = str(told)
        except (ValueError, RecursionError):
            text = self.body.decode("utf-8", "replace")
            if text.lstrip().startswith("<"):  # a proxy's page
                text = ""
        return " ".join(text.split())[:300]


def not_listable(host: str, why: str = "") -> NotListable:
    because = f" ({why})" if why else ""
    return NotListable(
        f"The index at {host} cannot list its ids{because}: only serverless vector indexes can. Nothing was written.",
        hint="a pod-based index can be turned into a serverless one in Pinecone's console; then repeat the command",
    )


def seconds_of(after: str | None, now: datetime | None = None) -> float | None:
    """A Retry-After header: seconds, or a date. None when it says nothing that can be understood."""
    if not after:
        return None
    try:
        seconds = float(after)
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(after) - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
