"""A dependency is needed while the image is built.

What is looked for
  In the Dockerfile of a service: a RUN that builds the application (`npm run build`, `next build`,
  `collectstatic`, `prisma migrate`, ...), while the source reads a variable when a module is loaded and fails
  without it, and the variable has no value at that RUN; a RUN that migrates a database under an address that is a
  service's; and a placeholder set by ENV for the build that is still there in the finished image.

Why it breaks
  Variables under `environment:` exist in the running container only, and a build runs on no network of the
  project: it sees neither QDRANT_URL nor qdrant. A module that checks its settings, or connects, when it is
  imported fails the whole build. The usual way out, a placeholder by ENV, stays in the image unless it is
  cleared: a container that is started without the real value dials the placeholder instead of saying what is
  missing.

What would prove it wrong
  The build passes with the variable unset: `docker build --no-cache .`. Source is read here as text, and a module
  that the build never loads may be named.

The fix and its safety
  Create the client on first use, and check its settings then. Where that cannot be: a placeholder by ENV before
  the build and the same variable with an empty value after it (or in a build stage only). Migrations belong to
  the start of the container. Nothing that runs is touched.

References
  https://docs.docker.com/build/building/variables/
  Dokploy/dokploy #2413, coollabsio/coolify #4404, railwayapp/nixpacks #1089
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Build,
    BuildStep,
    Case,
    Confidence,
    Container,
    Fact,
    Finding,
    Layer,
    Question,
    Ref,
    Remedy,
    Severity,
)
from netdoctor.model.placeholders import host_of, placeholder
from netdoctor.rules._variables import is_a_container, is_address
from netdoctor.rules.registry import RULES

_MIGRATES = re.compile(r"\bmigrat|\bprisma\s+db\s+(?:push|pull|seed)|\bdb:(?:create|seed|setup)\b")


class NeededAtBuild:
    code = "ND604"
    title = "dependency needed at image build"
    needs = frozenset({Fact.DECLARED})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        for source in case.topology.containers if case.edge is None else ():
            if source.build is not None:
                yield from self._required(source, source.build)
                yield from self._contacted(case, source, source.build)
                yield from self._left_over(source, source.build)

    def _required(self, source: Container, build: Build) -> Iterable[Finding]:
        told: set[str] = set()
        runtime = {name for name, _ in source.environment or ()} | {each.path[-1] for each in source.blanks}
        for step in build.steps or ():
            for read in build.reads if step.builds else ():
                matters = read.variable in runtime or is_address(read.variable)
                if not (read.required and read.at_import and matters) or read.variable in told:
                    continue
                if step.env(read.variable) or re.search(rf"\b{re.escape(read.variable)}=\S", step.command):
                    continue
                told.add(read.variable)
                cause = (
                    f"The image of {source.service or source.name} is built with `{_short(step)}`, which loads code "
                    f"that fails without {read.variable}; at build time nobody sets it."
                )
                cure = (
                    f"Create the client of {read.variable} on first use. Or in the Dockerfile, before the build: "
                    f'ENV {read.variable}="{_sample(read.variable)}"   and after it: ENV {read.variable}=""'
                )
                remedy = Remedy(f"Do not need {read.variable} at build", advice=cure)
                about = (step.ref, read.ref, source.ref)
                line = f"{read.variable} is read, and required, when {_where(read.ref)} is loaded"
                yield self._finding(Severity.ERROR, about, cause, line, remedy)

    def _contacted(self, case: Case, source: Container, build: Build) -> Iterable[Finding]:
        for step in build.steps or ():
            migrates = _MIGRATES.search(f"{step.command} {step.script}")
            for each in step.environment if step.builds and migrates else ():
                host = host_of(each.value or "")
                if is_address(each.name) and is_a_container(case.topology, host):
                    cause = (
                        f"The build of {source.service or source.name} runs `{_short(step)}` against {host}, a "
                        "service that no build can reach: a build is on none of the project's networks."
                    )
                    remedy = Remedy("Migrate at start", advice=f"Run `{_short(step)}` when the container starts.")
                    line = f"{each.name} names {host} at that step"
                    about = (step.ref, each.ref, source.ref)
                    yield self._finding(Severity.ERROR, about, cause, line, remedy)

    def _left_over(self, source: Container, build: Build) -> Iterable[Finding]:
        for each in build.environment or ():
            said = placeholder(each.value or "")
            if said is None or not said[1] or not (each.value or "").strip() or not is_address(each.name):
                continue
            given = source.env(each.name)
            blank = any(b.path == ("environment", each.name) for b in source.blanks)
            missing = given is None and not blank
            lead = "and nothing else sets it" if missing else "so a start without the real value goes unnoticed"
            cause = (
                f"{each.name} in the image of {source.service or source.name} still {said[0]} from the build, {lead}."
            )
            cure = f'After the last build step, in the Dockerfile: ENV {each.name}=""'
            remedy = Remedy("Clear the placeholder", advice=cure)
            severity = Severity.ERROR if missing else Severity.WARNING
            line = f"{each.kind} {each.name} is set at {_where(each.ref)} and never cleared"
            yield self._finding(severity, (each.ref, source.ref), cause, line, remedy)

    def _finding(self, severity: Severity, about: tuple[Ref, ...], cause: str, line: str, remedy: Remedy) -> Finding:
        sure, layer = Confidence.LIKELY, Layer.TARGET
        return Finding(self.code, self.title, severity, sure, layer, about, cause, (line,), (remedy,))


def _short(step: BuildStep) -> str:
    first = step.command.strip().splitlines()[0]
    return first if len(first) <= 60 else f"{first[:57]}..."


def _where(ref: Ref) -> str:
    return f"{ref.id}:{ref.path[0]}" if ref.path else ref.id


def _sample(variable: str) -> str:
    return "http://placeholder:6333" if variable.upper().rstrip("S").endswith(("URL", "URI")) else "placeholder"


RULE = RULES.add(NeededAtBuild.code, NeededAtBuild(), home=__name__)
