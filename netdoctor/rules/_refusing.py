"""A server that answers and takes no connection: it turns this caller away, or has nothing left for anybody. Pure."""

from __future__ import annotations

from netdoctor.model import Case, Confidence, Edge, Finding, Layer, Remedy, Severity
from netdoctor.model.credentials import Carried, Wanted
from netdoctor.probes.greeting import GreetingEvidence
from netdoctor.rules._reading import spoken_to
from netdoctor.rules._speaking import Asked, about, lines, name_of

_PROTECTED = "in protected mode"
_USED_UP = ("53300", "Too many connections", "many clients", "no more connections")


def turned_away(case: Case, edge: Edge, code: str, title: str) -> Finding | None:
    """What is to be said of a :func:`refusal`; None when there is none."""
    refused = refusal(case)
    if refused is None:
        return None
    question, evidence = refused
    caller, server = name_of(case, edge.source), name_of(case, edge.target)
    return Finding(
        code,
        title,
        Severity.ERROR,
        Confidence.CERTAIN,
        Layer.HTTP,
        about(edge),
        f"{server} turns {caller} away before any password: {evidence.refusal}.",
        (*lines(case, (question,)), *whose(case, evidence)),
        (let_in(case, edge, evidence),),
        caller_fails=True,
    )


def refusal(case: Case) -> tuple[Asked, GreetingEvidence] | None:
    """A server that turns this caller away before it asks for a password, and would whatever that is."""
    for question, observation in spoken_to(case):
        evidence = observation.evidence
        if isinstance(evidence, GreetingEvidence) and evidence.refusal:
            return question, evidence
    return None


def whose(case: Case, evidence: GreetingEvidence) -> tuple[str, ...]:
    """Where it stands whom the caller comes as, as a line of evidence."""
    if not evidence.variable or case.edge is None:
        return ()
    return (
        f"asked as the user and for the database that {evidence.variable} of {name_of(case, case.edge.source)} names",
    )


def let_in(case: Case, edge: Edge, evidence: GreetingEvidence) -> Remedy:
    """What opens a server that turns the caller away."""
    server, said = name_of(case, edge.target), evidence.refusal
    if "is blocked" in said:
        return Remedy("Lift the block", advice=f"docker exec -it {server} mysqladmin flush-hosts -p")
    if evidence.protocol == "mysql":
        advice = (
            f"In {server}, create the account for other hosts than localhost ('user'@'%'); for root of the official "
            "images that is MYSQL_ROOT_HOST, which counts when the volume is first filled."
        )
        return Remedy("Let the account in from the network", advice=advice)
    where = f" in {evidence.variable} of {name_of(case, edge.source)}" if evidence.variable else ""
    if "(3D000)" in said:
        advice = (
            f"Correct the database's name{where}, or create it in {server} (CREATE DATABASE). POSTGRES_DB counts when "
            "the volume is first filled, and never again."
        )
        return Remedy("Name a database that is there", advice=advice)
    if "(28000)" in said and "pg_hba" in said:
        advice = (
            f"In {server}, add a line for that user, database and network to pg_hba.conf, like "
            "'host all all samenet scram-sha-256', and reload it (SELECT pg_reload_conf()). A line 'hostssl' lets in "
            f"only who speaks TLS: then use sslmode=require{where}."
        )
        return Remedy("Let the user in from the network", advice=advice)
    advice = (
        f"Correct the user or the database{where}, or make them in {server} (CREATE ROLE ... LOGIN, GRANT CONNECT)."
    )
    return Remedy("Align user and database", advice=advice)


def relief(case: Case, edge: Edge, trouble: str) -> Remedy:
    """What helps a server that cannot serve now: time, unless it says that it has nothing left."""
    caller, server = name_of(case, edge.source), name_of(case, edge.target)
    if any(sign in trouble for sign in _USED_UP):
        advice = (
            f"See in {server} who holds its connections (Postgres lists them in pg_stat_activity, by user, client_addr "
            "and state), give the callers a pool with a limit, or raise the server's own limit."
        )
        return Remedy("Free connections, or allow more", advice=advice)
    if _PROTECTED in trouble:
        advice = (
            f"Give {server} a password (requirepass) and its callers the same, or set 'protected-mode no' where every "
            "container on its networks may read and write it; then recreate it. It does not pass by waiting."
        )
        return Remedy("Set a password, or switch protected mode off", advice=advice)
    log = f"\ndocker logs --tail 50 {server}" if edge.target.kind == "container" else ""
    advice = f"netdoctor check {caller} {server}:{edge.port} --wait 60{log}"
    return Remedy("Wait for it, or see what it does", advice=advice)


def lack(case: Case, edge: Edge, have: tuple[Carried, ...] | None, wrong: Carried | None, want: Wanted | None) -> str:
    """What is wrong with the credentials that the caller's environment has, in words."""
    caller = name_of(case, edge.source)
    if wrong is not None and want is not None:
        return f"what {caller} has in {wrong.variable} is not what {want.variable} says there"
    if have == ():
        return f"the environment of {caller} has none for it"
    return "netdoctor sends none" if have is None else f"{caller} has some; netdoctor does not try them"
