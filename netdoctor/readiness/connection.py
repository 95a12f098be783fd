"""How the engine is reached: who else could listen, answer in its place, or do the same?"""

from __future__ import annotations

from collections.abc import Iterable

from netdoctor.readiness.interface import CHECKS, Line, Situation, State


class Connection:
    rank = 15

    def look(self, situation: Situation) -> Iterable[Line]:
        engine = situation.engine
        if engine is None or engine.on_this_machine:
            return
        host, subject = engine.host, "connection"
        if host.scheme == "ssh":
            yield Line(subject, State.OK, "ssh, as ssh itself would log in there")
        elif host.half_closes:
            yield Line(
                subject,
                State.NOTE,
                f"neither encrypted nor guarded: whoever can connect to {host.url} is root there",
                "use ssh:// and no port of the engine, or TLS (dockerd --tlsverify)",
            )
        elif not host.tls_verify and host.tls is not None:
            yield Line(
                subject,
                State.NOTE,
                "TLS, and nobody looks at whose certificate it is",
                "DOCKER_TLS_VERIFY=1 with the engine's ca.pem; in a context without --skip-tls-verify",
            )
        else:
            yield Line(subject, State.OK, "TLS, the engine's certificate verified")


CHECKS.add("connection", Connection(), home=__name__)
