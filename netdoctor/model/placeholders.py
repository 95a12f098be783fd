"""Values that stand where an address should be: empty, unfilled, samples. Pure.

A value may hold a secret, so nothing here gives one out: only host names and words for what is wrong.
"""

from __future__ import annotations

import re

SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_UNFILLED = re.compile(r"\$\{[^}]*\}?|\$\([A-Za-z_]\w*\)|\{\{.*?\}\}|^\$[A-Za-z_]\w*$|%[A-Z][A-Z0-9_]+%")
_ANGLED = re.compile(r"<[^<>]*>")
_SAMPLE = re.compile(
    r"^(?:change[-_]?(?:me|this|it)|replace[-_]?(?:me|this)|place[-_]?holder|todo|fixme|tbd|x{3,}|undefined|null|nan"
    r"|(?:the[-_])?your[-_.]?\w[\w.-]*|(?:insert|enter|put|add|set)[-_][\w.-]+|[\w.-]+[-_]here)$",
    re.IGNORECASE,
)
_RESERVED = re.compile(r"^(?:[\w-]+\.)*(?:example(?:\.(?:com|org|net))?|invalid)$", re.IGNORECASE)
"""Names that belong to nobody, by RFC 2606; documentation is full of them, and so are settings that do not matter."""


def host_of(value: str) -> str:
    """The host part, read leniently: after the last ``@``, before port and path. May be no legal host at all."""
    text = SCHEME.sub("", value.strip().strip("\"'"))
    authority = re.split(r"[/?#]", text.rpartition("@")[2], maxsplit=1)[0]
    if authority.startswith("["):
        return authority.partition("]")[0].strip("[")
    return authority.partition(":")[0]


def placeholder(value: str) -> tuple[str, bool] | None:
    """What is there instead of an address, and whether nothing else can be meant; None for what may be one."""
    bare = value.strip().strip("\"'").strip()
    if not bare:
        return "is empty", True
    host = host_of(bare)
    if _UNFILLED.search(host) or _UNFILLED.fullmatch(bare) or host.startswith("$"):
        return "holds a variable that nobody filled in", True
    if _ANGLED.fullmatch(bare) or _ANGLED.search(host):
        return "holds a <...> to be filled in", True
    if SCHEME.match(bare) and not host:
        # file:///x and unix:///x are addresses without a host.
        return ("names no host", True) if bare.lower().startswith(("http://", "https://")) else None
    if _SAMPLE.match(host):
        return f"holds the sample value {host}", True
    return (f"holds the sample name {host}", False) if _RESERVED.match(host) else None
