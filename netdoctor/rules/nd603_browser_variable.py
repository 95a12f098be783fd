"""A variable that is baked into browser code holds an internal name.

What is looked for
  A variable with a prefix by which front-end tools hand values to the browser (NEXT_PUBLIC_, VITE_, REACT_APP_,
  PUBLIC_, NUXT_PUBLIC_, EXPO_PUBLIC_, GATSBY_, VUE_APP_, NG_APP_), whose value is a URL with a container's name,
  or a container's address, as its host.

Why it breaks
  Names of containers exist inside Docker's networks only. Code that runs in somebody's browser asks the resolver
  of that machine, which knows none of them. The server's own requests with the same URL pass, so every check
  from the container is green. Most of these tools bake the value in when they build.

What would prove it wrong
  The code that reads the variable runs on the server only, or a reverse proxy of the same name serves the users.

The fix and its safety
  Give the browser the public URL (or a path like /api, which the reverse proxy hands on), and the server the
  internal one under another name. Build the image anew: a restart does not change what is baked in.

References
  https://nextjs.org/docs/app/guides/environment-variables#bundling-environment-variables-for-the-browser
  https://vite.dev/guide/env-and-mode
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.model.placeholders import SCHEME, host_of
from netdoctor.rules._reading import declared
from netdoctor.rules._variables import about_edge
from netdoctor.rules.registry import RULES

_PREFIX = re.compile(
    r"^(?:NEXT_PUBLIC|VITE|REACT_APP|PUBLIC|NUXT_PUBLIC|EXPO_PUBLIC|GATSBY|VUE_APP|NG_APP|STORYBOOK)_", re.IGNORECASE
)
_WEB = ("http://", "https://", "ws://", "wss://")


class BrowserVariable:
    code = "ND603"
    title = "browser variable holds an internal name"
    needs: frozenset[Fact] = frozenset()
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        if case.edge is None:
            # Files are judged whole: what a build takes as an argument makes no edge.
            for source in case.topology.containers if declared(case.topology) else ():
                yield from self._of(source, case.topology.containers)
            return
        found = about_edge(case)
        if found is not None and found[1] is not None and not declared(case.topology):
            yield from self._of(found[0], (found[1],))

    def _of(self, source: Container, targets: Iterable[Container]) -> Iterable[Finding]:
        args = source.build.args if source.build is not None else ()
        given = [(name, value, "environment") for name, value in source.environment or ()]
        given += [(name, value or "", "build") for name, value in args]
        told: set[str] = set()
        for variable, value, section in given:
            if variable in told or not _PREFIX.match(variable) or not value.lower().startswith(_WEB):
                continue
            target = _called(host_of(value).lower(), targets)
            if target is not None and SCHEME.match(value):
                told.add(variable)
                path = (section, variable) if section == "environment" else (section, "args", variable)
                yield self._finding(source, target, variable, host_of(value), path)

    def _finding(
        self, source: Container, target: Container, variable: str, host: str, path: tuple[str, ...]
    ) -> Finding:
        return Finding(
            self.code,
            self.title,
            Severity.WARNING,
            Confidence.LIKELY,
            Layer.TARGET,
            (source.ref.at(*path), target.ref, source.ref),
            f"{variable} of {source.name} goes into browser code and holds {host}, a name of {target.name} that no "
            "browser can look up.",
            (f"{variable} has the host {host}, which exists inside Docker's networks only",),
            (
                Remedy(
                    "Give the browser a public URL",
                    advice=f"Set {variable} to the URL under which users reach {target.service or target.name} (or to "
                    f"a path on their own site), keep {host} in a variable for the server, and build the image anew.",
                ),
            ),
        )


def _called(host: str, targets: Iterable[Container]) -> Container | None:
    """Who has that name or address. A name with a dot may be public as well, whoever has it here."""
    for target in targets:
        names = {target.name.lower(), (target.service or "").lower(), *(n for e in target.endpoints for n in e.names)}
        addresses = {address for endpoint in target.endpoints for address in endpoint.addresses}
        if host and ((host in names and "." not in host) or host in addresses):
            return target
    return None


RULE = RULES.add(BrowserVariable.code, BrowserVariable(), home=__name__)
