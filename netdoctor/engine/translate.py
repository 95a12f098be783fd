"""Foreign exceptions become ours here: one table for everything the SDK can throw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netdoctor.engine import inside
from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.shapes import Unusable
from netdoctor.errors import AnswerUnusable, EngineRefused, EngineUnreachable, Gone, NetdoctorError, PermissionRefused
from netdoctor.redact import redact_text

_BROKEN_OFF = re.compile(
    r"Expecting value|Expecting .* delimiter|Unterminated string|Extra data|IncompleteRead|InvalidChunkLength|"
    r"BadStatusLine|Invalid response from docker daemon|RemoteDisconnected|Connection broken|ProtocolError"
)
"""What the layers below call an answer that ended in the middle, or that no engine gives."""


def unreachable(host: EngineHost, detail: str = "") -> NetdoctorError:
    """The error for an engine that does not answer, by what its socket looks like."""
    named = f"{host.url} (from {host.said_by})"
    if host.socket_path is not None and "Permission denied" in detail:
        return denied(host)
    if host.socket_path is not None and _missing(host.socket_path):
        return EngineUnreachable(
            f"No Docker Engine at {named}: the socket does not exist.",
            hint="Start the engine (systemctl start docker), or name another one with -H or --context."
            + inside.to_have_a_socket(host.socket_path),
        )
    text = _in_short(detail)
    return EngineUnreachable(
        f"The Docker Engine at {named} does not answer: {text}",
        hint="Check that it runs (docker version), or name another one with -H or --context.",
    )


def _missing(socket: Path) -> bool:
    try:
        return not socket.exists()
    except OSError:
        return False


def _in_short(detail: str) -> str:
    """The kernel's words out of a chain of wrapped exceptions."""
    detail = re.sub(r"\[(?:SSL|X509)[^\]]*\] ?| ?\(_ssl\.c:\d+\)", "", detail)
    words = re.findall(r"(?:\[Errno -?\d+\] |Error\(\d+, ['\"])([^'\")\]]+)", detail)
    if words:
        return str(words[-1]).strip().lower()
    if "timed out" in detail.lower():
        return "timed out"
    lines = detail.strip().splitlines()
    return redact_text(lines[-1]) if lines else "no answer"


def denied(host: EngineHost) -> PermissionRefused:
    """The error for a socket that exists and that we may not open."""
    return PermissionRefused(
        f"You may not use the Docker Engine at {host.url}: permission denied on its socket.",
        hint=f"Use sudo, or join the group that owns {host.socket_path} "
        '(sudo usermod -aG docker "$USER"), log in again, and retry.'
        + (inside.to_use_a_socket(host.socket_path) if host.socket_path else ""),
    )


def broken_off(host: EngineHost) -> AnswerUnusable:
    """A body that is no JSON: something else listens at that address, or the answer ended in the middle."""
    return AnswerUnusable(
        f"The Docker Engine at {host.url} (from {host.said_by}) broke off its answer, or is no Docker Engine.",
        hint="Check it with: docker version",
    )


def unanswered(host: EngineHost, doing: str) -> EngineUnreachable:
    """It answers others, and not this."""
    return EngineUnreachable(
        f"Could not {doing}: the Docker Engine at {host.url} (from {host.said_by}) answers others, and not this one: "
        "timed out.",
        hint="Check what answers there with: docker version",
    )


def unusable(host: EngineHost, doing: str, why: str) -> AnswerUnusable:
    """An answer that is JSON and still no answer to the question."""
    return AnswerUnusable(
        f"Could not {doing}: the answer of the Docker Engine at {host.url} (from {host.said_by}) cannot be used: "
        f"{_short(redact_text(why))}.",
        hint="Check what answers there with: docker version",
    )


@contextmanager
def translated(host: EngineHost, doing: str) -> Iterator[None]:
    """Everything raised inside becomes one of ours; ``doing`` completes "could not ..."."""
    import requests
    from docker import errors

    try:
        yield
    except NetdoctorError:
        raise
    except Unusable as error:
        raise (unusable(host, doing, error.why) if error.why else broken_off(host)) from error
    except errors.NotFound as error:
        raise Gone(f"Could not {doing}: {_said(error)}", hint="It is gone; run the command again.") from error
    except errors.APIError as error:
        if error.status_code == 403 and "permission" in str(error).lower():
            raise PermissionRefused(f"Could not {doing}: {_said(error)}") from error
        raise EngineRefused(f"Could not {doing}: {_said(error)}") from error
    except (errors.DockerException, requests.RequestException, OSError) as error:
        if _BROKEN_OFF.search(str(error)):
            raise broken_off(host) from error
        raise unreachable(host, str(error)) from error
    except (ValueError, KeyError) as error:
        raise broken_off(host) from error


_MOST = 500
"""Characters of what an engine, or a proxy in its place, says about a refusal."""


def _said(error: Exception) -> str:
    explanation = getattr(error, "explanation", None) or str(error)
    if isinstance(explanation, bytes):
        explanation = explanation.decode("utf-8", "replace")
    return _short(redact_text(str(explanation)[: 4 * _MOST].strip()))


def _short(said: str) -> str:
    return said if len(said) <= _MOST else f"{said[:_MOST]}..."
