"""There is an underscore in the host name.

What is looked for
  An underscore in the name that the caller uses for a web address. Where the answer was an error, the same
  request is made once more with a hyphen instead, as a control: to the same address, only the Host line differs.

Why it breaks
  The engine resolves such names, but the rules for host names (RFC 952, 1123) know letters, digits and
  hyphens only. Strict programs refuse them: Java's URI class gives no host at all, Django, Tomcat and some
  proxies answer 400, others do not even ask. Compose v1 put underscores into every container name, and many
  service names have one.

What would prove it wrong
  The same error with a hyphen instead: then the name is not the cause. While everything is answered this is
  information only.

The fix and its safety
  Give the target an alias with a hyphen, and use that; the old name goes on working. An alias can be given only
  while joining: recreate it through its compose file, or reconnect it, which breaks open connections.

References
  https://www.rfc-editor.org/rfc/rfc1123#section-2
  microcks/microcks #1779, psf/requests #3683, OpenLiberty/ci.maven #990
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Observation, Question, Remedy, Severity
from netdoctor.probes.http import Http
from netdoctor.rules._placing import runs
from netdoctor.rules._reading import Ends, dns, ends, is_set_in
from netdoctor.rules.registry import RULES

_WEB = ("http", "https")
_OWN_WORD = ("tcp", *_WEB)
"""Protocols whose clients read the name as part of a URL, or may."""


class Underscore:
    code = "ND208"
    title = "underscore in a host name"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND404"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = _concerned(case)
        for question, observation in _refused(case) if found is not None else ():
            if not observation.good:
                yield _with_hyphen(question)

    def judge(self, case: Case) -> Iterable[Finding]:
        found, answer = _concerned(case), dns(case)
        # A name that leads nowhere has a worse trouble than its spelling.
        if found is None or not runs(found.target) or (answer is not None and not answer.good):
            return
        proofs = [
            (question, control)
            for question, _ in _refused(case)
            if (control := case.seen.get(_with_hyphen(question))) is not None and control.good
        ]
        name, better = found.name or "", (found.name or "").replace("_", "-")
        web = found.edge.protocol in _WEB
        lines = [
            f"{question.host}: {_status(case.seen.get(question))}; {better}: {_status(control)}"
            for question, control in proofs
        ]
        what = "refuses a request for it" if proofs else "resolves, but strict clients and servers refuse it"
        about = (*((found.edge.basis,) if found.edge.basis is not None else ()), found.target.ref, found.source.ref)
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR if proofs else Severity.INFO,
            Confidence.CERTAIN if proofs else Confidence.LIKELY if web else Confidence.POSSIBLE,
            Layer.HTTP,
            about,
            f"The host name {name} has an underscore; {found.target.name} {what}."
            if proofs
            else f"The host name {name} has an underscore: it {what}.",
            tuple(lines),
            (
                Remedy(
                    f"Use {better}",
                    advice=f"Give {found.target.name} the network alias {better} in its compose file, recreate it, and "
                    f"use {better} instead of {name}{is_set_in(found)}.",
                ),
            ),
        )


def _concerned(case: Case) -> Ends | None:
    """An edge whose name somebody chose, and whose protocol reads it: not a container's name typed by hand."""
    found = ends(case)
    if found is None or "_" not in (found.name or "") or found.edge.protocol not in _OWN_WORD:
        return None
    typed = found.name == found.target.name and found.target.service is not None
    return None if typed and not found.edge.origin.startswith("environment") else found


def _refused(case: Case) -> Iterator[tuple[Http, Observation[Any]]]:
    """Requests under that name that were answered with an error."""
    for question, observation in case.asked(Http):
        evidence = observation.evidence
        if "_" in question.host and evidence is not None and evidence.status is not None and evidence.status >= 400:
            yield question, observation


def _with_hyphen(question: Http) -> Http:
    return replace(question, host=question.host.replace("_", "-"), strict=True)


def _status(observation: Observation[Any] | None) -> str:
    evidence = observation.evidence if observation is not None else None
    return str(evidence.status) if evidence is not None else "no answer"


RULE = RULES.add(Underscore.code, Underscore(), home=__name__)
