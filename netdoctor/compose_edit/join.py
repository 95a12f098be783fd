"""The decision: what has to be added so that one service joins one more network, and nothing else changes."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Mapping as EnvMapping
from collections.abc import Sequence
from dataclasses import replace

from . import gates, place, splice
from .edit import Edit
from .effective import Project, ReadFile, listed, membership, services
from .gates import Intent
from .loader import template_refusal
from .locate import Kind, Located, Span, child, locate
from .model import Mapping, read
from .naming import check_alias, check_network, choose_key
from .notices import notices
from .refused import EditRefused, use_override
from .render import Style, aliases_value
from .splice import Piece
from .target import Target, explain_leak, find, refuse_dependents, sharing
from .text import SourceText

_TEMPLATE_ENDINGS = (".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".gotmpl", ".template", ".erb", ".mustache", ".hbs")


def plan_join(
    source: bytes,
    service: str,
    network: str,
    aliases: Sequence[str] = (),
    *,
    path: str | None = None,
    project: str | None = None,
    environment: EnvMapping[str, str] | None = None,
    others: Sequence[bytes] = (),
    read_file: ReadFile | None = None,
) -> Edit:
    """Plan that `service` joins the existing network whose real name is `network`, beside its present networks.

    Args:
        source: the bytes of a compose file.
        aliases: further names of the service on that network.
        path: the file's name, to recognise templates and services that extend this very file.
        project: Compose's project name, to recognise a network that the project itself creates.
        environment: the variables Compose would fill in; without it a name with a variable in it is not compared.
        others: the project's other compose files, whose networks unite with this file's.
        read_file: gives the bytes of a file that an `extends` names.

    Returns an Edit with the same bytes when the service has joined already. Raises EditRefused.
    """
    check_network(network)
    for alias in aliases:
        check_alias(alias)
    text, located, known = _load(source, path, project, environment, others, read_file)
    target = find(known, text, located, service)
    key, declares = key_for(known, target.member.effective, network)
    intent = Intent(target.name, key, network, tuple(dict.fromkeys(aliases)), declares)
    missing = _missing_aliases(target, intent)
    joined = key in target.member.effective
    if joined and not declares and not missing:
        return Edit(source, source, (), target.name, key, True)
    if not joined or missing:
        refuse_dependents(known, target, text)
    style = place.detect_style(text, located, target.section, target.span)
    in_service = [] if joined and not missing else _service_pieces(text, target, intent, missing, style)
    on_top = _declaration_pieces(text, located, intent, target) if declares else []
    edit = _first_sound(known, source, text, in_service, on_top, intent, located, target)
    return replace(edit, notices=notices(known, target, intent, edit, text, located))


def join_network(source: bytes, service: str, network: str, *, aliases: Sequence[str] = ()) -> bytes:
    """The bytes of the file after `service` has joined `network` (a real name); see `plan_join`."""
    return plan_join(source, service, network, aliases).result


def is_joined(
    source: bytes,
    service: str,
    network: str,
    *,
    project: str | None = None,
    environment: EnvMapping[str, str] | None = None,
    others: Sequence[bytes] = (),
    read_file: ReadFile | None = None,
) -> bool:
    """True when the file says that `service` is on the network whose real name is `network`."""
    known = load_project(source, project=project, environment=environment, others=others, read_file=read_file)
    name, _ = sharing(known, service)
    return any(_is_real(known, key, network) for key in membership(known, name).effective)


def load_project(
    source: bytes,
    *,
    project: str | None = None,
    environment: EnvMapping[str, str] | None = None,
    others: Sequence[bytes] = (),
    read_file: ReadFile | None = None,
) -> Project:
    """The model of a file and what is known around it, for readers that do not edit."""
    return _load(source, None, project, environment, others, read_file)[2]


def key_for(known: Project, effective: Mapping, network: str) -> tuple[str, bool]:
    """The key for the network whose real name is `network`, and whether the file has yet to declare it."""
    top = known.top_networks
    same = [key for key in dict.fromkeys((*effective, *top, "default")) if _is_real(known, key, network)]
    if same:
        return same[0], False
    # A service may list a network that nobody declares: Compose rejects the file until it is declared.
    undeclared = network in effective and network not in top and network != "default"
    taken = frozenset(top) | {name for body in services(known.model).values() for name in _named(body)}
    return (network if undeclared else choose_key(network, taken)), True


def _load(
    source: bytes,
    path: str | None,
    project: str | None,
    environment: EnvMapping[str, str] | None,
    others: Sequence[bytes],
    read_file: ReadFile | None,
) -> tuple[SourceText, Located, Project]:
    if path is not None and posixpath.splitext(path.lower())[1] in _TEMPLATE_ENDINGS:
        raise template_refusal(None)
    text = SourceText.decode(source)
    located = locate(text)
    models = []
    for other in others:
        other_text = SourceText.decode(other)
        locate(other_text)
        models.append(read(other_text))
    return text, located, Project(read(text), tuple(models), path, project, environment, read_file)


def _is_real(known: Project, key: str, network: str) -> bool:
    declared = key in known.top_networks or key == "default"
    return declared and known.real(key).name == network


def _named(body: object) -> list[str]:
    networks = body.get("networks") if isinstance(body, dict) else None
    return [name for name in networks if isinstance(name, str)] if isinstance(networks, list | dict) else []


def _missing_aliases(target: Target, intent: Intent) -> tuple[str, ...]:
    options = target.member.effective.get(intent.key)
    present = options.get("aliases") if isinstance(options, dict) else None
    return tuple(alias for alias in intent.aliases if not isinstance(present, list) or alias not in present)


def _service_pieces(
    text: SourceText, target: Target, intent: Intent, missing: tuple[str, ...], style: Style
) -> list[Piece]:
    """The places for the service's part of the edit."""
    own = child(target.span, "networks")
    inherited = listed(target.body.get("networks"), target.name)
    wanted: Mapping = {intent.key: aliases_value(missing)}
    if own is None:
        # A key of the service's own replaces what a merge brings, so that has to be written out.
        base = inherited or ({} if target.member.elsewhere else {"default": None})
        present = base.get(intent.key)
        if isinstance(present, dict) and missing:
            old = present.get("aliases")
            wanted = {intent.key: {**present, "aliases": [*(old if isinstance(old, list) else []), *missing]}}
        return place.networks_key(text, target.span, {**base, **wanted}, style)
    key, value = own
    if intent.key in inherited:
        entry = child(value, intent.key) if value.kind is Kind.MAPPING else None
        if entry is None:
            raise _no_room_for_aliases(text, key)
        return place.aliases(text, *entry, missing, style)
    if not inherited and not target.member.elsewhere:
        wanted = {"default": None, **wanted} if intent.key != "default" else wanted
    if missing and value.kind is Kind.SEQUENCE:
        raise _no_room_for_aliases(text, key)
    return place.network_entries(text, key, value, wanted, style)


def _no_room_for_aliases(text: SourceText, key: Span) -> EditRefused:
    return use_override("the networks of the service are a list, which has no room for aliases", text.line(key.start))


def _declaration_pieces(text: SourceText, located: Located, intent: Intent, target: Target) -> list[Piece]:
    services_pair = child(located.root, "services")
    assert services_pair is not None
    style = replace(Style(json=located.root.flow), step=place.section_step(located, target.section))
    pair = child(located.root, "networks")
    return place.declaration(text, located, pair, services_pair[0], intent.key, intent.network, style)


def _first_sound(
    known: Project,
    source: bytes,
    text: SourceText,
    in_service: list[Piece],
    on_top: list[Piece],
    intent: Intent,
    located: Located,
    target: Target,
) -> Edit:
    """The first combination of places that only adds lines and passes the gates, else the first that passes them."""
    parts = [part for part in (in_service, on_top) if part]
    plans = [splice.insertions(text, choice) for choice in itertools.product(*parts)]
    plans.sort(key=lambda plan: not splice.only_adds_lines(source, plan))
    failure: EditRefused | None = None
    for plan in plans:
        try:
            result = gates.check(known, source, plan, intent)
        except EditRefused as refused:
            failure = failure or refused
            continue
        return Edit(source, result, plan, target.name, intent.key, splice.only_adds_lines(source, plan))
    touched = [located.root, target.section, target.span]
    for mapping in (target.span, located.root):
        pair = child(mapping, "networks")
        touched += [pair[1]] if pair is not None else []
    raise explain_leak(failure or use_override("there is no place for the edit"), text, located, touched)
