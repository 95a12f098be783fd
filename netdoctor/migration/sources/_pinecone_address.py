"""Which index is meant: ``pinecone:NAME``, ``pinecone:HOST`` or ``pinecone:https://HOST``. And with which key."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from netdoctor.errors import UsageError
from netdoctor.files import read_key as read_file
from netdoctor.migration.sources.interface import Access
from netdoctor.redact import conceal

SCHEME = "pinecone:"
CONTROLLER = "https://api.pinecone.io"
EXAMPLE = "for example pinecone:my-index, or pinecone:https://my-index-abc123.svc.us-east-1-aws.pinecone.io"


@dataclass(frozen=True, slots=True)
class IndexAddress:
    """``name`` of the index, or ``host``: its URL without a path. One of them is "".

    ``controller``: the URL that knows hosts by name.
    """

    name: str
    host: str
    controller: str = CONTROLLER

    @property
    def label(self) -> str:
        return f"{SCHEME}{self.name or self.host.partition('://')[2]}"


def read_address(given: str, access: Access) -> IndexAddress:
    """``--source-option host=`` wins over the controller; ``controller=`` (or PINECONE_CONTROLLER_HOST) replaces it.

    Raises UsageError.
    """
    text = given.removeprefix(SCHEME)
    options = access.options
    if not text:
        raise UsageError("Which Pinecone index?", hint=EXAMPLE)
    host = options.get("host", "")
    if "://" in text or "." in text or ":" in text:
        host, text = text, ""
    controller = options.get("controller") or access.environment.get("PINECONE_CONTROLLER_HOST") or CONTROLLER
    return IndexAddress(text, url_of(host) if host else "", url_of(controller))


def number_option(access: Access, name: str, default: int, most: int) -> int:
    """Raises UsageError."""
    text = access.options.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise UsageError(f"The option {name}={text} of a Pinecone index is no number from 1 to {most}.")
    return int(text)


def url_of(text: str, scheme: str = "") -> str:
    """Scheme and authority; https unless said otherwise. A key travels in clear text only where nobody listens.

    Raises UsageError.
    """
    try:
        parts = urlsplit(text if "://" in text else f"{scheme or ('http' if _near(text) else 'https')}://{text}")
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError as error:
        raise UsageError("This is no index host.", hint=EXAMPLE) from error
    if not good or parts.username or parts.password or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError("This is no index host.", hint=EXAMPLE)
    if parts.scheme == "http" and not _near(parts.netloc):
        raise UsageError(
            f"The API key would travel to {parts.hostname} in clear text.", hint=f"use https://{parts.netloc}"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _near(netloc: str) -> bool:
    """This machine, a private address, or a bare name as containers have them (an emulator for tests)."""
    host = urlsplit(f"//{netloc}").hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private


def read_key(access: Access) -> str:
    """File, then PINECONE_API_KEY. Raises UsageError; the key is never in a message."""
    if access.api_key_file is not None:
        try:
            key = read_file(access.api_key_file)
        except OSError as error:
            raise UsageError(
                f"The key file {access.api_key_file} cannot be read: {error.strerror or error}.",
                hint="Name a file that holds the key, and nothing else.",
            ) from error
    else:
        key = access.environment.get("PINECONE_API_KEY", "").strip()
    if not key:
        raise UsageError(
            "There is no Pinecone API key.",
            hint="set PINECONE_API_KEY, or name the file that holds it with --source-key-file",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError("The Pinecone API key holds characters that no key has.", hint="copy it again, one line")
    conceal(key)
    return key
