"""The one place secrets are removed, before anything is printed, logged, bundled or reported."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

MASK = "***"

_SECRET_NAME = re.compile(
    r"(?i)(pass(word|wd|phrase|code)?|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|"
    r"auth(?!ors?$|ority$)|(^|[_.-])pwd|(^|[_.-])keys?($|[_.-]|id|file)|bearer|cookie|session|salt|signing|signature|encryption|dsn|license|webhook)"
)
_NOT_SECRET = re.compile(r"(?i)^(path|home|hostname|lang|term|shell|user|pwd|gpg_key)$")
_ADDRESS_NAME = re.compile(r"(?i)(url|uri|dsn|host|hostname|addr|address|endpoint|server|origin|domain)s?$")
"""Names whose value is an address, even when another part of the name sounds like a credential: AUTH_SERVER."""
_ORIGIN = re.compile(
    r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>\*\*\*@)?(?P<host>[^/?#\s]*)(?P<rest>.*)$", re.S
)
_PLAIN_ADDRESS = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:\d{1,5})?$")

_SCHEME = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,31}://)"
_USERINFO = re.compile(_SCHEME + r"[^/\s\"'?#]{0,999}@")
# People write passwords into URLs without encoding them: user, colon, anything, the last @ that can end it.
_RAW_USERINFO = re.compile(_SCHEME + r"[^:/@\s\"']{0,99}:(?!\d{1,5}(?:[/?#]|$))[^\s\"']{0,999}@")
# ... an @ and a / both in it: the host comes after the last @ that a legal end of an address follows. A path like
# /@scope is none, and what stands behind ? is the query's own.
_RAWEST_USERINFO = re.compile(
    _SCHEME
    + r"[^:/@\s\"'?#]{0,99}:(?:(?!://)[^\s\"'?#@]){0,500}@(?:(?!://)[^\s\"'?#]){0,500}[^/\s\"'?#]@(?=[A-Za-z0-9_\[])"
)
# The same without a scheme: user:password@host:port, user:password@tcp(db:3306)/x. An image's name:tag@sha256: is none.
_BARE_USERINFO = re.compile(
    r"(?<![A-Za-z0-9_.*/@:+-])[A-Za-z0-9_][A-Za-z0-9_.%+-]{0,63}:(?!//)[^\s\"'<>]{1,500}@(?!sha\d+:)(?=[A-Za-z0-9_\[(])"
)
_QUERY = re.compile(
    r"(?i)(?P<name>[?&](?:[^=&\s]*(?:pass|pwd|token|secret|sig|auth|key|credential)[^=&\s]*)=)[^&#;\s\"']+"
)
# NAME=value in text, and "name": "value" in JSON: the name says what the value is.
_ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9_.-])(?P<name>[A-Za-z_-][A-Za-z0-9_.-]*)(?P<sep>=)(?P<value>\"[^\"]*\"|'[^']*'|[^\s&;,\"')\]}]+)"
)
_QUOTED = re.compile(
    r"(?P<name>[\"'][A-Za-z_][A-Za-z0-9_. -]*[\"'])(?P<sep>\s*:\s*)(?P<value>\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?)"
)
_HEADER = re.compile(r"(?i)(?P<name>\b(?:proxy-)?(?:authorization|set-cookie|cookie)\b\s*[:=]\s*)[^\r\n\"']+")
_KEY_HEADER = re.compile(r"(?i)(?P<name>\b(?:x-)?(?:api|auth|access)[-_]?(?:key|token)\b\s*[:=]\s*)[^\s\"',]+")
_BEARER = re.compile(r"(?i)(?P<name>\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*")
_KNOWN_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:pcsk_|sk-|sk_live_|sk_test_|rk_live_|ghp_|gho_|ghs_|github_pat_|glpat-|hf_|npm_|pypi-|dop_v1_|"
    r"xox[abprs]-|AKIA|ASIA|AIza)[A-Za-z0-9_-]{8,}"
)
_PASSWORD = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]{0,31}://[^:/@\s\"'?#]{0,99}:(?P<password>[^\s\"']{1,999})@")
_LONG_ENOUGH = 6
"""Characters; a shorter secret is too often an ordinary word as well."""
_NO_WORD = 8
_CONCEALED: set[str] = set()
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)


def looks_secret(name: str) -> bool:
    """Whether a variable's or label's name says that its value is a credential."""
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.match(name)


def conceal(secret: str) -> None:
    """A credential that this process holds: whoever it is shown to may say it again, bare. Short ones are words."""
    if len(secret) >= _NO_WORD:
        _CONCEALED.add(secret)


def reveal_all() -> None:
    """A run is over; what the next one in this process holds is its own."""
    _CONCEALED.clear()


def redact_text(text: str) -> str:
    """Free text without URL userinfo, credentials in queries, headers and assignments, tokens of known shapes, and
    without what was given to :func:`conceal`."""
    for secret in sorted(_CONCEALED, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _PEM.sub(MASK, text)
    if "://" in text:
        text = _RAWEST_USERINFO.sub(_bare, text)
        text = _USERINFO.sub(_bare, text)
        text = _RAW_USERINFO.sub(_bare, text)
        text = _QUERY.sub(_named, text)
    if "@" in text:
        text = _BARE_USERINFO.sub(f"{MASK}@", text)
    text = _HEADER.sub(_named, text)
    text = _KEY_HEADER.sub(_named, text)
    text = _BEARER.sub(_named, text)
    text = _QUOTED.sub(_assigned, text)
    text = _ASSIGNED.sub(_assigned, text)
    text = _JWT.sub(MASK, text)
    return _KNOWN_SHAPES.sub(MASK, text)


def redact_value(name: str, value: str, *, salt: bytes = b"") -> str:
    """A variable's value: masked whole when its name says so, else cleaned as text.

    With ``salt`` equal secrets stay equal within one document, without telling what they are.
    """
    if not value:
        return value
    if not looks_secret(name):
        return redact_text(value)
    if _ADDRESS_NAME.search(name):
        address = _address(name, value)
        if address is not None:
            return address
    if not salt:
        return MASK
    return f"{MASK}{hashlib.blake2b(value.encode('utf-8', 'surrogatepass'), key=salt[:64], digest_size=4).hexdigest()}"


def secrets_among(pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """What variables and labels say is a credential, and passwords in their addresses: a log may repeat it bare."""
    found = set()
    for name, value in pairs:
        if looks_secret(name) and redact_value(name, value) == MASK:
            found.add(value)
        password = _PASSWORD.match(value)
        if password is not None:
            found.add(password["password"])
    return frozenset(value for value in found if len(value) >= _LONG_ENOUGH)


def without(secrets: frozenset[str], text: str) -> str:
    """Text in which none of these values stands, cleaned as any other."""
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, MASK)
    return redact_text(text)


def redacted(data: object) -> object:
    """A document's data (mappings, lists, scalars) with every string in it cleaned; for JSON that is no report."""
    if isinstance(data, dict):
        return {key: redacted(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [redacted(each) for each in data]
    return redact_text(data) if isinstance(data, str) else data


def _address(name: str, value: str) -> str | None:
    """AUTH_URL holds an address with a secret in it: scheme, host and port stay, the rest goes. None: no address."""
    if _PLAIN_ADDRESS.match(value) and not name.lower().endswith("dsn"):
        return value
    found = _ORIGIN.match(redact_text(value))
    if found is None or "@" in found["host"]:
        return None
    rest = found["rest"]
    return f"{found['scheme']}{found['userinfo'] or ''}{found['host']}{rest if rest in ('', '/') else f'/{MASK}'}"


def _bare(found: re.Match[str]) -> str:
    return f"{found['scheme']}{MASK}@"


def _named(found: re.Match[str]) -> str:
    return f"{found['name']}{MASK}"


def _assigned(found: re.Match[str]) -> str:
    if not looks_secret(found["name"].strip("\"'")):
        return found[0]
    value = found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    if not value.strip("\"'"):
        return found[0]
    return f"{found['name']}{found['sep']}{quote}{MASK}{quote}"
