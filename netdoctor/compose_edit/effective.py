"""Compose's meaning of a service: its networks after `extends` and other files, its network mode, its leaks."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from collections.abc import Mapping as EnvMapping
from dataclasses import dataclass, field, replace

from .model import Mapping, Tagged, Value, read
from .naming import RealName, interpolate, real_name, refuse_unless_text
from .refused import BY_HAND, REPAIR, EditRefused
from .text import SourceText

_COMPOSE_NAME = re.compile(r"(docker-)?compose([.-][^/]*)?\.ya?ml\Z")

ReadFile = Callable[[str], bytes | None]
"""Gives the bytes of a file that `extends` names (its path as written, relative to the edited file), or None."""


@dataclass(frozen=True, slots=True)
class Project:
    """One compose file and what is known around it."""

    model: Mapping
    others: tuple[Mapping, ...] = ()
    """The project's other compose files (several -f, an override file), whose networks unite with this file's."""
    path: str | None = None
    name: str | None = None
    environment: EnvMapping[str, str] | None = None
    read_file: ReadFile | None = None

    @property
    def top_networks(self) -> Mapping:
        """The top-level networks of all files."""
        result: Mapping = {}
        for model in (*self.others, self.model):
            section = model.get("networks")
            if isinstance(section, dict):
                result = _united(result, section)
        return result

    @property
    def project_name(self) -> str | None:
        """The given name, else the file's own `name:`."""
        if self.name:
            return self.name
        own = self.model.get("name")
        return interpolate(own, self.environment) if isinstance(own, str) and own else None

    def real(self, key: str) -> RealName:
        """The engine's name for the network that services call `key`."""
        return real_name(key, self.top_networks.get(key), self.project_name, self.environment)


@dataclass(frozen=True, slots=True)
class Membership:
    """What a service declares about its network, `extends` and other files included."""

    networks: Mapping
    """Key to options; empty when nothing is listed, which Compose reads as `default`."""
    elsewhere: Mapping = field(default_factory=dict)
    """The part of `networks` that comes from a base service or another file."""
    mode: str | None = None
    provider: bool = False

    @property
    def effective(self) -> Mapping:
        """The networks that Compose connects: `default` when none is listed and no network mode is set."""
        if self.networks or self.mode is not None:
            return self.networks
        return {"default": None}


def services(model: Mapping) -> Mapping:
    """The `services` section. Raises EditRefused when there is none."""
    section = model.get("services")
    if isinstance(section, Tagged):
        raise EditRefused(f"services carries the tag {section.tag}", BY_HAND, section.line)
    if isinstance(section, dict):
        return section
    if section is None and "services" not in model and any(_looks_like_v1(value) for value in model.values()):
        raise EditRefused(
            "the file has no services section; it is in the format of Compose before 2016",
            "Put the services under a top-level `services:` key; current Compose reads nothing else.",
        )
    raise EditRefused("the file has no services section", "Name the compose file that defines the service.")


def membership(project: Project, service: str, *, lenient: bool = False) -> Membership:
    """The membership of `service`. `lenient` leaves out a base in another file instead of refusing."""
    result = _of_model(project, project.model, service, project.path, project.read_file, frozenset(), lenient)
    for model in project.others:
        section = model.get("services")
        if isinstance(section, dict) and service in section:
            other = _of_model(project, model, service, None, project.read_file, frozenset(), lenient=True)
            result = replace(
                result,
                networks=_united(other.networks, result.networks),
                elsewhere=_united(other.networks, result.elsewhere),
                mode=result.mode if result.mode is not None else other.mode,
                provider=result.provider or other.provider,
            )
    return result


def listed(value: Value, service: str) -> Mapping:
    """The value of a `networks` key as name to options; null, `[]` and `{}` give an empty mapping."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, Tagged):
        raise EditRefused(f"the networks of service {service!r} carry the tag {value.tag}", BY_HAND, value.line)
    if isinstance(value, list):
        names = [refuse_unless_text(item, service) for item in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise EditRefused(f"service {service!r} lists the network {twice[0]!r} twice", REPAIR)
        return dict.fromkeys(names)
    raise EditRefused(f"the networks of service {service!r} are neither a list nor a mapping", REPAIR)


def first_tag(value: Value) -> Tagged | None:
    """The first value with a tag of its own (`!reset`, `!override`) inside `value`."""
    if isinstance(value, Tagged):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for found in map(first_tag, parts) if found is not None), None)


def dependents(project: Project, service: str) -> list[str]:
    """The services of the file that extend `service` and would inherit an edit of it."""
    found = []
    for name, body in services(project.model).items():
        base, file = _extends(body)
        if name != service and base == service and (file is None or may_be_self(project, file)):
            found.append(name)
    return found


def may_be_self(project: Project, file: str) -> bool:
    """True when the path in an `extends` is the edited file, or looks like it where that file's name is not known."""
    plain = posixpath.normpath(file)
    if project.path is not None:
        return plain == posixpath.basename(project.path)
    return _COMPOSE_NAME.match(plain) is not None


def _of_model(
    project: Project,
    model: Mapping,
    service: str,
    path: str | None,
    read_file: ReadFile | None,
    seen: frozenset[tuple[str, str]],
    lenient: bool,
) -> Membership:
    section = services(model)
    if service not in section:
        raise unknown_service(model, service)
    body = section[service]
    if not isinstance(body, dict):
        body = {}
    own = listed(body.get("networks"), service) if not lenient else _listed_leniently(body.get("networks"))
    mode = body.get("network_mode")
    text_mode = mode if isinstance(mode, str) and mode else None
    result = Membership(own, {}, text_mode, provider="provider" in body)
    base, file = _extends(body)
    if base is None:
        return result
    step = (file or "", base)
    if step in seen:
        raise EditRefused(f"service {service!r} extends itself", REPAIR)
    if file is None or (project.path is not None and model is project.model and may_be_self(project, file)):
        if base not in section:
            if lenient:
                return result
            raise EditRefused(f"service {service!r} extends {base!r}, which is not in the file", REPAIR)
        inherited = _of_model(project, model, base, path, read_file, seen | {step}, lenient)
    else:
        data = read_file(file) if read_file is not None and "$" not in file else None
        if data is None:
            if lenient:
                return result
            raise EditRefused(
                f"service {service!r} extends a service of {file!r}, and that file is not at hand",
                "Give that file as well, or add the network by hand.",
            )
        folder = posixpath.dirname(file)
        nested: ReadFile = lambda name: read_file(posixpath.join(folder, name)) if read_file else None  # noqa: E731
        other = read(SourceText.decode(data))
        inherited = _of_model(project, other, base, file, nested, seen | {step}, lenient)
    return Membership(
        _united(inherited.networks, own),
        inherited.networks,
        text_mode if text_mode is not None else inherited.mode,
        result.provider or inherited.provider,
    )


def unknown_service(model: Mapping, service: str) -> EditRefused:
    """The refusal for a service that the file does not define."""
    section = model.get("services")
    names = sorted(section) if isinstance(section, dict) else []
    if "include" in model:
        return EditRefused(
            f"the file does not define service {service!r} itself; it includes other files",
            "Edit the included file that defines the service.",
        )
    return EditRefused(f"the file has no service {service!r}", f"Services in this file: {', '.join(names) or 'none'}.")


def _extends(body: Value) -> tuple[str | None, str | None]:
    """The base service and its file (None: the same file) of a service body."""
    value = body.get("extends") if isinstance(body, dict) else None
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict):
        base, file = value.get("service"), value.get("file")
        return (base if isinstance(base, str) else None), (file if isinstance(file, str) else None)
    return None, None


def _listed_leniently(value: Value) -> Mapping:
    try:
        return listed(value, "")
    except EditRefused:
        return {}


def _united(base: Mapping, own: Mapping) -> Mapping:
    """Networks of a base and of what builds on it, as Compose unites them: lists of aliases are joined."""
    result = dict(base)
    for key, value in own.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = {**before, **{name: _joined(before.get(name), inner) for name, inner in value.items()}}
        else:
            result[key] = value or before
    return result


def _joined(before: Value, value: Value) -> Value:
    if isinstance(before, list) and isinstance(value, list):
        return before + [item for item in value if item not in before]
    return value


def _looks_like_v1(value: Value) -> bool:
    return isinstance(value, dict) and ("image" in value or "build" in value)
