"""Foreign exceptions become ours here: one table for everything the SDK can throw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from netdoctor.engine.hosts import EngineHost
from netdoctor.errors import EngineRefused, EngineUnreachable, Gone, NetdoctorError, PermissionRefused
from netdoctor.redact import redact_text


def unreachable(host: EngineHost, detail: str = "") -> NetdoctorError:
    """The error for an engine that does not answer, by what its socket looks like."""
    socket = host.socket_path
    named = f"{host.url} (from {host.said_by})"
    if socket is not None and not socket.exists():
        return EngineUnreachable(
            f"No Docker Engine at {named}: the socket does not exist.",
            hint="Start the engine (systemctl start docker), or name another one with -H or --context.",
        )
    if socket is not None and "Permission denied" in detail:
        return denied(host)
    text = _in_short(detail)
    return EngineUnreachable(
        f"The Docker Engine at {named} does not answer: {text}",
        hint="Check that it runs (docker version), or name another one with -H or --context.",
    )


def _in_short(detail: str) -> str:
    """The kernel's words out of a chain of wrapped exceptions."""
    words = re.findall(r"\[Errno -?\d+\] ([^'\")\]]+)", detail)
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
        '(sudo usermod -aG docker "$USER"), log in again, and retry.',
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
    except errors.NotFound as error:
        raise Gone(f"Could not {doing}: {_said(error)}", hint="It is gone; run the command again.") from error
    except errors.APIError as error:
        if error.status_code == 403 and "permission" in str(error).lower():
            raise PermissionRefused(f"Could not {doing}: {_said(error)}") from error
        raise EngineRefused(f"Could not {doing}: {_said(error)}") from error
    except (errors.DockerException, requests.RequestException, OSError) as error:
        raise unreachable(host, str(error)) from error
    except ValueError as error:
        # A body that is no JSON: something else listens at that address, or the answer broke off in the middle.
        raise EngineUnreachable(
            f"The Docker Engine at {host.url} broke off its answer, or is no Docker Engine.",
            hint="Check it with: docker version",
        ) from error


def _said(error: Exception) -> str:
    explanation = getattr(error, "explanation", None) or str(error)
    if isinstance(explanation, bytes):
        explanation = explanation.decode("utf-8", "replace")
    return redact_text(str(explanation).strip())
