"""The health check uses a tool that the image does not have.

What is looked for
  Live: the health check's own log says that the program was not found (exit code 126 or 127), and its test names the
  tool. In files: a test that names curl, wget or nc, on an image that is known to have none (Qdrant's has no curl, no
  wget and no nc; slim images have no curl).

Why it breaks
  The check runs inside the target's container, with what its image has. One that cannot run counts as failed: the
  container is `unhealthy` although it serves. Whoever waits for `service_healthy` never starts, and proxies such as
  Traefik leave it out.

What would prove it wrong
  `docker exec CONTAINER which curl` that finds it; a check that passes.

The fix and its safety
  Use something the image has: bash's /dev/tcp, the database's own client, one line of the image's language; or take
  the check out. A health check is fixed when a container is created: it takes a recreation.

References
  qdrant/qdrant #3491, #4250
  https://docs.docker.com/reference/dockerfile/#healthcheck
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.rules._health import excerpt, gate, judged, lacking, last_failure, test_of, tools_of, unhealthy
from netdoctor.rules.registry import RULES

_EXEC = "executable file not found"
"""The engine's own words for the exec form; a shell says ``sh: curl: not found`` with whatever status follows."""
_BASH = "bash -c ':> /dev/tcp/127.0.0.1/{port}' || exit 1"


class HealthToolMissing:
    code = "ND504"
    title = "health check uses a tool the image lacks"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND505", "ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        live = Fact.RUNTIME in case.topology.knows
        for container in judged(case):
            found = _seen(container) if live else _declared(container)
            if found is None:
                continue
            tool, line = found
            held = gate(case, container)
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR if held else Severity.WARNING,
                Confidence.CERTAIN if live else Confidence.LIKELY,
                Layer.TARGET,
                (container.ref.at("healthcheck", "test") if not live else container.ref,),
                f"The health check of {container.name} runs {tool}, which its image ({container.image}) does not have."
                + held,
                (f"test: {' '.join(test_of(container))[:160]}", line),
                (_remedy(container, tool),),
            )


def _seen(container: Container) -> tuple[str, str] | None:
    """The tool, and what the check's log says."""
    failure = last_failure(container)
    if failure is None or not unhealthy(container):
        return None
    status, output = failure
    words = test_of(container)[1:2]
    shell = re.search(r"(?im)(?:^|[\s:])([\w./+-]+): (?:command )?not found\s*$", output)
    if _EXEC not in output.lower() and shell is None:
        return None
    named = [tool for tool in tools_of(test_of(container)) if f'"{tool}"' in output]
    tool = shell[1] if shell is not None else named[0] if named else words[0] if words else "a program"
    return tool, f"its log: exit code {status}, {excerpt(output)}"


def _declared(container: Container) -> tuple[str, str] | None:
    missing = [tool for tool in tools_of(test_of(container)) if tool in lacking(container)]
    # ``curl ... || wget ...`` tries one after the other: only when none is there does the check fail.
    others = [tool for tool in tools_of(test_of(container)) if tool not in missing and tool not in ("sh", "bash")]
    if not missing or ("||" in " ".join(test_of(container)) and others):
        return None
    return missing[0], f"{container.image} is known to have no {', '.join(missing)}"


def _remedy(container: Container, tool: str) -> Remedy:
    # What the check asks now is what it should go on asking.
    written = re.search(r"://[^/\s:\"']+:(\d{1,5})", " ".join(test_of(container)))
    exposed = (number for number, protocol in container.exposed or () if protocol == "tcp")
    port = written[1] if written is not None else next(exposed, None)
    name = "6333" if "qdrant" in container.image and written is None else str(port or "PORT")
    if tool == "bash" or "alpine" in container.image or "busybox" in container.image:
        advice = f'test: ["CMD", "wget", "-q", "--spider", "http://127.0.0.1:{name}/"]'
    else:
        advice = f'test: ["CMD-SHELL", "{_BASH.format(port=name)}"]'
    return Remedy(f"Check without {tool}", advice=f"{advice}\nThen recreate {container.name}.")


RULE = RULES.add(HealthToolMissing.code, HealthToolMissing(), home=__name__)
