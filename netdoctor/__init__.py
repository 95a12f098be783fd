"""netdoctor finds out why one container cannot reach another, fixes it, and proves the fix from inside.

    import netdoctor

    report = netdoctor.check("app", "qdrant:6333/healthz")
    if not report.ok:
        print(netdoctor.render(report))

Every name is loaded when it is first used (PEP 562): importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from netdoctor.version import __version__

if TYPE_CHECKING:
    from netdoctor.api.assertions import NotAsExpected, assert_isolated, assert_reaches, explanation
    from netdoctor.api.checking import check, render
    from netdoctor.api.topology import Topology
    from netdoctor.errors import NetdoctorError
    from netdoctor.model import Edge, EdgeReport, Finding, Report, Severity, Verdict

_HOMES = {
    "NetdoctorError": "netdoctor.errors",
    "NotAsExpected": "netdoctor.api.assertions",
    "Topology": "netdoctor.api.topology",
    "assert_isolated": "netdoctor.api.assertions",
    "assert_reaches": "netdoctor.api.assertions",
    "check": "netdoctor.api.checking",
    "explanation": "netdoctor.api.assertions",
    "render": "netdoctor.api.checking",
    **dict.fromkeys(("Edge", "EdgeReport", "Finding", "Report", "Severity", "Verdict"), "netdoctor.model"),
}

__all__ = [
    "Edge",
    "EdgeReport",
    "Finding",
    "NetdoctorError",
    "NotAsExpected",
    "Report",
    "Severity",
    "Topology",
    "Verdict",
    "__version__",
    "assert_isolated",
    "assert_reaches",
    "check",
    "explanation",
    "render",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
