"""What an edit must come to, worked out by other code than the product's: PyYAML's own merging, and plain sets."""

from __future__ import annotations

import re
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Text(_BASE):  # type: ignore[misc]
    """A safe loader that resolves nothing but merge keys: every scalar is the text that was written."""


_Text.yaml_implicit_resolvers = {
    "<": [("tag:yaml.org,2002:merge", re.compile("^<<$"))],
}
_Text.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")


def load(data: bytes) -> Any:
    return yaml.load(data.decode("utf-8-sig"), Loader=_Text)


def listed(body: Any) -> dict[str, Any]:
    value = body.get("networks") if isinstance(body, dict) else None
    if isinstance(value, list):
        return {str(name): {} for name in value}
    return {name: options or {} for name, options in value.items()} if isinstance(value, dict) else {}


def effective(model: Any, service: str) -> dict[str, Any]:
    """The networks Compose connects, `extends` within the file followed, `default` where there are none."""
    found: dict[str, Any] = {}
    name: str | None = service
    mode = None
    while name is not None:
        body = model["services"][name]
        found = {**listed(body), **found}
        if not isinstance(body, dict):
            break
        mode = mode or body.get("network_mode")
        extends = body.get("extends")
        base = extends.get("service") if isinstance(extends, dict) and not extends.get("file") else extends
        name = base if isinstance(base, str) else None
    return found or ({} if mode else {"default": {}})


def real_names(model: Any) -> dict[str, str]:
    """Key to real name, for the networks whose name the file itself settles."""
    names = {}
    for key, entry in (model.get("networks") or {}).items():
        if not isinstance(entry, dict):
            continue
        external = entry.get("external")
        inner = external.get("name") if isinstance(external, dict) else None
        name = entry.get("name") or inner
        if name is None and (external == "true" or isinstance(external, dict)):
            name = key
        if name is not None:
            names[key] = name.replace("$$", "$")
    return names


def assert_joined(before: bytes, after: bytes, service: str, network: str) -> None:
    """Raise AssertionError unless `after` is `before` with `service` on `network` as well, and nothing else."""
    old, new = load(before), load(after)
    assert old["services"].keys() == new["services"].keys()
    for name in old["services"]:
        was, now = effective(old, name), effective(new, name)
        if name == service:
            keys = [key for key in now if real_names(new).get(key) == network]
            assert len(keys) == 1, f"{service} is on {network} under {keys}"
            assert {**was, keys[0]: now[keys[0]]} == now
        else:
            assert was == now, f"{name} changed"
            assert listed(old["services"][name]) == listed(new["services"][name])
        assert _rest(old["services"][name]) == _rest(new["services"][name])
    old_top, new_top = old.get("networks") or {}, new.get("networks") or {}
    added = new_top.keys() - old_top.keys()
    assert len(added) <= 1
    assert all(real_names(new)[key] == network and new_top[key]["external"] == "true" for key in added)
    assert {key: value for key, value in new_top.items() if key not in added} == old_top
    for key in (old.keys() | new.keys()) - {"services", "networks"}:
        assert old[key] == new[key]


def _rest(body: Any) -> Any:
    return {key: value for key, value in body.items() if key != "networks"} if isinstance(body, dict) else body
