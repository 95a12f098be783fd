"""What Qdrant means when it does not answer 200 over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdoctor.migration.targets.interface import KeyRefused, TargetRefused, Transient, splits, strict_mode
from netdoctor.migration.targets.pause import retry_after

if TYPE_CHECKING:
    import httpx

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
"""507: the node's quota of memory or disk is used up, until its optimizers or somebody makes room."""


KEY_HINT = "set QDRANT_API_KEY or use --api-key-file or --ask-api-key"


def may(reason: str) -> str:
    """What a known key may not do, in the server's words: it reads only, or is of another collection."""
    return f": {reason}" if reason.lower().startswith("forbidden") else ""


def refusal(status: int, reason: str, address: str, after: str | None = None) -> Exception:
    """The error for an HTTP status that is not 200."""
    locked = status == 403 and "storage locked" in reason.lower()
    if status == 401 or (status == 403 and not strict_mode(reason) and not locked):
        return KeyRefused(
            f"Qdrant at {address} refuses the API key (HTTP {status}{may(reason)}).",
            hint=f"use a key that may write there: {KEY_HINT}" if may(reason) else KEY_HINT,
        )
    if (status in _BUSY or locked) and not splits(reason):
        return Transient(f"HTTP {status}: {reason}", after=retry_after(after))
    return TargetRefused(f"Qdrant at {address} refuses the request: {reason}.", too_large=status == 413)


def reason_of(reply: httpx.Response) -> str:
    """Qdrant's own error text, one line, bounded."""
    try:
        status = reply.json()["status"]
        text = status["error"] if isinstance(status, dict) else str(status)
    except (ValueError, KeyError, TypeError, RecursionError):
        text = reply.text
    return " ".join(str(text).split())[:300].rstrip(".") or f"HTTP {reply.status_code}"
