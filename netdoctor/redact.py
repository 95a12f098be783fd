"""The one place secrets are removed, before anything is printed, logged, bundled or reported."""

from __future__ import annotations

import hashlib
import re

MASK = "***"

_SECRET_NAME = re.compile(
    r"(?i)(pass(word|wd|phrase)?|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credential|auth|"
    r"(^|_)pwd|(^|_)key|bearer|cookie|session|salt|signing|encryption|dsn|license)"
)
_NOT_SECRET = re.compile(r"(?i)^(path|home|hostname|lang|term|shell|user|pwd|gpg_key)$")
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^/@\s\"'?#]*)@")
_QUERY = re.compile(
    r"(?i)(?P<name>[?&;]?(?:pass(?:word)?|pwd|token|api[_-]?key|secret|access[_-]?key|sig|signature|auth)=)[^&;\s\"']+"
)
_HEADER = re.compile(
    r"(?i)(?P<name>\b(?:authorization|api-key|x-api-key|cookie)\b\s*[:=]\s*(?:bearer\s+|basic\s+)?)[^\s\"',]+"
)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*")
_KNOWN_SHAPES = re.compile(r"\b(?:pcsk_|sk-|ghp_|gho_|glpat-|xox[abp]-|AKIA)[A-Za-z0-9_-]{8,}")


def looks_secret(name: str) -> bool:
    """Whether a variable's or label's name says that its value is a credential."""
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.match(name)


def redact_text(text: str) -> str:
    """Free text without URL userinfo, credentials in queries and headers, tokens of well-known shapes."""
    text = _USERINFO.sub(lambda found: f"{found['scheme']}{MASK}@", text)
    text = _QUERY.sub(lambda found: f"{found['name']}{MASK}", text)
    text = _HEADER.sub(lambda found: f"{found['name']}{MASK}", text)
    text = _JWT.sub(MASK, text)
    return _KNOWN_SHAPES.sub(MASK, text)


def redact_value(name: str, value: str, *, salt: bytes = b"") -> str:
    """A variable's value: masked whole when its name says so, else cleaned as text.

    With ``salt`` equal secrets stay equal within one document, without telling what they are.
    """
    if not value:
        return value
    if looks_secret(name):
        cleaned = redact_text(value)
        # A URL under a name like AUTH_URL is an address with a secret in it, not a secret: keep host and port.
        if "://" in value and not value.startswith("eyJ"):
            return cleaned
        if not salt:
            return MASK
        return f"{MASK}{hashlib.blake2b(value.encode(), key=salt[:64], digest_size=4).hexdigest()}"
    return redact_text(value)
