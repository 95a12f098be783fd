"""The way out for a file that must not be edited: an override file beside it, new or added to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping as EnvMapping
from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import gates, place, render, splice
from .edit import Edit
from .effective import Membership, Project, ReadFile, listed, membership, services
from .join import key_for, load_project, plan_join
from .locate import Kind, Located, Span, child, locate
from .model import Mapping, read
from .naming import check_alias, check_network, written
from .refused import BY_HAND, REPAIR, EditRefused
from .render import Style, aliases_value
from .splice import Insertion
from .target import sharing
from .text import SourceText

_NOTICE = "The service is made anew at the next `up`, and its name becomes an alias on the network."


def override_for(
    source: bytes,
    service: str,
    network: str,
    aliases: Sequence[str] = (),
    *,
    project: str | None = None,
    environment: EnvMapping[str, str] | None = None,
    others: Sequence[bytes] = (),
    read_file: ReadFile | None = None,
) -> bytes:
    """The text of a compose.override.yaml by which `service` joins `network` (a real name).

    Compose unites its networks with those of `source`, after anchors and `extends`, so it leaks nowhere. It is read
    without being named only when Compose runs without -f and no other override exists. The keyword arguments are those
    of `plan_join`.
    Raises EditRefused when `source` cannot be read, or the service's network mode leaves no room for networks.
    """
    known = load_project(source, project=project, environment=environment, others=others, read_file=read_file)
    wanted = _wanted(known, service, network, aliases)
    lines = ["services:", *wanted.lines(2, Style())]
    if wanted.declares:
        lines += ["", "networks:", *render.declaration(wanted.key, network, 2, 2)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def plan_override(
    existing: bytes | None,
    source: bytes,
    service: str,
    network: str,
    aliases: Sequence[str] = (),
    *,
    project: str | None = None,
    environment: EnvMapping[str, str] | None = None,
    others: Sequence[bytes] = (),
    read_file: ReadFile | None = None,
) -> Edit:
    """Plan the override file beside `source` (and `others`): a new one, or the lines that `existing` needs.

    `existing` is None where there is no override file; it is not to be among `others`. What is added is insertions
    only, as in `plan_join`. Returns an Edit without a change when the files say it already. Raises EditRefused.
    """
    known = load_project(
        source,
        project=project,
        environment=environment,
        others=(*others, *((existing,) if existing is not None else ())),
        read_file=read_file,
    )
    wanted = _wanted(known, service, network, aliases)
    joined = wanted.key in wanted.member.effective and not wanted.declares and not aliases
    if joined:
        here = existing if existing is not None else b""
        return Edit(here, here, (), wanted.service, wanted.key, True)
    if existing is None:
        made = override_for(
            source,
            service,
            network,
            aliases,
            project=project,
            environment=environment,
            others=others,
            read_file=read_file,
        )
        return Edit(b"", made, (Insertion(0, made),), wanted.service, wanted.key, True, (_NOTICE,))
    text = SourceText.decode(existing)
    located = locate(text)
    model = read(text)
    if wanted.service in _section(model):
        return plan_join(
            existing,
            wanted.service,
            network,
            aliases,
            project=project,
            environment=environment,
            others=(source, *others),
            read_file=read_file,
        )
    failure: EditRefused | None = None
    for plan in _plans(existing, text, located, wanted):
        try:
            return _checked(existing, plan, known, model, wanted)
        except EditRefused as refused:
            failure = failure or refused
    raise failure or EditRefused("there is no place for the lines in the override file", BY_HAND)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the override file has to say: one service, its further networks, perhaps the network's declaration."""

    service: str
    member: Membership
    key: str
    network: str
    declares: bool
    networks: Mapping
    """What the override file lists: the new one, and `default` where nothing is listed anywhere."""

    def lines(self, column: int, style: Style) -> list[str]:
        """The service's entry, its name at `column`."""
        step = style.step
        head = [" " * column + f"{written(self.service)}:"]
        if self.member.mode is not None:
            head.append(" " * (column + step) + "network_mode: !reset null")
        return head + render.block_networks(self.networks, column + step, style)

    def flow(self, style: Style) -> str:
        return f"{written(self.service, quoted=style.json)}: {{{render.flow_networks(self.networks, style)}}}"


def _wanted(known: Project, service: str, network: str, aliases: Sequence[str]) -> _Wanted:
    check_network(network)
    for alias in aliases:
        check_alias(alias)
    name, _ = sharing(known, service)
    member = membership(known, name)
    if member.mode is not None and member.mode != "bridge":
        raise EditRefused(
            f"service {name!r} has network_mode {member.mode!r}, which excludes networks",
            "Remove `network_mode` from the service, then try again.",
        )
    if member.provider:
        raise EditRefused(
            f"service {name!r} is run by a provider, and Compose ignores its networks",
            "Connect what the provider creates by the provider's own means.",
        )
    key, declares = key_for(known, member.effective, network)
    entries: Mapping = {key: aliases_value(aliases)}
    if not member.networks and member.mode is None and key != "default":
        entries = {"default": None, **entries}
    return _Wanted(name, member, key, network, declares, entries)


def _plans(existing: bytes, text: SourceText, located: Located, wanted: _Wanted) -> list[tuple[Insertion, ...]]:
    """The ways to add the service, which the override file does not name yet; those that only add lines first."""
    pair = child(located.root, "services")
    if pair is None or pair[1].kind is not Kind.MAPPING or not pair[1].items:
        raise EditRefused("the override file has no services to add to", BY_HAND)
    section = pair[1]
    if wanted.member.mode is not None:
        raise EditRefused("the service's network_mode has to be reset in the override file", BY_HAND)
    for part in (located.root, section):
        if part.tag is not None:
            raise EditRefused(f"the tag {part.tag} stands in what would be edited", BY_HAND, text.line(part.start))
    style = _style(text, located, section)
    parts = [place.service_entry(text, section, lambda column: wanted.lines(column, style), lambda: wanted.flow(style))]
    if wanted.declares:
        networks = child(located.root, "networks")
        parts.append(place.declaration(text, located, networks, pair[0], wanted.key, wanted.network, style))
    plans = [splice.insertions(text, choice) for choice in itertools.product(*parts)]
    return sorted(plans, key=lambda plan: not splice.only_adds_lines(existing, plan))


def _style(text: SourceText, located: Located, section: Span) -> Style:
    body = section.items[1]
    if section.flow or body.kind is not Kind.MAPPING:
        return Style(json=located.root.flow)
    return place.detect_style(text, located, section, body)


def _checked(existing: bytes, plan: Sequence[Insertion], known: Project, model: Mapping, wanted: _Wanted) -> Edit:
    """The gates: nothing but insertions, the model as computed independently, the service where it shall be."""
    result = splice.apply(existing, plan)
    after = read(SourceText.decode(result))
    before, now_services = _section(model), _section(after)
    added = now_services.get(wanted.service)
    top = model.get("networks")
    expected_top = top
    if wanted.declares:
        entry: Mapping = {"external": "true"}
        if wanted.key != wanted.network:
            entry["name"] = wanted.network.replace("$", "$$")
        expected_top = {**(top if isinstance(top, dict) else {}), wanted.key: entry}
    # The last of the known files is the override file as it was.
    now = replace(known, others=(*known.others[:-1], after))
    union = {**wanted.member.effective, wanted.key: wanted.networks[wanted.key]}
    sound = (
        splice.undo(result, plan) == existing
        and gates.is_insert_only(existing, result)
        and {name: body for name, body in now_services.items() if name != wanted.service} == before
        and isinstance(added, dict)
        and added.keys() == {"networks"}
        and _plain(listed(added["networks"], wanted.service)) == _plain(wanted.networks)
        and after.get("networks") == expected_top
        and _without(after, "services", "networks") == _without(model, "services", "networks")
        and membership(now, wanted.service).effective.keys() == union.keys()
        and now.real(wanted.key).name == wanted.network
    )
    if not sound:
        raise EditRefused("the check after adding to the override file failed, so it is not made", BY_HAND)
    return Edit(
        existing,
        result,
        tuple(plan),
        wanted.service,
        wanted.key,
        splice.only_adds_lines(existing, plan),
        (_NOTICE,),
    )


def _plain(networks: Mapping) -> Mapping:
    """No options and empty ones are one thing."""
    return {key: options or None for key, options in networks.items()}


def _without(mapping: Mapping, *keys: str) -> Mapping:
    return {key: value for key, value in mapping.items() if key not in keys}


def _section(model: Mapping) -> Mapping:
    try:
        return services(model)
    except EditRefused as refused:
        raise EditRefused(f"in the override file {refused.reason}", REPAIR) from None
