"""Which panel, and with which token: from the environment, a file, or a question on the terminal. Never from argv."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from netdoctor.errors import UsageError
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.fixes.panels import Panels
    from netdoctor.platforms._http import Http
    from netdoctor.platforms.interface import Api, Platform

_TOKEN_LIMIT = 10_000


@contextmanager
def panels_of(say: Callable[[str], None], *, disruptive: bool) -> Iterator[Panels]:
    """Panels are opened when they are first needed, and closed at the end."""
    from netdoctor.fixes.panels import Panels

    opened: dict[str, Http] = {}

    def open_panel(name: str, platform: Platform, address: str | None) -> Http:
        if name not in opened:
            opened[name] = _opened(name, platform, address, say)
        if address is not None and opened[name].address != address:
            raise UsageError(
                f"{platform.title} was told at {plain(address)}, and {_variable(name)}_URL names another one.",
                hint=f"Set {_variable(name)}_URL={plain(address)} and the token for it.",
            )
        return opened[name]

    try:
        yield Panels(open_panel, disruptive)
    finally:
        for each in opened.values():
            each.close()


def _opened(name: str, platform: Platform, address: str | None, say: Callable[[str], None]) -> Http:
    from netdoctor.platforms._http import Access, Http, clean_address

    api = platform.api
    assert api is not None
    variable = _variable(name)
    given = (
        os.environ.get(f"{variable}_URL") or address or _asked(platform, f"Address of {platform.title}", variable, api)
    )
    url = clean_address(given, api.root, f"{variable}_URL")
    token = _token(platform, variable, api, os.environ)
    if urlsplit(url).scheme == "http" and not _here(urlsplit(url).hostname or ""):
        say(f"the token for {platform.title} goes to {url} unencrypted")
    access = Access(url, token, os.environ.get(f"{variable}_CA_FILE") or None)
    return Http(access, platform.title, api.root, api.headers(token), variable)


def _token(platform: Platform, variable: str, api: Api, environment: Mapping[str, str]) -> str:
    from netdoctor.platforms._http import clean_token

    given = environment.get(f"{variable}_TOKEN")
    if given:
        return clean_token(given, f"{variable}_TOKEN")
    file = environment.get(f"{variable}_TOKEN_FILE")
    if file:
        try:
            with Path(file).open(encoding="utf-8") as handle:
                return clean_token(handle.read(_TOKEN_LIMIT), f"{variable}_TOKEN_FILE")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{variable}_TOKEN_FILE cannot be read: {plain(file)}.", hint="Name a file that holds the token alone."
            ) from error
    return clean_token(_asked(platform, f"Token for {platform.title}", variable, api, secret=True), "What was typed")


def _asked(platform: Platform, question: str, variable: str, api: Api, *, secret: bool = False) -> str:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"To tell {platform.title} over its API, its address and a token are needed. Nothing was changed.",
            hint=f"Set {variable}_URL, and {variable}_TOKEN or {variable}_TOKEN_FILE. A token is made at: {api.token}.",
        )
    return str(click.prompt(question, hide_input=secret, err=True))


def _variable(name: str) -> str:
    return f"NETDOCTOR_{name.upper()}"


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
