"""Network names: which Docker network a declared key means, which key to use, how to write it down."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as EnvMapping
from dataclasses import dataclass

from .model import Mapping, Value
from .refused import BY_HAND, EditRefused

_KEY = re.compile(r"[A-Za-z0-9._-]+\Z")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
# Words that YAML 1.1 or 1.2 reads as something else than text.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_VARIABLE = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?-)([^${}]*))?\}|)")
_PREDEFINED = {
    "host": "the host's own network stack cannot be joined in addition to other networks",
    "none": "the network none has nobody to talk to",
    "bridge": "the predefined bridge network gives no names to its members",
}


@dataclass(frozen=True, slots=True)
class RealName:
    """What a top-level network entry is called in the engine."""

    name: str | None
    """None when it cannot be told from the text: no project name is known, or an unresolved variable is in it."""
    interpolated: bool = False
    external: bool = False


def check_network(network: str) -> None:
    """Raise EditRefused when no container can join `network` beside its other networks, or it is no name at all."""
    if not network.strip() or any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in network):
        raise EditRefused("the network name is empty or holds control characters", "Give the name of a Docker network.")
    if network in _PREDEFINED:
        raise EditRefused(
            _PREDEFINED[network], "Create a network of your own (`docker network create NAME`) and join that one."
        )


def check_alias(alias: str) -> None:
    """Raise EditRefused for an alias that is not a host name."""
    if not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", alias):
        raise EditRefused(
            f"{alias!r} is not a host name", "Give aliases of letters, digits, dots, dashes, underscores."
        )


def interpolate(text: str, environment: EnvMapping[str, str] | None) -> str | None:
    """`text` with Compose's variables filled in; None when that takes a value that is not known.

    A text without variables needs no environment. Only `$NAME`, `${NAME}`, `${NAME:-x}` and `${NAME-x}` are understood.
    """
    unknown = False

    def fill(match: re.Match[str]) -> str:
        nonlocal unknown
        if match.group(0) == "$$":
            return "$"
        name = match.group(1) or match.group(2)
        if not name or environment is None:
            unknown = True
            return ""
        value = environment.get(name)
        default = match.group(3)
        if value is None or (value == "" and default == ":-"):
            return match.group(4) or ""
        return value

    result = _VARIABLE.sub(fill, text)
    return None if unknown else result


def real_name(key: str, entry: Value, project: str | None, environment: EnvMapping[str, str] | None) -> RealName:
    """The engine's name of the top-level network `key`, declared as `entry`."""
    options: Mapping = entry if isinstance(entry, dict) else {}
    external = options.get("external")
    name = options.get("name")
    is_external = False
    if isinstance(external, dict):
        is_external = True
        name = name if name is not None else external.get("name")
    elif isinstance(external, str):
        text = interpolate(external, environment)
        if text is None:
            return RealName(None, interpolated=True)
        is_external = text.lower() in ("true", "yes", "on", "y", "1")
    if isinstance(name, str) and name:
        filled = interpolate(name, environment)
        return RealName(filled, interpolated=filled is None, external=is_external)
    if is_external:
        return RealName(key, external=True)
    return RealName(f"{project}_{key}" if project else None)


def choose_key(network: str, taken: frozenset[str]) -> str:
    """A free top-level key for the network whose real name is `network`: its own name where that is possible."""
    if _KEY.match(network) and network not in taken and network != "default":
        return network
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", network).strip("-.") or "network"
    candidate = stem if stem != network and stem != "default" else f"{stem}-external"
    number = 2
    while candidate in taken:
        candidate = f"{stem}-external" if number == 2 else f"{stem}-external-{number - 1}"
        number += 1
    return candidate


def written(text: str, *, quoted: bool = False) -> str:
    """`text` as a YAML scalar that is read as text by YAML 1.1 and 1.2: plain where possible, else double-quoted."""
    if not quoted and _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def written_value(text: str, *, quoted: bool = False) -> str:
    """Like `written`, for a place where Compose fills in variables: a dollar sign stays one."""
    return written(text.replace("$", "$$"), quoted=quoted)


def refuse_unless_text(item: Value, service: str) -> str:
    """The item of a `networks` list as text."""
    if not isinstance(item, str) or not item:
        raise EditRefused(f"the networks of service {service!r} are not a list of names", BY_HAND)
    return item
