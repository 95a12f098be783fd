"""The address of the target is malformed.

What is looked for
  A variable of the caller that means the target (by its own name, or by a name of the target in its text), and
  whose text is no address as clients read it: a password with `/`, `#`, `?` or `@` in it as they are, a scheme
  where a bare host is wanted, no scheme or two, a port that is no number, quotation marks or text that belong to
  the file it was copied from.

Why it breaks
  In a URL the first `/`, `?` or `#` after `//` ends the host, so half of the password is taken for host and port.
  `host:6333` is read as the scheme "host". `docker run --env-file` keeps quotation marks and comments as part of
  the value. The client then looks for a strange host, or refuses the address; the network is sound.

What would prove it wrong
  The client that reads it is known to accept this shape; some do, for a few of them. Then it says so in its logs
  and connects.

The fix and its safety
  Percent-encode what is special in user and password (`/` is %2F, `#` is %23, `@` is %40); write `$` as `$$` in a
  compose file; give host and port in variables of their own where the program has them. Recreate the container.
  The value itself is never shown here: it may hold a password.

References
  https://datatracker.ietf.org/doc/html/rfc3986#section-3.2
  ankane/pgsync #236, iceddev/pg-connection-string #23, sosedoff/pgweb #754
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.rules._malformed import Malformed, malformed
from netdoctor.rules._reading import declared
from netdoctor.rules._variables import about_edge, addresses_of, mentions, speaks_of
from netdoctor.rules.registry import RULES


class MalformedUrl:
    code = "ND602"
    title = "malformed address"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND201", "ND204", "ND205"})

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
        wrong = [(v, w) for v, value, w in _wrong(source) if _means(v, value, target, name)]
        # Somebody who also has a sound address of the target may use that one.
        sound = target is not None and any(
            mentions(value, target) and malformed(v, value, port_beside=_port_beside(source, v)) is None
            for v, value in addresses_of(source)
        )
        for variable, what in wrong:
            yield self._finding(source, target, variable, what, fatal=what.fatal and not sound)

    def _files(self, case: Case) -> Iterable[Finding]:
        for source in case.topology.containers:
            blank = {each.path for each in source.blanks}
            for variable, value, what in _wrong(source):
                if ("environment", variable) in blank:
                    continue
                # A kind of thing, like "mail", means a neighbour; another project's is meant by its name only.
                own = [e for e in case.topology.containers if e.project == source.project and e.id != source.id]
                target = next((each for each in own if _means(variable, value, each, "")), None)
                target = target or next(
                    (e for e in case.topology.containers if mentions(value, e) and e != source), None
                )
                yield self._finding(source, target, variable, what, fatal=what.fatal and target is not None)

    def _finding(
        self, source: Container, target: Container | None, variable: str, what: Malformed, *, fatal: bool
    ) -> Finding:
        lead = f", so it does not lead to {target.name}" if target is not None and fatal else ""
        again = f" (docker compose up -d {source.service})" if source.service else ""
        return Finding(
            self.code,
            self.title,
            Severity.ERROR if fatal else Severity.WARNING,
            Confidence.LIKELY,
            Layer.TARGET,
            (source.ref.at("environment", variable), *((target.ref,) if target is not None else ()), source.ref),
            f"{variable} of {source.name} {what.what}{lead}.",
            (f"{variable} {what.what}",),
            (
                Remedy(
                    f"Correct {variable}",
                    advice=f"{what.cure} in {variable}, where {source.name} is declared, and recreate it{again}.",
                ),
            ),
            caller_fails=fatal,
        )


def _wrong(source: Container) -> Iterator[tuple[str, str, Malformed]]:
    for variable, value in addresses_of(source):
        what = malformed(variable, value, port_beside=_port_beside(source, variable))
        if what is not None:
            yield variable, value, what


def _port_beside(source: Container, variable: str) -> bool:
    """``DB_PORT`` for ``DB_HOST``."""
    for word in ("HOSTNAME", "HOST", "SERVER", "ADDRESS", "ADDR"):
        if variable.upper().endswith(word):
            port = source.env(f"{variable[: -len(word)]}PORT")
            return bool(port and port.strip().isdigit())
    return False


def _means(variable: str, value: str, target: Container | None, name: str) -> bool:
    if target is None:
        return bool(name) and name.lower() in value.lower()
    return mentions(value, target) or speaks_of(variable, target)


RULE = RULES.add(MalformedUrl.code, MalformedUrl(), home=__name__)
