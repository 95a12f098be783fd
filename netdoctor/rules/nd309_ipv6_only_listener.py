"""The server takes IPv6 only, and the network has none.

What is looked for
  A dial that was refused at the target's IPv4 address; in the target's namespace, listeners on that port that are
  all of IPv6; a target without an address of IPv6; and, as a control, a dial of the target to its own address,
  which is refused as well.

Why it breaks
  A socket on `::` normally takes IPv4 too. A program that sets IPV6_V6ONLY (or a system with
  net.ipv6.bindv6only=1) gets IPv6 only; `listen [::]:80;` of nginx, Erlang's `inet6` and some Java and .NET
  settings do so. Docker's networks carry IPv4 only unless they are made with IPv6.

What would prove it wrong
  A target that reaches its own IPv4 address on that port: then something on the way refuses the caller (ND304).
  A filter inside the target's own namespace looks the same; so this is called likely.

The fix and its safety
  Let the server listen on 0.0.0.0 (or on `::` without V6ONLY). It is the server's own setting, and takes a restart.

References
  https://nginx.org/en/docs/http/ngx_http_core_module.html#listen
  https://man7.org/linux/man-pages/man7/ipv6.7.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Outcome, Question, Remedy, Severity
from netdoctor.probes.listeners import is_loopback
from netdoctor.probes.tcp import Tcp
from netdoctor.rules._reading import Ends, dial_lines, dials, ends, listeners, listeners_line, wants_listeners
from netdoctor.rules.registry import RULES


class Ipv6OnlyListener:
    code = "ND309"
    title = "listens on IPv6 only"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        yield from wants_listeners(case)
        yield from (_from_within(found, address) for found, address in _refused(case))

    def judge(self, case: Case) -> Iterable[Finding]:
        for found, address in _refused(case):
            own, heard = case.seen.get(_from_within(found, address)), listeners(case)
            if own is None or own.outcome is not Outcome.REFUSED or heard is None:
                continue
            target, port = found.target.name, found.edge.port
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.LIKELY,
                Layer.TARGET,
                (found.target.ref, found.source.ref),
                f"{target} listens on port {port} for IPv6 only, and its address {address} is one of IPv4.",
                (listeners_line(heard), *dial_lines(case), f"{target} to itself at {address}:{port}: refused"),
                (
                    Remedy(
                        "Listen on IPv4",
                        advice=f"Let the server in {target} bind 0.0.0.0:{port}, or [::]:{port} without IPV6_V6ONLY "
                        f"(nginx: listen {port};), and recreate it.",
                    ),
                ),
            )
            return


def _refused(case: Case) -> list[tuple[Ends, str]]:
    """IPv4 addresses that refused, of a target that listens there for IPv6 only and has no address of IPv6."""
    found, heard = ends(case), listeners(case)
    if found is None or heard is None or found.edge.port is None or not found.target.running:
        return []
    outside = [socket for socket in heard.on(found.edge.port) if not is_loopback(socket.address)]
    theirs = [address for endpoint in found.target.endpoints for address in endpoint.addresses]
    if not outside or any(socket.family != 6 for socket in outside) or any(":" in address for address in theirs):
        return []
    return [(found, address) for address, seen in dials(case) if seen.outcome is Outcome.REFUSED and address in theirs]


def _from_within(found: Ends, address: str) -> Tcp:
    return Tcp(found.target.ref, address, found.edge.port or 0, brief=True)


RULE = RULES.add(Ipv6OnlyListener.code, Ipv6OnlyListener(), home=__name__)
