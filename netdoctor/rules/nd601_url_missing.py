"""The address of the target is empty, or still a placeholder.

What is looked for
  A variable of the caller whose name says that it holds an address (QDRANT_URL, DB_HOST), whose value is empty,
  an unfilled `${VARIABLE}`, a `<...>`, or a sample word (changeme, placeholder, your-host-here); and whose name
  means the target, while no other variable names the target. example.com counts in such a variable only.

Why it breaks
  A `.env` file beside the compose file fills in the compose file, it is not handed to the containers; a
  `${VARIABLE}` that nobody sets becomes an empty text, with a warning that scrolls by. A sample value that was
  never replaced is dialled as it stands. The network is sound, and the caller dials nobody.

What would prove it wrong
  The program takes the address from elsewhere (a file, its arguments), so that the variable does not matter.

The fix and its safety
  Set the variable in the platform's settings, under `environment:`, or in an `env_file:`, and recreate the
  container: a restart keeps the old value. `${QDRANT_URL:?}` in the compose file makes its absence an error.

References
  https://docs.docker.com/compose/how-tos/environment-variables/
  docker/compose #2123, #3768
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.model.placeholders import host_of, placeholder
from netdoctor.rules._reading import declared
from netdoctor.rules._variables import about_edge, addresses_of, is_a_container, named_by, speaks_of, stem_words
from netdoctor.rules.registry import RULES


class UrlMissing:
    code = "ND601"
    title = "address missing, empty or a placeholder"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND201", "ND204", "ND205"})
    by_absence = True

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        if case.edge is None:
            return self._files(case) if declared(case.topology) else ()
        return () if declared(case.topology) else self._edge(case)

    def _edge(self, case: Case) -> Iterable[Finding]:
        found = about_edge(case)
        if found is None:
            return
        source, target, name = found
        for variable, value in addresses_of(source):
            said = placeholder(value)
            if said is None or is_a_container(case.topology, host_of(value)):
                continue
            what, sure = said
            if target is None:
                if host_of(value) and host_of(value).lower() == name.lower():
                    yield self._finding(source, None, variable, what, Severity.ERROR, Confidence.CERTAIN)
            elif not named_by(source, target, but=variable):
                if speaks_of(variable, target):
                    confidence = Confidence.CERTAIN if sure and value.strip() else Confidence.LIKELY
                    yield self._finding(source, target, variable, what, Severity.ERROR, confidence)
                elif sure and value.strip() and len(list(addresses_of(source))) == 1:
                    # The only address it has: whom it means is not said, but that it means somebody is.
                    yield self._finding(source, target, variable, what, Severity.ERROR, Confidence.LIKELY)

    def _files(self, case: Case) -> Iterable[Finding]:
        for source in case.topology.containers:
            blanks = {each.path: each.variable for each in source.blanks}
            for variable, value in addresses_of(source):
                said = placeholder(value)
                if said is None or is_a_container(case.topology, host_of(value)):
                    continue
                what, sure = said
                target = _meant(case, source, variable)
                if (filled_in_there := blanks.get(("environment", variable))) is not None:
                    # The machine that deploys may well have a value; all that have none here are told together.
                    what = f"is filled in from {filled_in_there}, which has no value here and no default"
                    if target is not None:
                        yield self._finding(source, target, variable, what, Severity.WARNING, Confidence.POSSIBLE)
                elif target is not None and value.strip():
                    yield self._finding(source, target, variable, what, Severity.ERROR, Confidence.LIKELY)
                elif target is not None:
                    waits = any(each.container == target.id for each in source.depends_on or ())
                    severity = Severity.ERROR if waits else Severity.WARNING
                    yield self._finding(source, target, variable, what, severity, Confidence.LIKELY)
                elif sure and value.strip():
                    yield self._finding(source, None, variable, what, Severity.WARNING, Confidence.LIKELY)

    def _finding(
        self,
        source: Container,
        target: Container | None,
        variable: str,
        what: str,
        severity: Severity,
        confidence: Confidence,
    ) -> Finding:
        there = f", so it has no address of {target.name}" if target is not None else ""
        place = source.ref.at("environment", variable)
        return Finding(
            self.code,
            self.title,
            severity,
            confidence,
            Layer.TARGET,
            (place, *((target.ref,) if target is not None else ()), source.ref),
            f"{variable} of {source.name} {what}{there}.",
            (f"{variable} {what}",),
            (Remedy(f"Set {variable}", advice=_advice(source, target, variable)),),
            caller_fails=severity is Severity.ERROR,
        )


def _advice(source: Container, target: Container | None, variable: str) -> str:
    host = (target.service or target.name) if target is not None else "HOST"
    port = next(
        (str(port) for port, protocol in (target.exposed if target else None) or () if protocol == "tcp"), "PORT"
    )
    url = f"http://{host}:{port}" if variable.upper().rstrip("S").endswith(("URL", "URI", "ENDPOINT")) else host
    again = f" (docker compose up -d {source.service})" if source.service else ""
    return f"Set {variable} (like {url}) where {source.name} is declared, and recreate it{again}."


def _meant(case: Case, source: Container, variable: str) -> Container | None:
    """The sibling that the variable's name means, when nothing else of the caller names it."""
    own = {(name or "").lower().replace("-", "_") for name in (source.service, source.name)}
    if "_".join(stem_words(variable)) in own:
        return None  # its own address, which it tells others
    for each in case.topology.containers:
        sibling = each.id != source.id and each.project == source.project
        if sibling and speaks_of(variable, each) and not named_by(source, each, but=variable):
            return each
    return None


RULE = RULES.add(UrlMissing.code, UrlMissing(), home=__name__)
