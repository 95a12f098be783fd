"""What can go wrong, in the words and with the status numbers a client of Qdrant expects."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class StandInError(Exception):
    """Root of all answers that are not a success. `grpc_code` is the name of a grpc.StatusCode."""

    http_status = 500
    grpc_code = "INTERNAL"


class BadInput(StandInError):
    http_status = 400
    grpc_code = "INVALID_ARGUMENT"


class Unauthorized(StandInError):
    http_status = 401
    grpc_code = "UNAUTHENTICATED"


class NotFound(StandInError):
    http_status = 404
    grpc_code = "NOT_FOUND"


class AlreadyExists(StandInError):
    http_status = 409
    grpc_code = "ALREADY_EXISTS"


class Invalid(StandInError):
    """The body is well-formed, but a value breaks a documented limit."""

    http_status = 422
    grpc_code = "INVALID_ARGUMENT"


class RateLimited(StandInError):
    """`seconds` until enough of the rate has come back; None: never, for a request of that size."""

    http_status = 429
    grpc_code = "RESOURCE_EXHAUSTED"

    def __init__(self, text: str, seconds: int | None = None) -> None:
        super().__init__(text)
        self.seconds = seconds


class Unsupported(StandInError):
    http_status = 501
    grpc_code = "UNIMPLEMENTED"


_SERVER_FAULTS = ("Service runtime error", "Service internal error", "IO Error")


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn the storage engine's exceptions into ours, at the one boundary they cross.

    The engine raises plain Exception with the server's own sentence, and ValueError or TypeError
    for arguments that it could not read at all.
    """
    try:
        yield
    except StandInError:
        raise
    except KeyError as error:
        raise BadInput(f"Format error in JSON body: missing field `{error.args[0]}`") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise BadInput(f"Format error in JSON body: {str(error).splitlines()[0]}") from error
    except Exception as error:
        text = str(error)
        if text.startswith(_SERVER_FAULTS):
            raise StandInError(text) from error
        raise BadInput(f"Wrong input: {text}") from error
