"""The target's own health check fails.

What is looked for
  The health state by inspect: `unhealthy`, with the last lines of the check's log.

Why it breaks
  The container runs, and says itself that it does not serve well. Plain Docker goes on delivering traffic to it; but
  Compose does not start what waits for `service_healthy`, Swarm takes its name away and replaces it, and proxies
  (Traefik, Coolify's, Dokploy's) leave it out: "no available server", 503, 404.

What would prove it wrong
  A check that is wrong itself: a missing tool (ND504), localhost that becomes ::1 (ND505). An edge that works shows
  that the server answers; then this is a warning.

The fix and its safety
  Read the check's log and repair what it says; the network is not the cause. An auxiliary service that it waits for
  comes first.

References
  https://docs.docker.com/reference/dockerfile/#healthcheck
  https://docs.docker.com/compose/how-tos/startup-order/
  supabase/supabase #16777
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.rules._health import excerpt, gate, last_failure, test_of, unhealthy
from netdoctor.rules._reading import dial_lines, works
from netdoctor.rules._speaking import failed
from netdoctor.rules.registry import RULES


class Unhealthy:
    code = "ND506"
    title = "target unhealthy"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, target = case.edge, case.target
        if edge is None or edge.reverse or target is None or not target.running or not unhealthy(target):
            return
        health = target.health
        failure = last_failure(target)
        # An open port behind which nothing is served well, while the target itself says that it is ill.
        ill = not works(case) and any(failed(case))
        said = (f"its log: exit code {failure[0]}, {excerpt(failure[1])}".rstrip(" ,"),) if failure is not None else ()
        held = gate(case, target)
        streak = health.failing_streak if health is not None else 0
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR if ill or held else Severity.WARNING,
            Confidence.LIKELY if ill else Confidence.CERTAIN,
            Layer.TARGET,
            (target.ref, edge.source),
            f"{target.name} is unhealthy: its own check failed {streak} times in a row.{held}",
            (f"test: {' '.join(test_of(target))[:160]}", *said, *(dial_lines(case) if ill else ())),
            (
                Remedy(
                    "See what the check says",
                    advice=f"docker inspect --format '{{{{json .State.Health}}}}' {target.name}\n"
                    f"docker logs --tail 50 {target.name}",
                ),
            ),
        )


RULE = RULES.add(Unhealthy.code, Unhealthy(), home=__name__)
