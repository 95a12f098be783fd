"""The platform overwrites this file.

What is looked for
  A container that Coolify, Dokploy, Portainer or CapRover made (by its labels and paths), where a fix has to last:
  the connection works over a network that was connected by hand, or it fails because the two share none.

Why it breaks
  The platform keeps its own copy of the compose text, in a database or a volume, and writes the file anew on
  every deploy. An edit on the disk lasts until then, and a live connect until the container is made anew.

What would prove it wrong
  The resource is deployed from a file as it is (Coolify's raw mode, a repository that Portainer or Dokploy pulls):
  then change it there.

The fix and its safety
  The platform's own setting, as exact text in the remedy. `netdoctor fix --persist` shows it as well, and never
  edits such a file. A redeploy from the platform makes the container anew.

References
  https://coolify.io/docs/knowledge-base/docker/compose
  https://docs.dokploy.com/docs/core/docker-compose
  coollabsio/coolify #8127, #3018
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Network, Question, Remedy, Severity
from netdoctor.rules._drift import PATH_CAUSES, compared, platform_of, rests_on, shared, wants_files
from netdoctor.rules._reading import ends
from netdoctor.rules.nd801_live_fix_only import platform_connects
from netdoctor.rules.registry import RULES

_HOW = {
    "Coolify": 'turn on "Connect to Predefined Network" for the resource, or add {network} as an external network in '
    "the compose text there, and redeploy",
    "Dokploy": "add {network} as an external network in the compose text there (or under Networks), and deploy",
    "Portainer": "add {network} as an external network in Stacks > Editor, and choose Update the stack",
    "CapRover": "add {network} under Service Update Override of the app (TaskTemplate: Networks: Target), and save",
}


class PlatformOverwrites:
    code = "ND803"
    title = "the platform overwrites this file"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND801"})
    follows = PATH_CAUSES | {"ND605"}

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return wants_files(case)

    def judge(self, case: Case) -> Iterable[Finding]:
        undone = False
        for end in compared(case):
            for network in rests_on(case, end):
                platform = platform_of(end.container)
                if platform is not None and not platform_connects(end.container, network):
                    undone = True
                    yield self._finding(platform, end.container, network, Severity.WARNING)
        found = ends(case)
        if undone or found is None or shared(case):
            return
        for one, other in ((found.target, found.source), (found.source, found.target)):
            platform = platform_of(one)
            there = next((each for e in other.endpoints if (each := case.topology.network(e.network))), None)
            if platform is not None and there is not None:
                yield self._finding(platform, one, there, Severity.INFO)

    def _finding(self, platform: str, container: Container, network: Network, severity: Severity) -> Finding:
        cause = f"{platform} writes the file of {container.name} anew on every deploy: a change on disk would not last."
        if severity is Severity.WARNING:
            cause = (
                f"{container.name} is on {network.name} by hand only, and {platform} makes it anew from its own copy "
                "of the file: the next deploy undoes it."
            )
        advice = f"In {platform}, {_HOW[platform].format(network=network.name)}."
        return Finding(
            self.code,
            self.title,
            severity,
            Confidence.CERTAIN,
            Layer.MEMBERSHIP,
            (container.ref, network.ref),
            cause,
            (f"{container.name} was made by {platform}, by its labels and paths",),
            (Remedy(f"Make it permanent in {platform}", advice=advice),),
        )


RULE = RULES.add(PlatformOverwrites.code, PlatformOverwrites(), home=__name__)
