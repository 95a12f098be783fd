"""Where rules register themselves. A rule module ends with ``RULES.add(RULE.code, RULE, home=__name__)``."""

from __future__ import annotations

from netdoctor.model import Rule
from netdoctor.registry import Registry

RULES: Registry[Rule] = Registry("netdoctor.rules")
