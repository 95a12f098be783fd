"""When the target cannot be reached from the app: why, on stderr, and with ``--fix`` the repair, before anything."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Any

from netdoctor.cli.check import edges_for
from netdoctor.cli.common import session, speaker
from netdoctor.cli.fix import confirm_or_refuse, desk_of, journal_of
from netdoctor.cli.settings import Settings
from netdoctor.errors import NetdoctorError
from netdoctor.formats.interface import FORMATS, Look
from netdoctor.redact import redact_text
from netdoctor.topology.names import find_container


def explain_or_mend(settings: Settings, given: dict[str, Any]) -> bool:
    """Diagnose the edge from ``--via`` to the target; whether it was repaired and works now.

    Raises UsageError when the repair needs a word and there is no terminal to ask on.
    """
    from netdoctor.fixes.bystanders import bystanders
    from netdoctor.fixes.choices import Choices
    from netdoctor.fixes.service import execute, intend
    from netdoctor.fixes.show import plan_text, result_text
    from netdoctor.migration.address import what_was_asked

    say = (lambda _text: None) if settings.quiet else sys.stderr.write
    with session(settings) as opened:
        try:
            app = find_container(opened.topology, given["via"])
            asked = what_was_asked(given["to"], os.environ, app).text
            edges = edges_for(opened.topology, given["via"], asked)
        except NetdoctorError:
            return False  # what is wrong with the names is told by whoever looked them up first
        report = opened.diagnose(edges)
        say(FORMATS.get("human").render(report, Look()))
        if not given["fix"]:
            return False
        journal = journal_of(opened)
        intended = intend(report, Choices(), about=edges)
        say(plan_text(intended))
        if intended.empty:
            return False
        confirm_or_refuse("Apply this, and migrate?", yes=given["yes"])
        known = [each.edge for each in report.edges]
        touched = bystanders(report.topology or opened.topology, intended.plan.fixes, known, speaker(settings))
        bystanding = opened.diagnose(touched) if touched else None
        with journal.locked():
            result = execute(intended, desk_of(opened, journal), bystanding)
        ends = redact_text(shlex.join((given["via"], asked)))
        say(result_text(result, again=f"netdoctor check {ends}", persist_command=f"netdoctor fix {ends} --persist"))
        return bool(result.fixed) and not result.left
