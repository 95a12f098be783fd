"""One root error. Foreign exceptions stop at the room that met them and become one of these.

Every error is one clear sentence, a hint that names the next command, an exit status, and (for the
errors of netdoctor itself) a code with a page that ``netdoctor explain`` prints.
"""

from __future__ import annotations

from netdoctor.exits import Exit


class NetdoctorError(Exception):
    """Root of everything netdoctor raises on purpose. What it says is safe to print, whoever prints it: no secrets,
    no control characters."""

    status: Exit = Exit.UNKNOWN
    code: str | None = None

    def __init__(self, message: str, *, hint: str = "", status: Exit | None = None) -> None:
        message, self.hint = _safe(message), _safe(hint)
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status


def _safe(text: str) -> str:
    # Loaded when something has failed: most runs never need it.
    from netdoctor.redact import redact_text
    from netdoctor.terminal import plain_block

    return plain_block(redact_text(text)) if text else text


class UsageError(NetdoctorError):
    """What was typed or configured cannot be understood."""

    status = Exit.USAGE


class NotFound(UsageError):
    """A name matches no container, network, collection or file."""

    def __init__(
        self, message: str, *, hint: str = "", candidates: tuple[str, ...] = (), status: Exit | None = None
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.candidates = candidates


class Ambiguous(UsageError):
    """A name matches several things; ``candidates`` lists them."""

    def __init__(self, message: str, *, hint: str = "", candidates: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.candidates = candidates


class NoVantage(NetdoctorError):
    """ND901: no vantage can stand inside a container."""

    code = "ND901"


class EngineUnreachable(NetdoctorError):
    """ND902: the engine does not answer at its endpoint."""

    code = "ND902"


class AnswerUnusable(EngineUnreachable):
    """It answered, and nothing can be concluded from the answer."""


class NotLookedAt(EngineUnreachable):
    """A container is there, and the engine does not show it: nothing is known of it, not even that it is well."""


class PermissionRefused(NetdoctorError):
    """ND903: the engine or the kernel says we may not."""

    code = "ND903"


class EngineRefused(NetdoctorError):
    """The engine answered, and said no (its own text is in the message, redacted)."""


class Gone(EngineRefused):
    """A container or network vanished while we were working with it."""


class FixFailed(NetdoctorError):
    """A fix could not be applied, or was applied, not confirmed, and rolled back."""

    status = Exit.FINDINGS


class MigrationFailed(NetdoctorError):
    """The migration stopped; what was done is kept in the ledger."""

    status = Exit.FINDINGS
